//! `sshd_config`: for each keyword the first value counts, keywords in any case, and a `Match` line holds until the
//! next one or the end of the file. Source: sshd_config(5) and `argv_split` of OpenSSH for quotes and comments.

use super::{
    Edit, EditError,
    lines::{
        Setting, Syntax, after_head, bad, bad_key, bad_section, bad_value, eol, header, lines, new_section, one_space,
        trim,
    },
};

/// Keywords that may be given more than once and add up.
const ADD_UP: &[&str] = &[
    "acceptenv",
    "allowgroups",
    "allowusers",
    "denygroups",
    "denyusers",
    "hostcertificate",
    "hostkey",
    "listenaddress",
    "permitlisten",
    "permitopen",
    "port",
    "setenv",
];
/// Of these, the ones that take one value a line.
const ONE_A_LINE: &[&str] = &["hostcertificate", "hostkey", "listenaddress", "port"];

/// Keywords whose value is the rest of the line as it is written, quotes and `#` with it: commands for a shell.
const RAW: &[&str] = &[
    "authorizedkeyscommand",
    "authorizedprincipalscommand",
    "forcecommand",
    "knownhostscommand",
    "localcommand",
    "proxycommand",
    "remotecommand",
    "versionaddendum",
];

/// The server's format.
pub(super) struct Sshd;

impl Syntax for Sshd {
    fn settings(&self, text: &str) -> Result<Vec<Setting>, EditError> {
        read(text)
    }

    fn check(&self, edit: &Edit<'_>) -> Result<(), EditError> {
        check(edit, &["match"])?;
        let several = edit.value.is_some_and(|value| words(value).is_ok_and(|words| words.len() > 1));
        if several && ONE_A_LINE.contains(&edit.key.to_ascii_lowercase().as_str()) {
            return bad_value(edit.key, "it takes one value a line");
        }
        Ok(())
    }

    fn is(&self, setting: &Setting, section: Option<&str>, key: &str) -> bool {
        setting.section == section.map(block_name).unwrap_or_default() && setting.name == keyword_name(key)
    }

    fn first_wins(&self) -> bool {
        true
    }

    fn adds_up(&self, key: &str) -> Option<&'static str> {
        ADD_UP.contains(&key.to_ascii_lowercase().as_str()).then_some(" ")
    }

    fn plain(&self, key: &str, value: &str) -> Result<String, EditError> {
        plain(key, value)
    }

    fn insertion(&self, text: &str, settings: &[Setting], edit: &Edit<'_>) -> Result<(usize, String), EditError> {
        let value = edit.value.unwrap_or_default();
        match edit.section {
            // The first value wins, and an `Include` may bring one: a new line goes before all others.
            None => {
                let at = after_head(text, |line| line.starts_with('#'));
                Ok((at, format!("{} {value}{}", edit.key, eol(text))))
            }
            Some(section) => in_block(text, settings, section, edit.key, value),
        }
    }
}

/// Refuses keys, sections and values that neither `sshd_config` nor `ssh_config` can hold.
pub(super) fn check(edit: &Edit<'_>, blocks: &[&str]) -> Result<(), EditError> {
    let mut parts = edit.key.split(' ');
    let keyword = parts.next().unwrap_or_default();
    super::lines::check_key(keyword, "")?;
    let subsystem = keyword.eq_ignore_ascii_case("subsystem");
    let named = parts.next();
    if parts.next().is_some() || named.is_some() != subsystem {
        return bad_key(edit.key, "a keyword is one word, and Subsystem has the name of the subsystem after it");
    }
    if let Some(named) = named {
        super::lines::check_key(named, "-_.@")?;
    }
    if ["match", "host", "include"].iter().any(|block| keyword.eq_ignore_ascii_case(block)) {
        return bad_key(edit.key, "it is no setting but the frame of others");
    }
    if let Some(section) = edit.section {
        let name = block_name(section);
        let known = blocks.iter().any(|block| name.strip_prefix(block).is_some_and(|rest| rest.starts_with(' ')));
        if !known || words(section).is_err() || section.contains(['#', '"', '\'', '\\', '=']) {
            return bad_section(section, "it is no line that begins a block");
        }
    }
    Ok(())
}

/// The line that begins a block as it is compared: its keyword in lower case, one space between words.
pub(super) fn block_name(line: &str) -> String {
    let line = one_space(line);
    match line.split_once(' ') {
        Some((keyword, rest)) => format!("{} {rest}", keyword.to_ascii_lowercase()),
        None => line.to_ascii_lowercase(),
    }
}

/// A keyword as it is compared; a `Subsystem` is a setting of its own by its name.
pub(super) fn keyword_name(key: &str) -> String {
    match key.split_once(' ') {
        Some((keyword, named)) => format!("{} {named}", keyword.to_ascii_lowercase()),
        None => key.to_ascii_lowercase(),
    }
}

