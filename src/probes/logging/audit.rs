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
    /// What the rules of the kernel's audit record, taken apart: one row for each system call of a rule on each kind of
    /// processor, and one for each watched path.
    "audit_coverage" => AuditCoverage {
        /// File of the rule, or `auditctl` for those in use.
        source: String,
        /// Line in it.
        line: i64,
        /// `running` for rules in use, `configured` for those loaded at the next start.
        stage: String,
        /// Kind of processor, `b64` or `b32`; null for both.
        arch: Option<String>,
        /// System call, or `all`; null for a watched path.
        syscall: Option<String>,
        /// Watched file or folder; null without.
        path: Option<String>,
        /// Kinds of access to the path, of `rwxa`; null without a path.
        permissions: Option<String>,
        /// What else must be true, in order, separated by spaces, such as `auid!=unset auid>=1000`; empty when nothing.
        conditions: String,
    }
    offline: true,
    examples: ["select syscall, arch, conditions from audit_coverage where stage = 'configured' and syscall is not null"],
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
        facts.absent::<AuditCoverage>("the audit program is not installed");
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
            both(gap, facts);
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
            Err(error) => both(Gap::new("the rules of the audit", path, error.reason()), facts),
        }
    }
}

fn running(host: &Host, facts: &mut Facts) {
    if !host.is_root() {
        let gap = Gap::new("which audit rules are in use", "auditctl", Reason::NeedsRoot);
        return both(gap, facts);
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
            both(Gap::new("which audit rules are in use", "auditctl", error.reason()), facts);
        }
    }
}

fn both(gap: Gap, facts: &mut Facts) {
    facts.partial::<AuditRule>(gap.clone());
    facts.partial::<AuditCoverage>(gap);
}

/// Takes a rule apart (auditctl(8)). One that keeps records away, or belongs to another list than that of finished
/// calls, records nothing.
fn coverage(rule: &str) -> Vec<AuditCoverage> {
    let row =
        |arch: Option<&str>, syscall: Option<&str>, path: Option<&str>, permissions: Option<String>, rest: &str| {
            let owned = |text: Option<&str>| text.map(str::to_owned);
            AuditCoverage {
                source: String::new(),
                line: 0,
                stage: String::new(),
                arch: owned(arch),
                syscall: owned(syscall),
                path: owned(path),
                permissions,
                conditions: rest.to_owned(),
            }
        };
    let tidy_path = |path: &str| if path.len() > 1 { path.trim_end_matches('/').to_owned() } else { path.to_owned() };
    let (mut list, mut arch, mut path, mut permissions) = (None, None, None, "rwxa".to_owned());
    let (mut calls, mut rest) = (Vec::new(), Vec::new());
    let mut words = rule.split_whitespace();
    while let Some(word) = words.next() {
        let Some(value) = words.next() else { break };
        match word {
            "-w" => (list, path) = (Some("always,exit"), Some(tidy_path(value))),
            "-p" => value.clone_into(&mut permissions),
            "-a" | "-A" => list = Some(value),
            "-S" => calls.extend(value.split(',')),
            "-C" => rest.push(value.to_owned()),
            "-F" => match value.split_once('=') {
                Some(("arch", is)) => arch = Some(is),
                Some(("path" | "dir", is)) => path = Some(tidy_path(is)),
                Some(("perm", is)) => is.clone_into(&mut permissions),
                Some(("key", _)) => {}
                // The kernel tells the number of nobody in other words than people write it.
                _ => rest.push(value.replace("!=-1", "!=unset").replace("!=4294967295", "!=unset")),
            },
            _ => {}
        }
    }
    if !matches!(list, Some("always,exit" | "exit,always")) {
        return Vec::new();
    }
    rest.sort();
    rest.dedup();
    let rest = rest.join(" ");
    if path.is_some() && calls.iter().all(|c| *c == "all") {
        return vec![row(arch, None, path.as_deref(), Some(permissions), &rest)];
    }
    if calls.is_empty() {
        calls.push("all");
    }
    let permissions = path.is_some().then_some(permissions);
    calls.iter().map(|call| row(arch, Some(call), path.as_deref(), permissions.clone(), &rest)).collect()
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
    for row in coverage(rule) {
        facts.push(AuditCoverage { source: source.clone(), line, stage: stage.clone(), ..row });
    }
    facts.push(AuditRule { source, line, stage, rule_type: rule_type.to_owned(), rule: rule.to_owned(), key_name });
}

#[cfg(test)]
mod tests {
    use super::coverage;

    fn told(rule: &str) -> Vec<String> {
        let dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let rows = coverage(rule).into_iter();
        rows.map(|r| {
            let permissions = dash(r.permissions);
            format!("{} {} {} {permissions} [{}]", dash(r.arch), dash(r.syscall), dash(r.path), r.conditions)
        })
        .collect()
    }

    #[test]
    fn rules_are_taken_apart_however_they_are_written() {
        assert_eq!(told("-w /etc/sudoers.d/ -p wa -k x"), ["- - /etc/sudoers.d wa []"]);
        assert_eq!(told("-w / -k x"), ["- - / rwxa []"]);
        let files = "-a always,exit -F arch=b64 -S chmod,fchmod -S fchmodat -F auid>=1000 -F auid!=-1 -F key=x";
        let told_files = ["chmod", "fchmod", "fchmodat"].map(|c| format!("b64 {c} - - [auid!=unset auid>=1000]"));
        assert_eq!(told(files), told_files);
        // As auditctl -l tells a watch with conditions.
        let program = "-a always,exit -S all -F path=/usr/bin/kmod -F perm=x -F auid!=4294967295 -F auid>=1000";
        assert_eq!(told(program), ["- - /usr/bin/kmod x [auid!=unset auid>=1000]"]);
        assert_eq!(told("-a exit,always -S execve -C euid!=uid"), ["- execve - - [euid!=uid]"]);
        assert_eq!(told("-a always,exit -F dir=/srv/ -S unlink"), ["- unlink /srv rwxa []"]);
        for none in ["-a never,exit -S chmod", "-a always,task", "-D", "-b 8192", "-e 2", "-a"] {
            assert_eq!(told(none), Vec::<String>::new(), "{none}");
        }
    }
}
