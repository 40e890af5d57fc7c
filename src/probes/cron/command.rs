//! Which program files a cron command line starts: enough of the shell to look past `test -x … &&`, `cd`, `nice` and
//! the name of an interpreter. What cannot be told is left out, never guessed.

use crate::host::{Host, Kind};

/// Programs that only start another one.
const WRAPPERS: &[&str] = &[
    "nice",
    "ionice",
    "nohup",
    "setsid",
    "timeout",
    "flock",
    "chronic",
    "env",
    "exec",
    "command",
    "time",
    "sudo",
    "chrt",
    "taskset",
    "systemd-cat",
    "if",
    "then",
    "else",
    "do",
    "!",
];
/// Programs that run the file given to them.
const INTERPRETERS: &[&str] =
    &["sh", "bash", "dash", "zsh", "ksh", "python", "python2", "python3", "perl", "ruby", "php", "node", ".", "source"];
/// Commands of the shell that start nothing.
const BUILTINS: &[&str] =
    &["cd", "test", "[", "true", "false", "umask", "export", "echo", "sleep", "fi", "done", "set", ":"];

/// The files, in order, as absolute paths that exist.
pub(super) fn programs(host: &Host, command: &str, search: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut dir: Option<String> = None;
    for simple in simple_commands(command).into_iter().take(20) {
        one(host, &simple, search, &mut dir, &mut found);
    }
    found.dedup();
    found.truncate(20);
    found
}