/// Reads all settings; the lines that begin blocks are headers.
pub(super) fn read(text: &str) -> Result<Vec<Setting>, EditError> {
    let mut out = Vec::new();
    let mut section = String::new();
    for line in lines(text) {
        let body = line.trimmed();
        if body.is_empty() || body.starts_with('#') {
            continue;
        }
        let from = line.start + line.indent().len();
        // A keyword ends at a blank or `=`, and may itself stand in quotes.
        let long = body.find([' ', '\t', '=']).unwrap_or(body.len());
        let mut name = body[..long].trim_matches('"').to_ascii_lowercase();
        let mut raw = from + long;
        let rest = &text[raw..line.body_end()];
        let after = rest.trim_start_matches([' ', '\t']);
        let after = after.strip_prefix('=').map_or(after, |rest| rest.trim_start_matches([' ', '\t']));
        raw += rest.len() - after.len();
        let Ok(mut words) = words(after) else {
            return bad(text, line.start, "a quote is not closed");
        };
        if name == "subsystem" && !words.is_empty() {
            let first = words.remove(0);
            name = format!("{name} {}", first.1);
            raw = words.first().map_or(line.body_end(), |word| raw + word.0.start);
            let shift = words.first().map_or(0, |word| word.0.start);
            words.iter_mut().for_each(|word| word.0 = (word.0.start - shift)..(word.0.end - shift));
        }
        if RAW.contains(&name.as_str()) {
            words = vec![(0..trim(after).len(), trim(after).to_owned())];
        }
        let end = words.last().map_or(raw, |word| raw + word.0.end);
        if name == "match" || name == "host" {
            let value = words.iter().map(|word| word.1.as_str()).collect::<Vec<_>>().join(" ");
            section = format!("{name} {value}");
            out.push(header(&section, line.start..line.end));
            continue;
        }
        let value = if RAW.contains(&name.as_str()) { Some(trim(after).to_owned()) } else { Some(told(&words)) };
        let (whole, raw) = (line.start..line.end, raw..end);
        out.push(Setting { section: section.clone(), name, value, whole, raw, kept: String::new() });
    }
    Ok(out)
}

/// The value as `get` tells it: words with one space between, in quotes where they need it.
pub(super) fn plain(key: &str, value: &str) -> Result<String, EditError> {
    match words(value) {
        Ok(words) if words.is_empty() => bad_value(key, "it is empty or a comment"),
        Ok(_) if RAW.contains(&key.to_ascii_lowercase().as_str()) && !trim(value).starts_with(['=', '#']) => {
            Ok(trim(value).to_owned())
        }
        // A comment after the words would be lost.
        Ok(words) if words.last().is_some_and(|word| word.0.end != value.trim_end_matches([' ', '\t']).len()) => {
            bad_value(key, "it has a comment")
        }
        // After the keyword one `=` is taken as a separator.
        Ok(_) if trim(value).starts_with('=') => bad_value(key, "it begins with ="),
        Ok(words) => Ok(told(&words)),
        Err(()) => bad_value(key, "a quote is not closed"),
    }
}

fn told(words: &[(std::ops::Range<usize>, String)]) -> String {
    let one = |word: &str| {
        if word.is_empty() || word.starts_with('#') || word.contains([' ', '\t', '"', '\'', '\\']) {
            format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
        } else {
            word.to_owned()
        }
    };
    words.iter().map(|(_, word)| one(word)).collect::<Vec<_>>().join(" ")
}

/// Words as `argv_split` of OpenSSH reads them, with their places; an error when a quote is not closed.
fn words(text: &str) -> Result<Vec<(std::ops::Range<usize>, String)>, ()> {
    let mut out = Vec::new();
    let mut rest = text.char_indices().peekable();
    while let Some((start, first)) = rest.next_if(|_| true) {
        if first == ' ' || first == '\t' {
            continue;
        }
        if first == '#' {
            break;
        }
        let (mut word, mut quote, mut end) = (String::new(), None, start);
        let mut next = Some((start, first));
        while let Some((at, c)) = next {
            let escaped = rest.peek().map(|(_, c)| *c);
            match (c, quote) {
                ('\\', _)
                    if matches!(escaped, Some('\'' | '"' | '\\')) || (quote.is_none() && escaped == Some(' ')) =>
                {
                    word.extend(escaped);
                    rest.next();
                    end = at + 2;
                }
                (' ' | '\t', None) => break,
                ('"' | '\'', None) => (quote, end) = (Some(c), at + 1),
                (c, Some(open)) if c == open => (quote, end) = (None, at + 1),
                _ => {
                    word.push(c);
                    end = at + c.len_utf8();
                }
            }
            next = rest.next();
        }
        if quote.is_some() {
            return Err(());
        }
        out.push((start..end, word));
    }
    Ok(out)
}

/// A new line in a block: after the line that begins it, or in a new block at the end of the file.
pub(super) fn in_block(
    text: &str,
    settings: &[Setting],
    section: &str,
    key: &str,
    value: &str,
) -> Result<(usize, String), EditError> {
    let name = block_name(section);
    let mut inside = settings.iter().filter(|setting| setting.section == name);
    let Some(header) = inside.next() else {
        return Ok(new_section(text, section, &format!("    {key} {value}")));
    };
    let first = inside.find(|setting| !setting.name.is_empty());
    let indent = first.map_or("    ", |setting| {
        let line = &text[setting.whole.clone()];
        &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
    });
    Ok((header.whole.end, format!("{indent}{key} {value}{}", eol(text))))
}

