//! `sysctl.d`: `key = value` lines, the last one counts, `-key = value` may fail, `/` and `.` both separate. Source:
//! sysctl.d(5); the first separator of a key says how the others are meant.

use super::{
    Edit, EditError,
    lines::{Setting, Syntax, bad, bad_key, check_trimmed, eol, lines, trim, trim_range},
};

/// The format.
pub(super) struct Sysctl;

impl Syntax for Sysctl {
    fn settings(&self, text: &str) -> Result<Vec<Setting>, EditError> {
        let mut out = Vec::new();
        for line in lines(text) {
            let body = line.trimmed();
            if body.is_empty() || body.starts_with(['#', ';']) {
                continue;
            }
            let Some(equals) = line.body.find('=') else {
                // `-pattern` takes keys out of patterns.
                if body.starts_with('-') {
                    continue;
                }
                return bad(text, line.start, "there is no = after the key");
            };
            let key = trim(&line.body[..equals]);
            let name = path(key.strip_prefix('-').unwrap_or(key));
            let raw = trim_range(text, (line.start + equals + 1)..line.body_end());
            let (value, whole) = (Some(text[raw.clone()].to_owned()), line.start..line.end);
            out.push(Setting { section: String::new(), name, value, whole, raw, kept: String::new() });
        }
        Ok(out)
    }

    fn check(&self, edit: &Edit<'_>) -> Result<(), EditError> {
        let odd = |c: char| c.is_whitespace() || !c.is_ascii() || c == '=';
        if edit.key.contains(odd) || edit.key.starts_with(['-', '#', ';', '.', '/']) {
            return bad_key(edit.key, "it is no name of a kernel parameter");
        }
        check_trimmed(edit.key, edit.value.unwrap_or_default())
    }

    fn is(&self, setting: &Setting, _: Option<&str>, key: &str) -> bool {
        setting.name == path(key)
    }

    fn insertion(&self, text: &str, _: &[Setting], edit: &Edit<'_>) -> Result<(usize, String), EditError> {
        Ok((text.len(), format!("{} = {}{}", edit.key, edit.value.unwrap_or_default(), eol(text))))
    }
}

/// The key as a path below `/proc/sys`.
fn path(key: &str) -> String {
    let swap = |c| match c {
        '.' => '/',
        '/' => '.',
        other => other,
    };
    match key.find(['.', '/']) {
        Some(at) if key[at..].starts_with('.') => key.chars().map(swap).collect(),
        _ => key.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Format, testing::*};

    const F: Format = Format::Sysctl;
    const DEBIAN: &str = include_str!("fixtures/sysctl.conf");

    #[test]
    fn the_file_of_debian() {
        for (key, value) in
            [("net.ipv4.tcp_syncookies", "1"), ("kernel.core_pattern", "|/bin/false # x"), ("a/b.c", "")]
        {
            laws(F, DEBIAN, None, key, value);
            hostile(F, DEBIAN, None, key);
        }
    }

    #[test]
    fn separators_and_the_last_value() {
        let text = "net.ipv4.conf.eth0/200.x=1\n-net/ipv4/conf/eth0.200/x =  2\n;a=b\n-excluded.*\n";
        assert_eq!(F.get(text, None, "net/ipv4/conf/eth0.200/x").as_deref(), Some("2"));
        assert_eq!(set(F, text, None, "net.ipv4.conf.eth0/200.x", Some("3")), text.replace("  2", "  3"));
        assert_eq!(set(F, text, None, "net.ipv4.conf.eth0/200.x", None), ";a=b\n-excluded.*\n");
        refused(F, "what is this\n", None, "a.b", Some("1"));
        for key in ["-a.b", "a b", "a=b", "#a"] {
            refused(F, text, None, key, Some("1"));
        }
    }

    #[test]
    fn made_up_files() {
        let pieces =
            &["# c", "; c", "", "a.b = 1", "-a/b=2", " a.b\t= 3 4 ", "x.y/z.w=1", "x/y.z/w = 2", "-p.*", "empty ="];
        let values = "([!-~]([ -~]{0,8}[!-~])?)?";
        Trial {
            format: F,
            pieces,
            must: "",
            section: None,
            keys: &["a.b", "a/b", "x.y/z.w", "new.key", "empty"],
            values,
        }
        .run();
    }
}
