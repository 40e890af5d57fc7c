//! `memcached.conf` of Debian: options of the command line, one a line, `#` begins a comment anywhere. Source:
//! memcached(1) and `systemd-memcached-wrapper`, which hands the lines to a shell, so its signs are refused.

use super::{
    Edit, EditError,
    lines::{Setting, Syntax, bad, bad_key, bad_value, check_trimmed, eol, lines, trim_range},
};

/// The format.
pub(super) struct Memcached;

impl Syntax for Memcached {
    fn settings(&self, text: &str) -> Result<Vec<Setting>, EditError> {
        let mut out = Vec::new();
        for line in lines(text) {
            let end = line.body.find('#').unwrap_or(line.body.len());
            let part = trim_range(text, line.start..(line.start + end));
            let body = &text[part.clone()];
            if body.is_empty() {
                continue;
            }
            if body.contains(['\'', '"', '\\', '`']) {
                return bad(text, line.start, "there are quotes or signs of the shell");
            }
            let long = body.find([' ', '\t', '=']).unwrap_or(body.len());
            // `-m64` is the same as `-m 64`.
            let glued = body.starts_with('-') && !body.starts_with("--") && long > 2 && body.is_char_boundary(2);
            let long = if glued { 2 } else { long };
            let rest = body[long..].trim_start_matches([' ', '\t']);
            let rest =
                if glued { rest } else { rest.strip_prefix('=').unwrap_or(rest).trim_start_matches([' ', '\t']) };
            let raw = (part.end - rest.len())..part.end;
            let (name, value) = (body[..long].to_owned(), Some(rest.to_owned()));
            out.push(Setting {
                section: String::new(),
                name,
                value,
                whole: line.start..line.end,
                raw,
                kept: String::new(),
            });
        }
        Ok(out)
    }

    fn check(&self, edit: &Edit<'_>) -> Result<(), EditError> {
        let short = edit
            .key
            .strip_prefix('-')
            .is_some_and(|rest| rest.len() == 1 && rest.chars().all(|c| c.is_ascii_alphanumeric()));
        let long = edit
            .key
            .strip_prefix("--")
            .is_some_and(|rest| rest.len() > 1 && rest.chars().all(|c| c.is_ascii_lowercase() || c == '-' || c == '_'));
        if !short && !long {
            return bad_key(edit.key, "it is no option such as -l or --listen");
        }
        let value = edit.value.unwrap_or_default();
        check_trimmed(edit.key, value)?;
        // A second word would be an option of its own.
        if value.starts_with('-') || value.chars().any(|c| !c.is_ascii_alphanumeric() && !"_./:,@%+=-[]".contains(c)) {
            return bad_value(edit.key, "it is not one plain word");
        }
        Ok(())
    }

    fn adds_up(&self, key: &str) -> Option<&'static str> {
        matches!(key, "-l" | "--listen" | "-o" | "--extended").then_some(",")
    }

    fn written(&self, text: &str, old: &Setting, key: &str, value: &str) -> Result<String, EditError> {
        let glued = text[..old.raw.start].ends_with(key);
        Ok(if glued && !value.is_empty() && old.value.as_deref() == Some("") {
            format!(" {value}")
        } else {
            value.to_owned()
        })
    }

    fn insertion(&self, text: &str, _: &[Setting], edit: &Edit<'_>) -> Result<(usize, String), EditError> {
        let between = match edit.value {
            None | Some("") => "",
            Some(_) if edit.key.starts_with("--") => "=",
            Some(_) => " ",
        };
        Ok((text.len(), format!("{}{between}{}{}", edit.key, edit.value.unwrap_or_default(), eol(text))))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Format, testing::*};

    const F: Format = Format::Memcached;
    const DEBIAN: &str = include_str!("fixtures/memcached.conf");

    #[test]
    fn the_file_of_debian() {
        let both = DEBIAN.replace("-l 127.0.0.1\n", "-l 127.0.0.1\n-l ::1\n");
        assert_eq!(F.get(&both, None, "-l").as_deref(), Some("127.0.0.1,::1"));
        let new = set(F, &both, None, "-l", Some("127.0.0.1"));
        assert_eq!(new, DEBIAN);
        for (key, value) in [("-U", "0"), ("-S", ""), ("--max-item-size", "2m"), ("-m", "128")] {
            laws(F, DEBIAN, None, key, value);
            hostile(F, DEBIAN, None, key);
        }
    }

    #[test]
    fn ways_to_write() {
        let text = "-m64 # c\n-l 1\n--listen=2\n-v\n";
        assert_eq!(F.get(text, None, "-m").as_deref(), Some("64"));
        assert_eq!(set(F, text, None, "-m", Some("1")), text.replace("64", "1"));
        assert_eq!(set(F, text, None, "-v", Some("1")), text.replace("-v", "-v 1"));
        for value in ["1 -u root", "1;id", "$(id)", "-u", "a'b"] {
            refused(F, text, None, "-l", Some(value));
        }
        for key in ["l", "-", "--", "-l x", "-#"] {
            refused(F, text, None, key, Some("1"));
        }
        refused(F, "-l 'x\n", None, "-m", Some("1"));
    }

    #[test]
    fn made_up_files() {
        let pieces = &["# c", "", "-m 64", " -m65 # c", "-l a", "-l b,c", "-v", "--port=1", "logfile /x"];
        Trial {
            format: F,
            pieces,
            must: "",
            section: None,
            keys: &["-m", "-l", "-v", "--port", "-U"],
            values: "[a-z0-9./:]{1,9}",
        }
        .run();
    }
}
