//! Files of systemd: `[Section]` and `Key=value`, the last value counts, an empty value forgets the ones before, lines
//! ending in a backslash go on and comments between them do not count. Source: systemd.syntax(7).

use super::{
    Edit, EditError,
    lines::{
        Setting, Syntax, bad, bad_section, bad_value, bracketed, check_key, check_trimmed, eol, header, lines,
        new_section, one_space, trim, trim_range,
    },
};

/// Settings whose values add up, so that a new value forgets the ones before first.
const ADD_UP: &[&str] = &[
    "AmbientCapabilities",
    "BindPaths",
    "BindReadOnlyPaths",
    "CapabilityBoundingSet",
    "DeviceAllow",
    "DNS",
    "Environment",
    "EnvironmentFile",
    "ExecCondition",
    "ExecPaths",
    "ExecReload",
    "ExecStart",
    "ExecStartPost",
    "ExecStartPre",
    "ExecStop",
    "ExecStopPost",
    "FallbackDNS",
    "FallbackNTP",
    "InaccessiblePaths",
    "IPAddressAllow",
    "IPAddressDeny",
    "ListenDatagram",
    "ListenSequentialPacket",
    "ListenStream",
    "NoExecPaths",
    "NTP",
    "OnActiveSec",
    "OnBootSec",
    "OnCalendar",
    "OnStartupSec",
    "OnUnitActiveSec",
    "OnUnitInactiveSec",
    "ReadOnlyPaths",
    "ReadWritePaths",
    "RestrictAddressFamilies",
    "RestrictFileSystems",
    "SupplementaryGroups",
    "SystemCallArchitectures",
    "SystemCallFilter",
    "TemporaryFileSystem",
    "UnsetEnvironment",
];

/// The format.
pub(super) struct Systemd;

impl Syntax for Systemd {
    fn settings(&self, text: &str) -> Result<Vec<Setting>, EditError> {
        let (mut out, mut section) = (Vec::new(), String::new());
        let mut rest = lines(text).into_iter();
        while let Some(first) = rest.next() {
            let body = first.trimmed();
            if body.is_empty() || comment(body) {
                continue;
            }
            let (mut last, mut kept, mut waits) = (first, String::new(), String::new());
            while last.body.ends_with('\\') {
                let Some(next) = rest.by_ref().find(|line| {
                    let skip = comment(line.trimmed());
                    if skip {
                        waits.push_str(&text[line.start..line.end]);
                    }
                    !skip
                }) else {
                    return bad(text, first.start, "the last line ends with a backslash");
                };
                kept.push_str(&std::mem::take(&mut waits));
                last = next;
            }
            if body.starts_with('[') {
                let Some(name) = bracketed(body) else { return bad(text, first.start, "a [ is not closed") };
                section = name.to_owned();
                out.push(header(&section, first.start..last.end));
                continue;
            }
            let Some(equals) = first.body.find('=') else {
                return bad(text, first.start, "there is no = after the key");
            };
            let raw = trim_range(text, (first.start + equals + 1)..last.body_end());
            let value = joined_value(&text[raw.clone()]);
            out.push(Setting {
                section: section.clone(),
                name: trim(&first.body[..equals]).to_owned(),
                value: Some(value),
                whole: first.start..last.end,
                raw,
                kept,
            });
        }
        Ok(out)
    }

    fn check(&self, edit: &Edit<'_>) -> Result<(), EditError> {
        check_key(edit.key, "-_.")?;
        match edit.section {
            Some(section) if !section.is_empty() && !section.contains(['[', ']', '\\']) => {}
            Some(section) => return bad_section(section, "it has brackets or is empty"),
            None => return bad_section("", "a setting of systemd stands in a section"),
        }
        let value = edit.value.unwrap_or_default();
        check_trimmed(edit.key, value)?;
        if value.ends_with('\\') {
            return bad_value(edit.key, "it ends with a backslash, which would join the next line");
        }
        Ok(())
    }

    fn adds_up(&self, key: &str) -> Option<&'static str> {
        ADD_UP.contains(&key).then_some(" ")
    }

    fn written(&self, text: &str, _: &Setting, key: &str, value: &str) -> Result<String, EditError> {
        Ok(with_reset(key, value, eol(text)))
    }

    fn insertion(&self, text: &str, settings: &[Setting], edit: &Edit<'_>) -> Result<(usize, String), EditError> {
        let (section, eol) = (edit.section.unwrap_or_default(), eol(text));
        let line = format!("{}={}", edit.key, with_reset(edit.key, edit.value.unwrap_or_default(), eol));
        match settings.iter().rfind(|setting| setting.section == section) {
            Some(last) => Ok((last.whole.end, format!("{line}{eol}"))),
            None => Ok(new_section(text, &format!("[{section}]"), &line)),
        }
    }
}

