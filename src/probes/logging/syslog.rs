//! What the syslog program is told: rsyslog's old and new style with its includes, syslog-ng's destinations, and
//! where systemd sends its journal.

use crate::{
    fact_table,
    facts::{Facts, Gap},
    host::Host,
    probes::{servers, services::unit},
};

fact_table! {
    /// What the syslog program is told: where records go and who may send some.
    "syslog_config" => SyslogConfig {
        /// File of the rule.
        source: String,
        /// Line in it.
        line: i64,
        /// `rsyslog`, `syslog-ng` or `journal-upload`.
        program: String,
        /// `file`, `remote`, `users`, `input`, `module` or `setting`.
        action: String,
        /// Which records, such as `auth,authpriv.*`; name of a setting; null when it is not said there.
        selector: Option<String>,
        /// File, machine and port, or value.
        target: String,
        /// How records travel: `udp`, `tcp` or `relp`; null when they stay here.
        transport: Option<String>,
        /// Whether nobody on the way can read them; null when they stay here.
        encrypted: Option<bool>,
    }
    offline: true,
    examples: [
        "select selector, target from syslog_config where action = 'file'",
        "select target, transport, encrypted from syslog_config where action = 'remote'",
    ],
}

/// Most files, and deepest include.
const MOST_FILES: usize = 500;
const DEEPEST: usize = 8;
const WHAT: &str = "where records are sent";

pub(super) fn read(host: &Host, facts: &mut Facts) {
    let mut rows = Vec::new();
    let mut found = false;
    let upload = upload(host, &mut rows);
    if host.exists("/usr/sbin/rsyslogd") {
        found = true;
        let mut reader = Rsyslog { host, rows: &mut rows, files: 0, encrypted: false, gaps: Vec::new(), cut: false };
        reader.file("/etc/rsyslog.conf", 0);
        if reader.cut {
            reader.gaps.push(Gap::new(WHAT, "/etc/rsyslog.conf", servers::too_much()));
        }
        for gap in reader.gaps {
            facts.partial::<SyslogConfig>(gap);
        }
    }
    if host.exists("/usr/sbin/syslog-ng") {
        found = true;
        let paths = ["/etc/syslog-ng/syslog-ng.conf".to_owned()].into_iter();
        for path in paths.chain(host.glob("/etc/syslog-ng/conf.d/*.conf")) {
            match host.read_text(&path) {
                Ok(text) => syslog_ng(&text, &path, &mut rows),
                Err(error) => {
                    facts.partial::<SyslogConfig>(Gap::new(WHAT, path, error.reason()));
                }
            }
        }
    }
    if !found && !upload {
        return facts.absent::<SyslogConfig>("no syslog program is installed");
    }
    rows.into_iter().for_each(|row| facts.push(row));
}

struct Rsyslog<'a> {
    host: &'a Host,
    rows: &'a mut Vec<SyslogConfig>,
    files: usize,
    /// Whether the old style switched on encryption for what follows.
    encrypted: bool,
    gaps: Vec<Gap>,
    /// Whether includes go on beyond what is read.
    cut: bool,
}

