//! `login.defs`: `NAME value` lines, the last one counts, `#` only begins a comment at the start of a line. Source:
//! login.defs(5) and `def_load` of shadow, which takes quotes around a value away and ends it at the next quote.

use super::{
    Edit, EditError,
    lines::{Setting, Syntax, bad_value, check_key, check_trimmed, eol, lines, trim_range},
};

/// The format.
pub(super) struct LoginDefs;

impl Syntax for LoginDefs {
    fn settings(&self, text: &str) -> Result<Vec<Setting>, EditError> {
        let mut out = Vec::new();
        for line in lines(text) {
            let body = line.trimmed();
            let Some(long) = body.find([' ', '\t']).filter(|_| !body.starts_with('#')) else {
                continue;
            };
            let after = line.start + line.indent().len() + long;
            let rest = &text[after..line.body_end()];
            let start = after + rest.len() - rest.trim_start_matches([' ', '\t', '"']).len();
            let end = text[start..line.body_end()].find('"').map_or(line.body_end(), |at| start + at);
            let raw = trim_range(text, start..end);
            let (name, value) = (body[..long].to_owned(), Some(text[raw.clone()].to_owned()));
            let whole = line.start..line.end;
            out.push(Setting { section: String::new(), name, value, whole, raw, kept: String::new() });
        }
        Ok(out)
    }

    fn check(&self, edit: &Edit<'_>) -> Result<(), EditError> {
        check_key(edit.key, "_")?;
        let Some(value) = edit.value else { return Ok(()) };
        check_trimmed(edit.key, value)?;
        if value.is_empty() || value.contains('"') {
            return bad_value(edit.key, "it is empty or has a quote, which this format cannot hold");
        }
        Ok(())
    }

    fn insertion(&self, text: &str, _: &[Setting], edit: &Edit<'_>) -> Result<(usize, String), EditError> {
        Ok((text.len(), format!("{}\t{}{}", edit.key, edit.value.unwrap_or_default(), eol(text))))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Format, testing::*};

    const F: Format = Format::LoginDefs;
    const DEBIAN: &str = include_str!("fixtures/login.defs");

    #[test]
    fn the_file_of_debian() {
        assert_eq!(
            set(F, DEBIAN, None, "PASS_MAX_DAYS", Some("365")),
            DEBIAN.replace("PASS_MAX_DAYS\t99999", "PASS_MAX_DAYS\t365")
        );
        for (key, value) in [("UMASK", "027"), ("ENCRYPT_METHOD", "YESCRYPT"), ("NEW_KEY", "a b # c")] {
            laws(F, DEBIAN, None, key, value);
            hostile(F, DEBIAN, None, key);
        }
    }

    #[test]
    fn the_last_value_wins() {
        let text = "UMASK 022\n# UMASK 1\n UMASK \"077\"  \nALONE\n";
        assert_eq!(F.get(text, None, "UMASK").as_deref(), Some("077"));
        assert_eq!(set(F, text, None, "UMASK", Some("027")), text.replace("077", "027"));
        assert_eq!(set(F, text, None, "UMASK", None), "# UMASK 1\nALONE\n");
        assert_eq!(set(F, "A 1", None, "B", Some("2")), "A 1\nB\t2\n");
        refused(F, text, None, "UMASK", Some(""));
    }

    #[test]
    fn made_up_files() {
        let pieces = &["# c", "", "A 1", "\tA\t 2 ", "B \"x y\" z", "A", "  # A 3", "UMASK 022 # c"];
        let values = "[!#-~]([ -!#-~]{0,8}[!#-~])?";
        Trial { format: F, pieces, must: "", section: None, keys: &["A", "B", "UMASK", "NEW_1"], values }.run();
    }
}
