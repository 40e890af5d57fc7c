//! The kernel's audit: what is written down about who did what, and how auditd keeps it.

use crate::{
    fact_table,
    facts::{Facts, Gap, Reason},
    host::{Command, Host, RunError},
};

fact_table! {
    /// Rules of the kernel's audit.
    "audit_rules" => AuditRule {
        /// File of the rule, or `auditctl` for those in use.
        source: String,
        /// Line in it.
        line: i64,
        /// `running` for rules in use, `configured` for those loaded at the next start.
        stage: String,
        /// `watch` of a file, `syscall`, or `control` for settings.
        rule_type: String,
        /// The rule as written.
        rule: String,
        /// The key that marks its records; null without.
        key_name: Option<String>,
    }
    offline: true,
    examples: ["select rule, key_name from audit_rules where rule_type <> 'control'"],
}

fact_table! {
    /// Settings of auditd.
    "auditd_config" => AuditdConfig {
        /// File.
        source: String,
        /// Line in it.
        line: i64,
        /// Key, in small letters, such as `max_log_file_action`.
        name: String,
        /// Value, in small letters unless it is a path.
        value: String,
    }
    offline: true,
    examples: ["select value from auditd_config where name = 'max_log_file_action'"],
}

const CONFIG: &str = "/etc/audit/auditd.conf";
const AUDITCTL: &[&str] = &["/usr/sbin/auditctl", "/sbin/auditctl"];

pub(super) fn read(host: &Host, facts: &mut Facts) {
    if !["/usr/sbin/auditd", "/sbin/auditd"].iter().any(|p| host.exists(p)) {
        facts.absent::<AuditRule>("the audit program is not installed");
        facts.absent::<AuditdConfig>("the audit program is not installed");
        return;
    }
    match host.read_text(CONFIG) {
        Ok(text) => config(&text, facts),
        Err(error) if error.is_not_found() => {}
        Err(error) => facts.unread::<AuditdConfig>(Gap::new("the settings of the audit", CONFIG, error.reason())),
    }
    rules_of_files(host, facts);
    if host.is_live() {
        running(host, facts);
    }
}

fn config(text: &str, facts: &mut Facts) {
    for (line, text) in (1_i64..).zip(text.lines()) {
        let text = text.trim();
        if text.starts_with('#') {
            continue;
        }
        let Some((name, value)) = text.split_once('=') else { continue };
        let value = value.trim();
        let value = if value.starts_with('/') { value.to_owned() } else { value.to_ascii_lowercase() };
        let name = name.trim().to_ascii_lowercase();
        facts.push(AuditdConfig { source: CONFIG.to_owned(), line, name, value });
    }
}

/// augenrules puts `rules.d/*.rules` together into `audit.rules`; the parts are what people edit.
fn rules_of_files(host: &Host, facts: &mut Facts) {
    let mut paths = host.glob("/etc/audit/rules.d/*.rules");
    if let Err(error) = host.list("/etc/audit/rules.d") {
        if error.is_not_found() {
            paths = vec!["/etc/audit/audit.rules".to_owned()];
        } else {
            let gap = Gap::new("the rules of the audit", "/etc/audit/rules.d", error.reason());
            facts.partial::<AuditRule>(gap);
        }
    }
    for path in paths {
        match host.read_text(&path) {
            Ok(text) => {
                for (line, text) in (1_i64..).zip(text.lines()) {
                    push(text, &path, line, "configured", facts);
                }
            }
            Err(error) if error.is_not_found() => {}
            Err(error) => facts.partial::<AuditRule>(Gap::new("the rules of the audit", path, error.reason())),
        }
    }
}

fn running(host: &Host, facts: &mut Facts) {
    if !host.is_root() {
        let gap = Gap::new("which audit rules are in use", "auditctl", Reason::NeedsRoot);
        return facts.partial::<AuditRule>(gap);
    }
    match host.run(&Command::new(AUDITCTL).args(["-l"])).and_then(|o| o.success("auditctl")) {
        Ok(text) => {
            for (line, text) in (1_i64..).zip(text.lines()) {
                if !text.starts_with("No rules") {
                    push(text, "auditctl", line, "running", facts);
                }
            }
        }
        // Root itself is refused only in a container: the audit belongs to the machine outside.
        Err(RunError::Failed { said, .. }) if said.contains("Operation not permitted") => {
            facts.absent::<AuditRule>("a container may not ask the kernel about its audit");
        }
        Err(error) => {
            facts.partial::<AuditRule>(Gap::new("which audit rules are in use", "auditctl", error.reason()));
        }
    }
}

fn push(text: &str, source: &str, line: i64, stage: &str, facts: &mut Facts) {
    let rule = text.trim();
    if rule.is_empty() || rule.starts_with('#') {
        return;
    }
    let mut words = rule.split_whitespace();
    let rule_type = match words.next() {
        Some("-w") => "watch",
        Some("-a" | "-A") if rule.contains("-F path=") || rule.contains("-F dir=") => "watch",
        Some("-a" | "-A") => "syscall",
        _ => "control",
    };
    let mut words = rule.split_whitespace();
    let mut key_name = None;
    while let Some(word) = words.next() {
        if word == "-k" {
            key_name = words.next().map(str::to_owned);
        } else if let Some(key) = word.strip_prefix("key=") {
            key_name = Some(key.to_owned());
        }
    }
    let (source, stage) = (source.to_owned(), stage.to_owned());
    facts.push(AuditRule { source, line, stage, rule_type: rule_type.to_owned(), rule: rule.to_owned(), key_name });
}