impl Rsyslog<'_> {
    fn file(&mut self, path: &str, depth: usize) {
        if depth > DEEPEST || self.files >= MOST_FILES {
            self.cut = true;
            return;
        }
        self.files += 1;
        let text = match self.host.read_text(path) {
            Ok(text) => text,
            Err(error) if error.is_not_found() => return,
            Err(error) => return self.gaps.push(Gap::new(WHAT, path, error.reason())),
        };
        let mut selector = String::new();
        for (line, statement) in statements(&text) {
            self.statement(path, line, &statement, &mut selector, depth);
        }
    }

    fn include(&mut self, pattern: &str, depth: usize) {
        let pattern = if pattern.ends_with('/') { format!("{pattern}*") } else { pattern.to_owned() };
        for path in self.host.glob(&pattern) {
            self.file(&path, depth.saturating_add(1));
        }
    }

    fn statement(&mut self, source: &str, line: i64, text: &str, selector: &mut String, depth: usize) {
        let push = |rows: &mut Vec<SyslogConfig>,
                    action: &str,
                    selector: Option<&str>,
                    target: String,
                    way: Option<(&str, bool)>| {
            rows.push(SyslogConfig {
                source: source.to_owned(),
                line,
                program: "rsyslog".to_owned(),
                action: action.to_owned(),
                selector: selector.map(str::to_owned),
                target,
                transport: way.map(|(t, _)| t.to_owned()),
                encrypted: way.map(|(_, e)| e),
            });
        };
        if let Some(directive) = text.strip_prefix('$') {
            let (name, value) = directive.split_once(char::is_whitespace).unwrap_or((directive, ""));
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "includeconfig" => self.include(value, depth),
                "actionsendstreamdrivermode" => self.encrypted = value == "1",
                "modload" => push(self.rows, "module", None, value.to_owned(), None),
                "udpserverrun" => push(self.rows, "input", None, value.to_owned(), Some(("udp", false))),
                "inputtcpserverrun" => push(self.rows, "input", None, value.to_owned(), Some(("tcp", false))),
                _ => push(self.rows, "setting", Some(name), value.to_owned(), None),
            }
            return;
        }
        // The new style may stand behind a selector or inside { }.
        if let Some((kind, before, arguments)) = call(text) {
            let get = |key: &str| argument(arguments, key);
            let kept = before.trim();
            let selector = (!kept.is_empty() && !kept.contains(['{', '}'])).then_some(kept);
            match (kind, get("type").unwrap_or_default().to_ascii_lowercase().as_str()) {
                ("include", _) => {
                    if let Some(pattern) = get("file") {
                        self.include(&pattern, depth);
                    }
                }
                ("module", _) => push(self.rows, "module", None, get("load").unwrap_or_default(), None),
                ("input", kind) => {
                    let way = match kind {
                        "imudp" => Some(("udp", false)),
                        "imtcp" | "imptcp" => Some(("tcp", get("streamdriver.mode").as_deref() == Some("1"))),
                        "imrelp" => Some(("relp", get("tls").as_deref() == Some("on"))),
                        _ => None,
                    };
                    push(self.rows, "input", None, get("port").unwrap_or_else(|| kind.to_owned()), way);
                }
                ("action", "omfile") => {
                    push(
                        self.rows,
                        "file",
                        selector,
                        get("file").or_else(|| get("dynafile")).unwrap_or_default(),
                        None,
                    );
                }
                ("action", "omusrmsg") => push(self.rows, "users", selector, get("users").unwrap_or_default(), None),
                ("action", kind @ ("omfwd" | "omrelp")) => {
                    let port = get("port").map(|p| format!(":{p}")).unwrap_or_default();
                    let target = get("target").unwrap_or_default() + &port;
                    let tls = get("streamdrivermode").or_else(|| get("streamdriver.mode")).as_deref() == Some("1")
                        || get("tls").as_deref() == Some("on")
                        || self.encrypted;
                    let protocol = get("protocol").unwrap_or_else(|| "udp".to_owned()).to_ascii_lowercase();
                    let way = if kind == "omrelp" {
                        "relp"
                    } else if protocol == "tcp" {
                        "tcp"
                    } else {
                        "udp"
                    };
                    push(self.rows, "remote", selector, target, Some((way, tls)));
                }
                _ => {}
            }
            return;
        }
        let (which, action) = if let Some(rest) = text.strip_prefix('&') {
            (selector.clone(), rest.trim().to_owned())
        } else {
            let Some((which, action)) = split_rule(text) else { return };
            *selector = which.clone();
            (which, action)
        };
        let which = Some(which.as_str()).filter(|w| !w.is_empty());
        let plain = action.split(';').next().unwrap_or_default().trim();
        if let Some(host) = plain.strip_prefix("@@") {
            push(self.rows, "remote", which, target(host), Some(("tcp", self.encrypted)));
        } else if let Some(host) = plain.strip_prefix('@') {
            push(self.rows, "remote", which, target(host), Some(("udp", false)));
        } else if let Some(rest) = plain.strip_prefix(":omusrmsg:") {
            push(self.rows, "users", which, rest.to_owned(), None);
        } else if let Some(rest) = plain.strip_prefix(":omrelp:") {
            push(self.rows, "remote", which, rest.to_owned(), Some(("relp", false)));
        } else if plain.trim_start_matches('-').starts_with(['/', '?']) {
            push(self.rows, "file", which, plain.trim_start_matches('-').to_owned(), None);
        }
    }
}

/// `(z9,o)logs.example.org:514` without its options.
fn target(text: &str) -> String {
    let rest = if text.starts_with('(') { text.split_once(')').map_or(text, |(_, rest)| rest) } else { text };
    rest.trim().to_owned()
}

/// `auth.* /var/log/x`, `:msg, contains, "[UFW " -/var/log/ufw.log`.
fn split_rule(text: &str) -> Option<(String, String)> {
    if text.starts_with(':') {
        let end = text.rfind('"')?;
        let (filter, action) = text.split_at_checked(end.saturating_add(1))?;
        return Some((filter.trim().to_owned(), action.trim().to_owned()));
    }
    if text.starts_with("if ") {
        let (filter, action) = text.split_once(" then ")?;
        return Some((filter.trim().to_owned(), action.trim().trim_start_matches('{').trim().to_owned()));
    }
    let (selector, action) = text.split_once(char::is_whitespace)?;
    selector.contains('.').then(|| (selector.to_owned(), action.trim().to_owned()))
}

/// `name(arguments)` of the new style, with what stands before it.
fn call(text: &str) -> Option<(&'static str, &str, &str)> {
    for kind in ["action", "input", "module", "include"] {
        let mut from = 0;
        while let Some(at) = text.get(from..).and_then(|rest| rest.find(kind)).map(|at| from.saturating_add(at)) {
            let (before, rest) = text.split_at_checked(at)?;
            let rest = rest.get(kind.len()..)?.trim_start();
            let free = !before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$' || c == '"');
            if free && rest.starts_with('(') {
                let end = rest.rfind(')').unwrap_or(rest.len());
                return Some((kind, before, rest.get(1..end).unwrap_or_default()));
            }
            from = at.saturating_add(kind.len());
        }
    }
    None
}