fn one(host: &Host, words: &[String], search: &str, dir: &mut Option<String>, found: &mut Vec<String>) {
    let mut words = words.iter().map(String::as_str).peekable();
    while let Some(word) = words.next() {
        let name = word.rsplit('/').next().unwrap_or(word);
        if word.contains('=') && !word.contains('/') || is_assignment(word) {
            continue;
        }
        if name == "cd" {
            *dir = words.next().map(str::to_owned);
            return;
        }
        if BUILTINS.contains(&name) {
            return;
        }
        if WRAPPERS.contains(&name) {
            // Its options, then a number or a lock file where it takes one.
            while let Some(next) = words.peek() {
                let takes_value = matches!(*next, "-u" | "-n" | "-c" | "-g" | "-w" | "-k" | "-s" | "-E");
                if !next.starts_with('-') {
                    break;
                }
                words.next();
                if takes_value && !matches!(name, "flock" | "env" | "sudo")
                    || takes_value && name == "sudo" && *words.peek().unwrap_or(&"-") != "-"
                {
                    words.next();
                }
            }
            if matches!(name, "timeout" | "flock" | "taskset") {
                words.next();
            }
            continue;
        }
        let Some(path) = find(host, word, search, dir.as_deref()) else { return };
        let interpreter = INTERPRETERS.contains(&name.trim_end_matches(|c: char| c == '.' || c.is_ascii_digit()))
            || INTERPRETERS.contains(&name);
        found.push(path);
        if interpreter {
            let mut code = false;
            for next in words {
                if matches!(next, "-c" | "-e" | "-m" | "-r") {
                    code = true;
                } else if !next.starts_with('-') {
                    if code {
                        // The next word is a command line of its own; once is enough.
                        for simple in simple_commands(next).into_iter().take(5) {
                            if let Some(path) = simple.first().and_then(|w| find(host, w, search, dir.as_deref())) {
                                found.push(path);
                            }
                        }
                    } else if let Some(path) = find(host, next, "", dir.as_deref()) {
                        found.push(path);
                    }
                    return;
                }
            }
        }
        return;
    }
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=')
        .is_some_and(|(name, _)| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
}

/// The file a word names: by its path, in the folder gone to, or by the search path.
fn find(host: &Host, word: &str, search: &str, dir: Option<&str>) -> Option<String> {
    let is_file = |path: &str| host.metadata(path).is_ok_and(|m| m.kind == Kind::File);
    if word.contains(['$', '`', '*', '?']) {
        return None;
    }
    if word.starts_with('/') {
        return is_file(word).then(|| word.to_owned());
    }
    let relative = || {
        let dir = dir.filter(|d| d.starts_with('/'))?;
        let path = format!("{}/{}", dir.trim_end_matches('/'), word.trim_start_matches("./"));
        is_file(&path).then_some(path)
    };
    if word.contains('/') || search.is_empty() {
        return relative();
    }
    search
        .split(':')
        .filter(|d| d.starts_with('/'))
        .map(|d| format!("{}/{word}", d.trim_end_matches('/')))
        .find(|p| is_file(p))
}

/// Splits a command line at `;`, `&`, `|`, parentheses and line breaks into words, without redirections. An
/// unescaped `%` ends it: what follows is input.
fn simple_commands(command: &str) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    let mut redirect = false;
    let mut quote: Option<char> = None;
    let mut chars = command.chars().peekable();
    let end_word = |word: &mut String, quoted: &mut bool, words: &mut Vec<String>, redirect: &mut bool| {
        if !word.is_empty() || *quoted {
            let word = std::mem::take(word);
            if !std::mem::take(redirect) {
                words.push(word);
            }
        }
        *quoted = false;
    };
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (Some('\''), c) => word.push(c),
            (_, '\\') => word.extend(chars.next()),
            (Some(_), c) => word.push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                quoted = true;
            }
            (None, '%') => break,
            (None, ' ' | '\t') => end_word(&mut word, &mut quoted, &mut words, &mut redirect),
            (None, '>' | '<') => {
                if word.bytes().all(|b| b.is_ascii_digit()) {
                    word.clear();
                }
                end_word(&mut word, &mut quoted, &mut words, &mut redirect);
                while chars.next_if(|c| matches!(c, '>' | '<' | '&')).is_some() {}
                redirect = true;
            }
            (None, '&') if chars.peek() == Some(&'>') => {}
            (None, ';' | '&' | '|' | '(' | ')' | '{' | '}' | '\n') => {
                end_word(&mut word, &mut quoted, &mut words, &mut redirect);
                redirect = false;
                if !words.is_empty() {
                    commands.push(std::mem::take(&mut words));
                }
            }
            (None, c) => word.push(c),
        }
    }
    end_word(&mut word, &mut quoted, &mut words, &mut redirect);
    if !words.is_empty() {
        commands.push(words);
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(command: &str) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        for path in ["usr/bin", "usr/sbin", "etc", "home/bob", "opt/app"] {
            std::fs::create_dir_all(dir.path().join(path)).unwrap();
        }
        for path in [
            "usr/bin/backup",
            "usr/bin/sh",
            "usr/bin/python3",
            "usr/sbin/anacron",
            "usr/bin/php",
            "home/bob/run.sh",
            "opt/app/job.py",
            "usr/bin/mail",
            "opt/app/conf",
        ] {
            std::fs::write(dir.path().join(path), "").unwrap();
        }
        let host = Host::image(dir.path()).unwrap();
        programs(&host, command, "/usr/local/bin:/usr/bin")
    }

    #[test]
    fn programs_are_found_behind_what_usually_stands_before_them() {
        assert_eq!(found("/home/bob/run.sh --all >/opt/app/conf 2>&1"), ["/home/bob/run.sh"]);
        assert_eq!(found("test -x /usr/sbin/anacron || ( cd / && run-parts --report /etc/cron.daily )"), [""; 0]);
        assert_eq!(found("[ -x /usr/bin/php ] && if [ ! -d /run/x ]; then /usr/bin/backup; fi"), ["/usr/bin/backup"]);
        assert_eq!(found("cd /opt/app && python3 -u job.py conf"), ["/usr/bin/python3", "/opt/app/job.py"]);
        assert_eq!(found("LANG=C nice -n 19 ionice -c 3 backup | mail root"), ["/usr/bin/backup", "/usr/bin/mail"]);
        assert_eq!(found("flock -n /run/lock sh /home/bob/run.sh"), ["/usr/bin/sh", "/home/bob/run.sh"]);
        assert_eq!(found("timeout 10 \"/home/bob/run.sh\""), ["/home/bob/run.sh"]);
        assert_eq!(found("sh -c '/home/bob/run.sh; x'"), ["/usr/bin/sh", "/home/bob/run.sh"]);
        assert_eq!(found("mail%/home/bob/run.sh"), ["/usr/bin/mail"]);
        assert_eq!(found("$HOME/run.sh"), [""; 0]);
        assert_eq!(found("sudo -u bob /home/bob/run.sh"), ["/home/bob/run.sh"]);
        assert_eq!(found("'unclosed \\"), [""; 0]);
    }
}
