//! `auditd.conf`: `key = value` lines with blanks around `=`, names in any case, the last one counts. Source:
//! auditd.conf(5); lines of more than 160 characters are skipped by the daemon.

use super::{
    Edit, EditError,
    lines::{Setting, Syntax, bad, bad_value, check_key, check_trimmed, eol, lines, trim, trim_range},
};

/// The longest line that the daemon reads.
const LONGEST: usize = 160;

/// The format.
pub(super) struct Auditd;

impl Syntax for Auditd {
    fn settings(&self, text: &str) -> Result<Vec<Setting>, EditError> {
        let mut out = Vec::new();
        for line in lines(text) {
            let body = line.trimmed();
            if body.is_empty() || body.starts_with('#') || line.body.len() > LONGEST {
                continue;
            }
            let Some(equals) = line.body.find('=') else {
                return bad(text, line.start, "there is no = after the key");
            };
            let raw = trim_range(text, (line.start + equals + 1)..line.body_end());
            out.push(Setting {
                section: String::new(),
                name: trim(&line.body[..equals]).to_ascii_lowercase(),
                value: Some(text[raw.clone()].to_owned()),
                whole: line.start..line.end,
                raw,
                kept: String::new(),
            });
        }
        Ok(out)
    }

    fn check(&self, edit: &Edit<'_>) -> Result<(), EditError> {
        check_key(edit.key, "_")?;
        let value = edit.value.unwrap_or_default();
        check_trimmed(edit.key, value)?;
        if edit.value.is_some() && value.is_empty() || value.contains(['#', '=']) {
            return bad_value(edit.key, "it is empty or has a # or =");
        }
        if edit.key.len() + value.len() + 20 > LONGEST {
            return bad_value(edit.key, "the line would be longer than auditd reads");
        }
        Ok(())
    }

    fn is(&self, setting: &Setting, _: Option<&str>, key: &str) -> bool {
        setting.name.eq_ignore_ascii_case(key)
    }

    fn insertion(&self, text: &str, _: &[Setting], edit: &Edit<'_>) -> Result<(usize, String), EditError> {
        Ok((text.len(), format!("{} = {}{}", edit.key, edit.value.unwrap_or_default(), eol(text))))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Format, testing::*};

    const F: Format = Format::Auditd;
    const DEBIAN: &str = include_str!("fixtures/auditd.conf");

    #[test]
    fn the_file_of_debian() {
        let new = set(F, DEBIAN, None, "MAX_LOG_FILE_ACTION", Some("keep_logs"));
        assert_eq!(new, DEBIAN.replace("max_log_file_action = ROTATE", "max_log_file_action = keep_logs"));
        laws(F, DEBIAN, None, "space_left_action", "exec /sbin/x");
        laws(F, DEBIAN, None, "new_key", "1");
        hostile(F, DEBIAN, None, "space_left_action");
    }

    #[test]
    fn the_last_line_wins_and_long_ones_do_not_count() {
        let text = format!("A = 1\na = 2\na = {}\n", "x".repeat(200));
        assert_eq!(F.get(&text, None, "a").as_deref(), Some("2"));
        assert_eq!(set(F, &text, None, "a", Some("3")), text.replace("= 2", "= 3"));
        refused(F, "", None, "a", Some(&"x".repeat(150)));
        refused(F, "what\n", None, "a", Some("1"));
    }

    #[test]
    fn made_up_files() {
        let pieces = &["# c", "", "a = 1", "A = 2 ", " b = c d", "e ="];
        let values = "[!\"$-<>-~]([ -\"$-<>-~]{0,8}[!\"$-<>-~])?";
        Trial { format: F, pieces, must: "", section: None, keys: &["a", "B", "e", "new_1"], values }.run();
    }
}