/// Values that add up begin with an empty one, so that the new value is the only one.
fn with_reset(key: &str, value: &str, eol: &str) -> String {
    if ADD_UP.contains(&key) && !value.is_empty() { format!("{eol}{key}={value}") } else { value.to_owned() }
}

fn comment(line: &str) -> bool {
    line.starts_with(['#', ';'])
}

/// A value of several lines as one: comments go, the backslash is a blank.
fn joined_value(raw: &str) -> String {
    let mut parts = raw.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).enumerate();
    if !raw.contains('\n') {
        return raw.to_owned();
    }
    let mut out = String::new();
    for (_, line) in parts.by_ref().filter(|(number, line)| *number == 0 || !comment(trim(line))) {
        out.push_str(line.strip_suffix('\\').unwrap_or(line));
        out.push(' ');
    }
    one_space(&out)
}

#[cfg(test)]
mod tests {
    use super::super::{Format, testing::*};

    const F: Format = Format::Systemd;
    const JOURNALD: &str = include_str!("fixtures/journald.conf");
    const UNIT: &str = include_str!("fixtures/systemd-journald.service");

    #[test]
    fn the_files_of_debian() {
        let new = set(F, JOURNALD, Some("Journal"), "Storage", Some("persistent"));
        assert_eq!(new, JOURNALD.replace("[Journal]\n", "[Journal]\nStorage=persistent\n"));
        for (section, key, value) in [
            ("Service", "ProtectHome", "yes"),
            ("Service", "SystemCallFilter", "@system-service"),
            ("Service", "ExecStart", "/bin/x \"a b\""),
            ("Install", "WantedBy", "multi-user.target"),
        ] {
            laws(F, UNIT, Some(section), key, value);
            hostile(F, UNIT, Some(section), key);
        }
    }

    #[test]
    fn lists_begin_anew() {
        let s = Some("Service");
        assert_eq!(set(F, "", s, "ExecStart", Some("/x")), "[Service]\nExecStart=\nExecStart=/x\n");
        let text = "[Service]\nExecStart=/a\n# c\nExecStart=/b\n";
        assert_eq!(F.get(text, s, "ExecStart").as_deref(), Some("/a /b"));
        assert_eq!(set(F, text, s, "ExecStart", Some("/x")), "[Service]\n# c\nExecStart=\nExecStart=/x\n");
        assert_eq!(set(F, text, s, "ExecStart", Some("")), "[Service]\n# c\nExecStart=\n");
        assert_eq!(F.get("[Service]\nUser=a\nUser=\n", s, "User").as_deref(), Some(""));
    }

    #[test]
    fn lines_that_go_on() {
        let text = "[A]\nK=a \\\n# c\n  b\nL=1\n[B]\nK=2\n";
        assert_eq!(F.get(text, Some("A"), "K").as_deref(), Some("a b"));
        assert_eq!(set(F, text, Some("A"), "K", Some("x")), "[A]\nK=x\n# c\nL=1\n[B]\nK=2\n");
        assert_eq!(set(F, text, Some("A"), "K", None), "[A]\n# c\nL=1\n[B]\nK=2\n");
        assert_eq!(set(F, text, Some("A"), "N", Some("1")), text.replace("L=1\n", "L=1\nN=1\n"));
        refused(F, "[A]\nK=a \\\n", Some("A"), "K", Some("x"));
        refused(F, "[A\n", Some("A"), "K", Some("x"));
        refused(F, "[A]\nwhat\n", Some("A"), "K", Some("x"));
        refused(F, text, None, "K", Some("x"));
        refused(F, text, Some("A]\n[B"), "K", Some("x"));
    }

    #[test]
    fn made_up_files() {
        let pieces = &[
            "# c",
            "; c",
            "",
            "[A]",
            "[B]",
            "K=1",
            " K = 2 ",
            "ExecStart=/x",
            "ExecStart=",
            "L=a \\\n  b",
            "L=a\\\n# c\n;c\n  b \\\nc",
        ];
        let values = "([!-\\[\\]-~]([ -\\[\\]-~]{0,8}[!-\\[\\]-~])?)?";
        for section in ["A", "New One"] {
            Trial {
                format: F,
                pieces,
                must: "",
                section: Some(section),
                keys: &["K", "L", "ExecStart", "New-1"],
                values,
            }
            .run();
        }
    }
}
