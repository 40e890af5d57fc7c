//! The grammar of sudoers(5): one file to statements. It follows no includes and knows no other file.

/// A thing that may be turned round by `!`: a user, a host or a command as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub negated: bool,
    pub text: String,
}

/// Which alias a name belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    User,
    Runas,
    Host,
    Command,
}

/// One command of a rule and how it may be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CommandSpec {
    /// As whom; none when the rule does not say, which means root.
    pub runas: Option<Vec<Item>>,
    /// `Some(true)` for NOPASSWD, `Some(false)` for PASSWD.
    pub nopasswd: Option<bool>,
    pub noexec: bool,
    pub setenv: bool,
    pub command: Item,
}

/// A statement of sudoers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Statement {
    Include { path: String, dir: bool },
    Alias { kind: Kind, name: String, items: Vec<Item> },
    Defaults { scope: Option<(Kind, Vec<Item>)>, settings: Vec<(String, String)> },
    Rule { users: Vec<Item>, header: String, details: String, hosts: Vec<Item>, commands: Vec<CommandSpec> },
    Broken,
}

/// Statements with the line where they begin.
pub(super) fn parse(text: &str) -> Vec<(i64, Statement)> {
    let mut out = Vec::new();
    for (line, text) in logical_lines(text) {
        match statements(&text) {
            Some(found) => out.extend(found.into_iter().map(|s| (line, s))),
            None => out.push((line, Statement::Broken)),
        }
    }
    out
}

/// Lines joined where one ends in a backslash, without comments.
fn logical_lines(text: &str) -> Vec<(i64, String)> {
    let mut out: Vec<(i64, String)> = Vec::new();
    let mut open: Option<(i64, String)> = None;
    for (number, line) in (1_i64..).zip(text.lines()) {
        let (start, mut whole) = open.take().unwrap_or((number, String::new()));
        let (kept, commented) = without_comment(line, whole.trim().is_empty());
        match kept.strip_suffix('\\') {
            Some(part) if !commented => {
                whole.push_str(part);
                open = Some((start, whole));
            }
            _ => {
                whole.push_str(kept);
                out.push((start, whole));
            }
        }
    }
    out.extend(open);
    out.retain(|(_, l)| !l.trim().is_empty());
    for (_, line) in &mut out {
        *line = line.trim().to_owned();
    }
    out
}

/// Cuts a comment off: `#` that begins no number, no `#include` and is neither quoted nor escaped.
fn without_comment(line: &str, first: bool) -> (&str, bool) {
    let start = line.trim_start();
    if first
        && (start.starts_with("#include ")
            || start.starts_with("#includedir ")
            || start.starts_with("#include\t")
            || start.starts_with("#includedir\t"))
    {
        return (line, false);
    }
    let (mut quoted, mut escaped) = (false, false);
    let mut before = None;
    for (at, c) in line.char_indices() {
        let next = line.get(at + 1..).and_then(|r| r.chars().next());
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            '#' if !quoted => {
                // `#1000` is a user by number, `%#1000` a group by number.
                let number = next.is_some_and(|n| n.is_ascii_digit() || n == '-');
                let in_place = before.is_none_or(|b: char| b.is_whitespace() || "%,(:!".contains(b));
                if !(number && in_place) {
                    return (line.get(..at).unwrap_or(line), true);
                }
            }
            _ => {}
        }
        before = Some(c);
    }
    (line, false)
}

fn statements(line: &str) -> Option<Vec<Statement>> {
    let word = line.split(|c: char| c.is_whitespace()).next().unwrap_or_default();
    let rest = line.get(word.len()..).unwrap_or_default().trim();
    if let Some(include) = word.strip_prefix(['@', '#']).filter(|w| matches!(*w, "include" | "includedir")) {
        let path = unescape(rest.trim_matches('"'));
        return (!path.is_empty()).then(|| vec![Statement::Include { path, dir: include == "includedir" }]);
    }
    if let Some(scope) = word.strip_prefix("Defaults")
        && (scope.is_empty() || scope.starts_with([':', '@', '!', '>']))
    {
        return defaults(line.get("Defaults".len()..).unwrap_or_default());
    }
    let kind = match word {
        "User_Alias" => Kind::User,
        "Runas_Alias" => Kind::Runas,
        "Host_Alias" => Kind::Host,
        "Cmnd_Alias" | "Cmd_Alias" => Kind::Command,
        _ => return rule(line),
    };
    let mut out = Vec::new();
    for part in split(rest, ':') {
        let (name, items) = part.split_once('=')?;
        let name = name.trim().to_owned();
        if !is_alias(&name) {
            return None;
        }
        out.push(Statement::Alias { kind, name, items: items_of(items) });
    }
    Some(out)
}

