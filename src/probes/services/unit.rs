//! systemd's file format: sections, continued lines, and the order in which drop-ins change what a file says
//! (systemd.syntax(7), systemd.unit(5)). Other probes read journald.conf and the like through [`config`].

use crate::{
    facts::Gap,
    host::{Host, Kind},
};

/// Most settings taken from one file, and most drop-ins of one file.
const MOST: usize = 5_000;

/// One `Key=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    /// Section, without its brackets.
    pub section: String,
    /// Key as written.
    pub key: String,
    /// Value, trimmed, continued lines joined with a space.
    pub value: String,
    /// File.
    pub source: String,
    /// Line where the key stands.
    pub line: i64,
}

/// The settings of one file, in order.
pub(crate) fn parse(text: &str, source: &str) -> Vec<Setting> {
    let mut settings: Vec<Setting> = Vec::new();
    let mut section = String::new();
    let mut continued = false;
    for (number, raw) in (1_i64..).zip(text.lines()) {
        let line = raw.trim();
        if line.starts_with('#') || line.starts_with(';') || (line.is_empty() && !continued) {
            continue;
        }
        let (body, more) = match line.strip_suffix('\\') {
            Some(body) => (body.trim_end(), true),
            None => (line, false),
        };
        if std::mem::replace(&mut continued, more) {
            if let Some(last) = settings.last_mut().filter(|last| last.value.len() < 65_536) {
                last.value.push(' ');
                last.value.push_str(body);
            }
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            section = name.trim().to_owned();
        } else if let Some((key, value)) = body.split_once('=') {
            settings.push(Setting {
                section: section.clone(),
                key: key.trim().to_owned(),
                value: value.trim().to_owned(),
                source: source.to_owned(),
                line: number,
            });
        } else {
            // A line that is no setting must not swallow what follows it.
            continued = false;
        }
        if settings.len() >= MOST {
            break;
        }
    }
    settings
}

/// The last setting of that key, unless an empty one takes it back.
pub(crate) fn last<'a>(settings: &'a [Setting], section: &str, key: &str) -> Option<&'a Setting> {
    settings.iter().rfind(|s| s.section == section && s.key == key).filter(|s| !s.value.is_empty())
}

/// All settings of that key since an empty one took back those before.
pub(crate) fn all<'a>(settings: &'a [Setting], section: &str, key: &str) -> Vec<&'a Setting> {
    let mut found = Vec::new();
    for setting in settings.iter().filter(|s| s.section == section && s.key == key) {
        if setting.value.is_empty() {
            found.clear();
        } else {
            found.push(setting);
        }
    }
    found
}

/// A yes or no of systemd.
pub(crate) fn boolean(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "yes" | "y" | "true" | "t" | "on" => Some(true),
        "0" | "no" | "n" | "false" | "f" | "off" => Some(false),
        _ => None,
    }
}

/// Whether a key of `[Service]` says yes.
pub(crate) fn boolean_of(settings: &[Setting], key: &str) -> bool {
    last(settings, "Service", key).and_then(|s| boolean(&s.value)).unwrap_or(false)
}

/// Where systemd's own configuration lives, the most important first.
fn config_dirs(live: bool) -> &'static [&'static str] {
    if live {
        &["/etc/systemd", "/run/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd"]
    } else {
        &["/etc/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd"]
    }
}

/// A configuration file such as `journald.conf` with its drop-ins, in the order in which they count, and what could
/// not be read of it.
pub(crate) fn config(host: &Host, name: &str) -> (Vec<Setting>, Vec<Gap>) {
    let dirs = config_dirs(host.is_live());
    let mut gaps = Vec::new();
    let main = dirs.iter().map(|d| format!("{d}/{name}")).find(|p| host.symlink_metadata(p).is_ok());
    let folders: Vec<String> = dirs.iter().map(|d| format!("{d}/{name}.d")).collect();
    let mut settings = Vec::new();
    for path in main.into_iter().chain(dropins(host, &folders)) {
        read_into(host, &path, &mut settings, &mut gaps);
    }
    (settings, gaps)
}

/// The `*.conf` files of several folders by name: one of an earlier folder hides those of its name in later ones.
pub(crate) fn dropins(host: &Host, folders: &[String]) -> Vec<String> {
    let mut found: std::collections::BTreeMap<String, String> = std::collections::BTreeMap::new();
    for folder in folders {
        for entry in host.list(folder).unwrap_or_default() {
            if entry.name.ends_with(".conf") && entry.kind != Kind::Directory && found.len() < MOST {
                found.entry(entry.name).or_insert(entry.path);
            }
        }
    }
    found.into_values().collect()
}

/// Adds the settings of a file; one that is a link to `/dev/null` has none.
pub(crate) fn read_into(host: &Host, path: &str, settings: &mut Vec<Setting>, gaps: &mut Vec<Gap>) {
    if host.read_link(path).is_ok_and(|target| target == "/dev/null") {
        return;
    }
    match host.read_text(path) {
        Ok(text) => settings.extend(parse(&text, path)),
        Err(error) if error.is_not_found() => {}
        Err(error) => gaps.push(Gap::new("what a settings file says", path, error.reason())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn continued_lines_are_one_value_and_comments_between_them_do_not_count() {
        let text =
            "[Service]\nExecStart=/bin/a \\\n# no\n  --b \\\n  --c\nUser = web\n;x\n[Install]\nWantedBy=a.target\n";
        let settings = parse(text, "f");
        let got: Vec<_> = settings.iter().map(|s| (s.key.as_str(), s.value.as_str(), s.line)).collect();
        assert_eq!(got, [("ExecStart", "/bin/a --b --c", 2), ("User", "web", 6), ("WantedBy", "a.target", 9)]);
    }

    #[test]
    fn an_empty_value_takes_back_what_stood_before() {
        let settings = parse("[Service]\nExecStart=/bin/a\nExecStart=\nExecStart=/bin/b\nUser=x\nUser=\n", "f");
        assert_eq!(
            all(&settings, "Service", "ExecStart").iter().map(|s| s.value.as_str()).collect::<Vec<_>>(),
            ["/bin/b"]
        );
        assert_eq!(last(&settings, "Service", "User"), None);
    }

    #[test]
    fn junk_is_no_setting_and_does_no_harm() {
        for junk in ["\\", "[", "=\n", "a=\\", "\u{feff}[x]\na=b\\\n\\\n\\", "[Service\nx\\\ny=1"] {
            let _ = parse(junk, "f");
        }
        assert_eq!(parse("nonsense\\\nKey=1\n", "f").len(), 1);
    }

    #[test]
    fn drop_ins_count_by_name_and_those_of_etc_hide_others() {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in [
            ("etc/systemd/journald.conf", "[Journal]\nStorage=none\n"),
            ("usr/lib/systemd/journald.conf.d/20-b.conf", "[Journal]\nStorage=auto\n"),
            ("usr/lib/systemd/journald.conf.d/90-x.conf", "[Journal]\nStorage=volatile\n"),
            ("etc/systemd/journald.conf.d/90-x.conf", "[Journal]\nCompress=no\n"),
        ] {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        std::fs::create_dir_all(dir.path().join("etc")).unwrap();
        let (settings, gaps) = config(&Host::image(dir.path()).unwrap(), "journald.conf");
        assert!(gaps.is_empty());
        let storage = last(&settings, "Journal", "Storage").unwrap();
        assert_eq!(
            (storage.value.as_str(), storage.source.as_str()),
            ("auto", "/usr/lib/systemd/journald.conf.d/20-b.conf")
        );
    }
}