/// The value of `key="value"`, keys in any case.
fn argument(arguments: &str, key: &str) -> Option<String> {
    let lower = arguments.to_ascii_lowercase();
    let mut from = 0;
    while let Some(at) = lower.get(from..)?.find(key).map(|at| from.saturating_add(at)) {
        let after = at.saturating_add(key.len());
        let free = !lower.get(..at)?.ends_with(|c: char| c.is_alphanumeric() || c == '.' || c == '_');
        let rest = arguments.get(after..)?.trim_start();
        if let Some(value) = rest.strip_prefix('=').map(str::trim_start).filter(|_| free) {
            return match value.strip_prefix('"') {
                Some(quoted) => quoted.split('"').next().map(str::to_owned),
                None => value.split([' ', '\t', ')']).next().map(str::to_owned),
            };
        }
        from = after;
    }
    None
}

/// Statements with the line where each begins: brackets and a backslash at the end continue a line, `#` comments.
fn statements(text: &str) -> Vec<(i64, String)> {
    let mut found = Vec::new();
    let mut whole = String::new();
    let mut start = None;
    for (number, raw) in (1_i64..).zip(text.lines()) {
        let line = raw.trim();
        let line = if line.starts_with('#') { "" } else { line };
        // A comment behind a statement: a `#` after a space and outside quotes.
        let cut =
            line.match_indices(" #").find(|(at, _)| line.get(..*at).is_some_and(|b| b.matches('"').count() % 2 == 0));
        let line = cut.map_or(line, |(at, _)| line.get(..at).unwrap_or(line)).trim_end();
        if line.is_empty() && whole.is_empty() {
            continue;
        }
        let first = *start.get_or_insert(number);
        let (body, continued) = line.strip_suffix('\\').map_or((line, false), |b| (b, true));
        whole.push_str(body);
        let open = whole.matches('(').count() > whole.matches(')').count();
        let new_style = ["action(", "input(", "module(", "include(", "action (", "input (", "module (", "template("]
            .iter()
            .any(|k| whole.contains(k));
        if (continued || (open && new_style)) && whole.len() < 65_536 {
            whole.push(' ');
            continue;
        }
        start = None;
        found.push((first, std::mem::take(&mut whole).trim().to_owned()));
    }
    if !whole.trim().is_empty() {
        found.push((start.unwrap_or(1), whole.trim().to_owned()));
    }
    found
}

/// The destinations of syslog-ng.
fn syslog_ng(text: &str, source: &str, rows: &mut Vec<SyslogConfig>) {
    let mut block = String::new();
    let mut start = 0_i64;
    for (number, raw) in (1_i64..).zip(text.lines()) {
        let line = raw.split('#').next().unwrap_or_default().trim();
        if block.is_empty() && line.starts_with("destination") {
            start = number;
        } else if block.is_empty() {
            continue;
        }
        block.push_str(line);
        block.push(' ');
        if !block.contains("};") && block.len() < 65_536 {
            continue;
        }
        let whole = std::mem::take(&mut block);
        let secure = whole.contains("tls(") || whole.contains("transport(\"tls\")") || whole.contains("transport(tls)");
        for (word, way) in [
            ("file(", None),
            ("tcp(", Some("tcp")),
            ("udp(", Some("udp")),
            ("network(", Some("tcp")),
            ("syslog(", Some("tcp")),
        ] {
            let Some((before, rest)) = whole.split_once(word) else { continue };
            if before.ends_with(|c: char| c.is_alphanumeric() || c == '-' || c == '_') {
                continue;
            }
            let target = rest.split(['"', '\'']).nth(1).unwrap_or_default().to_owned();
            let udp = whole.contains("transport(\"udp\")") || whole.contains("transport(udp)");
            rows.push(SyslogConfig {
                source: source.to_owned(),
                line: start,
                program: "syslog-ng".to_owned(),
                action: if way.is_some() { "remote" } else { "file" }.to_owned(),
                selector: None,
                target,
                transport: way.map(|w| if udp { "udp" } else { w }.to_owned()),
                encrypted: way.map(|_| secure),
            });
        }
    }
}

/// Where systemd-journal-upload sends the journal; whether it is set up.
fn upload(host: &Host, rows: &mut Vec<SyslogConfig>) -> bool {
    let (settings, _) = unit::config(host, "journal-upload.conf");
    let Some(url) = unit::last(&settings, "Upload", "URL") else { return false };
    rows.push(SyslogConfig {
        source: url.source.clone(),
        line: url.line,
        program: "journal-upload".to_owned(),
        action: "remote".to_owned(),
        selector: None,
        target: url.value.clone(),
        transport: Some("tcp".to_owned()),
        // Without a scheme it is https (systemd-journal-upload(8)).
        encrypted: Some(!url.value.starts_with("http://")),
    });
    true
}