/// Whether a word has the form of an alias: a capital letter, then capitals, digits and underscores.
pub(super) fn is_alias(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_uppercase())
        && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// `Defaults`, then a scope directly behind it, then settings separated by commas.
fn defaults(rest: &str) -> Option<Vec<Statement>> {
    let kind = match rest.chars().next() {
        Some(':') => Some(Kind::User),
        Some('@') => Some(Kind::Host),
        Some('!') => Some(Kind::Command),
        Some('>') => Some(Kind::Runas),
        _ => None,
    };
    let (scope, rest) = match kind {
        Some(kind) => {
            let (list, rest) = take_list(rest.get(1..).unwrap_or_default());
            (Some((kind, list)), rest)
        }
        None => (None, rest),
    };
    let mut settings = Vec::new();
    for part in split(rest, ',') {
        let part = part.trim();
        if part.is_empty() {
            continue;
        }
        let (name, value) = match part.split_once('=') {
            Some((name, value)) => (name.trim(), value.trim().trim_matches('"')),
            None => match part.strip_prefix('!') {
                Some(name) => (name.trim(), "off"),
                None => (part, "on"),
            },
        };
        // `env_keep += …` is usual, `env_keep+=…` the same.
        settings.push((name.split_whitespace().collect(), unescape(value)));
    }
    (!settings.is_empty()).then(|| vec![Statement::Defaults { scope, settings }])
}

/// Users, then one or more `hosts = commands`, separated by colons.
fn rule(line: &str) -> Option<Vec<Statement>> {
    let (users, rest) = take_list(line);
    let header = line.get(..line.len() - rest.len()).unwrap_or_default().trim().to_owned();
    let mut rest = rest.trim();
    let details = rest.to_owned();
    let mut out = Vec::new();
    if users.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let equals = find(rest, "=")?;
        let hosts = items_of(rest.get(..equals)?);
        let (commands, after) = commands(rest.get(equals + 1..)?)?;
        if hosts.is_empty() || commands.is_empty() {
            return None;
        }
        out.push(Statement::Rule {
            users: users.clone(),
            header: header.clone(),
            details: details.clone(),
            hosts,
            commands,
        });
        rest = after.trim();
    }
    (!out.is_empty()).then_some(out)
}

const TAGS: &[&str] = &[
    "EXEC",
    "NOEXEC",
    "FOLLOW",
    "NOFOLLOW",
    "INTERCEPT",
    "NOINTERCEPT",
    "LOG_INPUT",
    "NOLOG_INPUT",
    "LOG_OUTPUT",
    "NOLOG_OUTPUT",
    "MAIL",
    "NOMAIL",
    "PASSWD",
    "NOPASSWD",
    "SETENV",
    "NOSETENV",
];
const OPTIONS: &[&str] =
    &["ROLE", "TYPE", "PRIVS", "LIMITPRIVS", "NOTBEFORE", "NOTAFTER", "TIMEOUT", "CWD", "CHROOT", "APPARMOR_PROFILE"];