#[cfg(test)]
mod tests {
    use super::super::{Format, testing::*};

    const F: Format = Format::Sshd;
    const DEBIAN: &str = include_str!("fixtures/sshd_config");

    #[test]
    fn the_file_of_debian() {
        let new = set(F, DEBIAN, None, "permitrootlogin", Some("no"));
        let at = new.find("permitrootlogin no").unwrap_or_default();
        assert!(at > 0 && at < new.find("\nInclude ").unwrap_or_default(), "{new}");
        for (key, value) in
            [("X11Forwarding", "no"), ("MaxAuthTries", "3"), ("Banner", "/etc/issue.net"), ("UsePAM", "yes")]
        {
            laws(F, DEBIAN, None, key, value);
            hostile(F, DEBIAN, None, key);
            laws(F, DEBIAN, Some("Match User bob"), key, value);
        }
        assert_eq!(
            set(F, DEBIAN, None, "x11forwarding", Some("no")),
            DEBIAN.replace("X11Forwarding yes", "X11Forwarding no")
        );
        laws(F, DEBIAN, None, "Subsystem sftp", "internal-sftp -l INFO");
        assert_eq!(F.get(DEBIAN, None, "Subsystem sftp").as_deref(), Some("/usr/lib/openssh/sftp-server"));
    }

    #[test]
    fn the_first_value_wins_and_match_ends_the_global_part() {
        let text =
            "Port 22\nPermitRootLogin = \"no\" # why\npermitrootlogin yes\nMatch User x\n  PermitRootLogin yes\n";
        assert_eq!(F.get(text, None, "PermitRootLogin").as_deref(), Some("no"));
        assert_eq!(F.get(text, Some("match  User x"), "PermitRootLogin").as_deref(), Some("yes"));
        let new = set(F, text, None, "PermitRootLogin", Some("prohibit-password"));
        assert_eq!(new, text.replace("\"no\"", "prohibit-password"));
        assert_eq!(set(F, text, None, "PermitRootLogin", None), "Port 22\nMatch User x\n  PermitRootLogin yes\n");
        let new = set(F, text, Some("Match User x"), "X11Forwarding", Some("no"));
        assert!(new.contains("Match User x\n  X11Forwarding no\n  PermitRootLogin"), "{new}");
        assert_eq!(set(F, "Match User x\n  A b", None, "C", Some("d")), "C d\nMatch User x\n  A b");
        assert_eq!(set(F, "", Some("Match all"), "C", Some("d")), "Match all\n    C d\n");
    }

    #[test]
    fn values_that_add_up_become_one_line() {
        let text = "AllowUsers a b\nPort 22\nAllowUsers c\n";
        assert_eq!(F.get(text, None, "AllowUsers").as_deref(), Some("a b c"));
        assert_eq!(set(F, text, None, "AllowUsers", Some("a c")), "AllowUsers a c\nPort 22\n");
        refused(F, text, None, "Port", Some("22 23"));
    }

    #[test]
    fn commands_stay_as_they_are_written() {
        let text = "ForceCommand  echo 'a  $b' \"c\" # d \n";
        assert_eq!(F.get(text, None, "forcecommand").as_deref(), Some("echo 'a  $b' \"c\" # d"));
        laws(F, text, None, "ForceCommand", "sh -c 'x \"y\"' # z");
        refused(F, text, None, "ForceCommand", Some("it's"));
    }

    #[test]
    fn what_is_refused() {
        refused(F, "Banner \"x\n", None, "Port", Some("1"));
        for key in ["Match", "Host", "Include", "Port 22", "Po=rt", "#Port", "Subsystem"] {
            refused(F, DEBIAN, None, key, Some("x"));
        }
        for section in ["User bob", "Match", "Match User \"bob", "Host x"] {
            refused(F, DEBIAN, Some(section), "Banner", Some("x"));
        }
        assert_eq!(F.get(&set(F, "", None, "Banner", Some("\"/a b\"")), None, "banner").as_deref(), Some("\"/a b\""));
    }

    #[test]
    fn made_up_files() {
        let pieces = &[
            "# comment",
            "",
            "Include /etc/ssh/sshd_config.d/*.conf",
            "PermitRootLogin yes",
            "permitrootlogin=no # x",
            "\tMaxAuthTries   \"6\"",
            "Match User bob",
            "  X11Forwarding yes",
            "Match all",
            "AllowUsers a \"b c\"",
            "AllowUsers d",
            "Banner 'x y' z",
            "#PermitRootLogin yes",
            "Subsystem sftp internal-sftp",
        ];
        let keys = &["PermitRootLogin", "MaxAuthTries", "AllowUsers", "banner", "Subsystem sftp"];
        for section in [None, Some("Match User bob"), Some("Match Group \u{e9}")] {
            Trial {
                format: F,
                pieces,
                must: "",
                section,
                keys,
                values: "[a-z/][a-z0-9:,*/=.-]{0,9}( [a-z]{1,5}[#=]?)?",
            }
            .run();
        }
    }
}
