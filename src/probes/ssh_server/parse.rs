//! The syntax that `sshd_config` and `ssh_config` share: keywords, quotes, comments, Include, Match and Host blocks.
//! Follows sshd_config(5) and OpenSSH's own reader; it decides nothing about meaning.

use crate::{
    facts::Gap,
    host::{Host, ReadError},
};

/// How deep files may include files; OpenSSH's own limit.
const DEPTH: usize = 16;
/// How many files are read in all.
const FILES: usize = 500;
/// How many lines are kept in all.
const LINES: usize = 50_000;

/// One line that sets something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// Keyword in lower case.
    pub keyword: String,
    /// Words after it, unquoted.
    pub words: Vec<String>,
    /// File.
    pub source: String,
    /// Line, from 1.
    pub line: i64,
    /// `global`, or the `Match` or `Host` line it stands under.
    pub context: String,
}

/// What was read from a file and all it includes.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// Lines in the order in which they count.
    pub lines: Vec<Line>,
    /// Files read, with the first.
    pub files: Vec<String>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
}

/// Reads `path` and what it includes; relative includes are taken from `/etc/ssh`. A first file that is not there is
/// read as empty.
pub(crate) fn read(host: &Host, path: &str, what: &'static str) -> Reading {
    let mut reading = Reading::default();
    file(host, path, what, GLOBAL, 0, &mut reading);
    reading
}

/// The context of lines outside all blocks.
pub(crate) const GLOBAL: &str = "global";

fn file(host: &Host, path: &str, what: &'static str, outer: &str, depth: usize, reading: &mut Reading) {
    if depth > DEPTH || reading.files.len() >= FILES || reading.lines.len() >= LINES {
        reading.gaps.push(Gap::new(what, path, crate::probes::servers::too_much()));
        return;
    }
    let text = match host.read_text(path) {
        Ok(text) => text,
        Err(ReadError::NotFound(_)) => return,
        Err(error) => return reading.gaps.push(Gap::new(what, path, error.reason())),
    };
    reading.files.push(path.to_owned());
    // A block ends with the file it began in.
    let mut context = outer.to_owned();
    for (number, raw) in (1_i64..).zip(text.lines()) {
        let Some((keyword, words)) = split(raw) else { continue };
        match keyword.as_str() {
            "include" => {
                for pattern in words.iter().filter(|p| !p.starts_with('~')) {
                    let pattern =
                        if pattern.starts_with('/') { pattern.clone() } else { format!("/etc/ssh/{pattern}") };
                    for path in host.glob(&pattern) {
                        file(host, &path, what, &context, depth + 1, reading);
                    }
                }
            }
            "match" | "host" => {
                let name = if keyword == "match" { "Match" } else { "Host" };
                let block = format!("{name} {}", words.join(" "));
                // A block within a block counts only where both hold.
                context = if outer == GLOBAL { block } else { format!("{outer} and {block}") };
            }
            _ if reading.lines.len() < LINES => reading.lines.push(Line {
                keyword,
                words,
                source: path.to_owned(),
                line: number,
                context: context.clone(),
            }),
            _ => {}
        }
    }
}

/// Keyword and words of a line; none for a blank line, a comment or a keyword alone.
pub(crate) fn split(raw: &str) -> Option<(String, Vec<String>)> {
    let blank = [' ', '\t', '\r', '\x0c'];
    let line = raw.trim_matches(&blank[..]);
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let (keyword, rest) = match line.strip_prefix('"').and_then(|l| l.split_once('"')) {
        Some(parts) => parts,
        None => line.split_at(line.find([' ', '\t', '=']).unwrap_or(line.len())),
    };
    // One equals sign may stand between keyword and value.
    let rest = rest.trim_start_matches(&blank[..]);
    let rest = rest.strip_prefix('=').unwrap_or(rest);
    let words = words(rest);
    (!words.is_empty()).then(|| (keyword.to_lowercase(), words))
}

/// Words as OpenSSH splits them: quotes of both kinds, backslashes before quotes, `#` at a word's start ends the line.
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(&c) = chars.peek() {
        if c.is_ascii_whitespace() {
            chars.next();
            continue;
        }
        if c == '#' {
            break;
        }
        let mut word = String::new();
        let mut quote = None;
        while let Some(&c) = chars.peek() {
            if quote.is_none() && c.is_ascii_whitespace() {
                break;
            }
            chars.next();
            match c {
                '\\' if chars
                    .peek()
                    .is_some_and(|n| matches!(n, '"' | '\'' | '\\') || (quote.is_none() && *n == ' ')) =>
                {
                    word.extend(chars.next());
                }
                '"' | '\'' if quote == Some(c) => quote = None,
                '"' | '\'' if quote.is_none() => quote = Some(c),
                _ => word.push(c),
            }
        }
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(line: &str) -> Option<(String, String)> {
        split(line).map(|(k, w)| (k, w.join("|")))
    }

    #[test]
    fn tabs_equals_signs_quotes_and_comments_are_read_as_openssh_reads_them() {
        let is = |line: &str, key: &str, words: &str| assert_eq!(one(line), Some((key.into(), words.into())), "{line}");
        is("PermitRootLogin no", "permitrootlogin", "no");
        is("\tPERMITROOTLOGIN\t\tno\r", "permitrootlogin", "no");
        is("PermitRootLogin=no", "permitrootlogin", "no");
        is("PermitRootLogin = no", "permitrootlogin", "no");
        is("PermitRootLogin no # not yes", "permitrootlogin", "no");
        is("AllowUsers alice \"bob smith\" o\\'neil", "allowusers", "alice|bob smith|o'neil");
        is("Banner \"/etc/issue#net\"", "banner", "/etc/issue#net");
        assert_eq!(one("#PermitRootLogin yes"), None);
        assert_eq!(one("   # PermitRootLogin yes"), None);
        assert_eq!(one("PermitRootLogin"), None);
        assert_eq!(one("PermitRootLogin # nothing"), None);
    }

    #[test]
    fn a_file_that_includes_itself_ends() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("etc/ssh")).unwrap();
        std::fs::write(dir.path().join("etc/ssh/sshd_config"), "Include sshd_config\nInclude sshd_config\nPort 1\n")
            .unwrap();
        let host = Host::fake(dir.path(), jiff::Timestamp::UNIX_EPOCH, std::collections::BTreeMap::new()).unwrap();
        let reading = read(&host, "/etc/ssh/sshd_config", "the settings");
        assert!(!reading.gaps.is_empty());
        assert!(reading.files.len() <= FILES);
    }
}