/// Commands up to a colon or the end; what follows the colon is returned.
fn commands(text: &str) -> Option<(Vec<CommandSpec>, &str)> {
    let mut out: Vec<CommandSpec> = Vec::new();
    let mut rest = text.trim_start();
    let (mut runas, mut nopasswd, mut noexec, mut setenv) = (None, None, false, false);
    loop {
        // Whom to run as, tags and options hold for all that follow.
        loop {
            if let Some(inner) = rest.strip_prefix('(') {
                let end = inner.find(')')?;
                let users = inner.get(..end)?;
                let users = find(users, ":").map_or(users, |at| users.get(..at).unwrap_or_default());
                runas = Some(items_of(users));
                rest = inner.get(end + 1..)?.trim_start();
                continue;
            }
            let word: String = rest.chars().take_while(|c| c.is_ascii_uppercase() || *c == '_').collect();
            let after = rest.get(word.len()..)?.trim_start();
            if let (true, Some(after)) = (TAGS.contains(&word.as_str()), after.strip_prefix(':')) {
                match word.as_str() {
                    "NOPASSWD" => nopasswd = Some(true),
                    "PASSWD" => nopasswd = Some(false),
                    "NOEXEC" => noexec = true,
                    "EXEC" => noexec = false,
                    "SETENV" => setenv = true,
                    "NOSETENV" => setenv = false,
                    _ => {}
                }
                rest = after.trim_start();
            } else if let (true, Some(after)) = (OPTIONS.contains(&word.as_str()), after.strip_prefix('=')) {
                let after = after.trim_start();
                let end = after.find(char::is_whitespace)?;
                rest = after.get(end..)?.trim_start();
            } else {
                break;
            }
        }
        let mut negated = false;
        while let Some(after) = rest.strip_prefix('!') {
            negated = !negated;
            rest = after.trim_start();
        }
        // Checksums of the program stand before it, several separated by commas.
        while let Some(after) = ["sha224", "sha256", "sha384", "sha512"].iter().find_map(|d| rest.strip_prefix(d)) {
            let after = after.trim_start().strip_prefix(':')?.trim_start();
            let end = after.find(|c: char| c.is_whitespace() || c == ',')?;
            rest = after.get(end..)?.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
        }
        let end = if rest.starts_with('^') {
            let close = rest
                .match_indices('$')
                .map(|(at, _)| at + 1)
                .find(|at| rest.get(*at..).is_some_and(|r| r.is_empty() || r.starts_with([',', ' ', '\t', ':'])))?;
            close + find(rest.get(close..)?, ",:").unwrap_or(rest.len() - close)
        } else {
            find(rest, ",:").unwrap_or(rest.len())
        };
        let command = rest.get(..end)?.split_whitespace().collect::<Vec<_>>().join(" ");
        let is_command = command.starts_with(['/', '^'])
            || is_alias(&command)
            || ["sudoedit", "list"].iter().any(|w| command.split(' ').next() == Some(w));
        if !is_command {
            return None;
        }
        out.push(CommandSpec {
            runas: runas.clone(),
            nopasswd,
            noexec,
            setenv,
            command: Item { negated, text: unescape(&command) },
        });
        rest = rest.get(end..)?;
        match rest.chars().next() {
            Some(',') => rest = rest.get(1..)?.trim_start(),
            Some(_) => return Some((out, rest.get(1..)?)),
            None => return Some((out, "")),
        }
    }
}

/// A comma-separated list at the start of a text, and what follows it.
fn take_list(text: &str) -> (Vec<Item>, &str) {
    let mut items = Vec::new();
    let mut rest = text.trim_start();
    loop {
        let mut negated = false;
        while let Some(after) = rest.strip_prefix('!') {
            negated = !negated;
            rest = after.trim_start();
        }
        let (mut quoted, mut escaped) = (false, false);
        let end = rest
            .char_indices()
            .find(|(_, c)| {
                let stop = !quoted && !escaped && (c.is_whitespace() || matches!(c, ',' | '='));
                escaped = !escaped && *c == '\\';
                if *c == '"' {
                    quoted = !quoted;
                }
                stop
            })
            .map_or(rest.len(), |(at, _)| at);
        let text = unescape(rest.get(..end).unwrap_or_default()).replace('"', "");
        if text.is_empty() {
            return (items, rest);
        }
        items.push(Item { negated, text });
        rest = rest.get(end..).unwrap_or_default();
        match rest.trim_start().strip_prefix(',') {
            Some(after) => rest = after.trim_start(),
            None => return (items, rest),
        }
    }
}

/// All items of a comma-separated list.
fn items_of(text: &str) -> Vec<Item> {
    split(text, ',')
        .into_iter()
        .filter_map(|part| {
            let mut word = part.trim();
            let mut negated = false;
            while let Some(after) = word.strip_prefix('!') {
                negated = !negated;
                word = after.trim_start();
            }
            let text = unescape(word.trim_matches('"'));
            (!text.is_empty()).then_some(Item { negated, text })
        })
        .collect()
}

/// Where one of `stops` first stands outside quotes and escapes.
fn find(text: &str, stops: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            c if !quoted && stops.contains(c) => return Some(at),
            _ => {}
        }
    }
    None
}

fn split(text: &str, stop: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    let stops = stop.to_string();
    while let Some(at) = find(rest, &stops) {
        parts.push(rest.get(..at).unwrap_or_default());
        rest = rest.get(at + 1..).unwrap_or_default();
    }
    parts.push(rest);
    parts
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next()),
            c => out.push(c),
        }
    }
    out
}
