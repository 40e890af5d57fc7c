//! `pg_hba.conf`: lines of type, database, user, address and method with options; the first that fits a connection
//! counts. Source: the PostgreSQL manual, "The pg_hba.conf File"; a new line would need a place, so none is added.

use std::ops::Range;

use super::{
    Edit, EditError,
    lines::{Setting, Syntax, bad, bad_key, bad_value, joined},
    postgres::fields,
};

/// The format.
pub(super) struct PgHba;

impl Syntax for PgHba {
    fn settings(&self, text: &str) -> Result<Vec<Setting>, EditError> {
        let mut out = Vec::new();
        for line in joined(text)? {
            let words = fields(text, line.first.start..line.body_end)?;
            let told =
                |words: &[Range<usize>]| words.iter().map(|word| &text[word.clone()]).collect::<Vec<_>>().join(" ");
            let [kind, ..] = words.as_slice() else { continue };
            let kind = &text[kind.clone()];
            if kind.starts_with("include") || kind.starts_with('@') {
                continue;
            }
            let mask = |word: &str| word.parse::<std::net::IpAddr>().is_ok();
            let keys = match (kind, words.get(4)) {
                ("local", _) => 3,
                (_, Some(word)) if mask(&text[word.clone()]) => 5,
                _ => 4,
            };
            let (Some(key), Some(method), Some(last)) = (words.get(..keys), words.get(keys..), words.last()) else {
                return bad(text, line.first.start, "the line has too few fields");
            };
            let Some(first) = method.first() else { return bad(text, line.first.start, "the line has no method") };
            out.push(Setting {
                section: String::new(),
                name: told(key),
                value: Some(told(method)),
                whole: line.first.start..line.end,
                raw: first.start..last.end,
                kept: String::new(),
            });
        }
        Ok(out)
    }

    fn check(&self, edit: &Edit<'_>) -> Result<(), EditError> {
        let key_ok = fields(edit.key, 0..edit.key.len()).is_ok_and(|words| words.len() >= 3);
        if !key_ok || edit.key.contains(['#', '\\']) {
            return bad_key(edit.key, "it is not type, database, user and address");
        }
        let Some(value) = edit.value else { return Ok(()) };
        let method = value.split(' ').next().unwrap_or_default();
        let plain = !method.is_empty() && method.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        let told =
            |words: Vec<Range<usize>>| words.iter().map(|word| &value[word.clone()]).collect::<Vec<_>>().join(" ");
        let whole = fields(value, 0..value.len()).is_ok_and(|words| told(words) == value);
        if !plain || !whole || value.contains(['#', '\\']) {
            return bad_value(edit.key, "it is not a method and its options with one space between");
        }
        Ok(())
    }

    fn first_wins(&self) -> bool {
        true
    }

    fn insertion(&self, _: &str, _: &[Setting], edit: &Edit<'_>) -> Result<(usize, String), EditError> {
        bad_key(edit.key, "there is no such line, and the place of a new one would decide what it means")
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Format, testing::*};

    const F: Format = Format::PgHba;
    const DEBIAN: &str = include_str!("fixtures/pg_hba.conf");

    #[test]
    fn the_file_of_debian() {
        let key = "host all all 127.0.0.1/32";
        assert_eq!(F.get(DEBIAN, None, key).as_deref(), Some("scram-sha-256"));
        assert_eq!(
            set(F, DEBIAN, None, "local all all", Some("scram-sha-256")).matches("scram-sha-256").count(),
            DEBIAN.matches("scram-sha-256").count() + 1
        );
        for value in ["reject", "peer map=\"a b\"", "ldap x=1 y=2"] {
            laws(F, DEBIAN, None, key, value);
        }
        hostile(F, DEBIAN, None, key);
        refused(F, DEBIAN, None, "host all all 0.0.0.0/0", Some("trust"));
    }

    #[test]
    fn masks_quotes_and_lines_that_go_on() {
        let text = "host \"a b\" all 10.0.0.0 255.0.0.0 md5 # c\nhost x \\\n  y samehost \\\n trust\n";
        assert_eq!(F.get(text, None, "host \"a b\" all 10.0.0.0 255.0.0.0").as_deref(), Some("md5"));
        assert_eq!(set(F, text, None, "host x y samehost", Some("reject")), text.replace("trust", "reject"));
        assert_eq!(set(F, text, None, "host x y samehost", None), "host \"a b\" all 10.0.0.0 255.0.0.0 md5 # c\n");
        for text in ["host all\n", "host all \"x y z\n", "local a b \\\n", "local a b\n"] {
            refused(F, text, None, "local all all", Some("md5"));
        }
    }

    #[test]
    fn made_up_files() {
        let must = "local all all peer";
        let pieces = &[
            "# c",
            "",
            "local\tall all  md5 # c",
            "host a b 1.2.3.4/8 ldap x=\"y z\"",
            "host a b ::1/0 \\\n reject",
            "local all all trust",
        ];
        let values = "[a-z-]{1,9}( [a-z]{1,4}=(\"[a-z ]{0,5}\"|[!$-\\[\\]-~]{1,5})){0,2}";
        Trial { format: F, pieces, must, section: None, keys: &["local all all"], values }.run();
    }
}
