//! Which parts the kernel may load: modprobe.d(5), whose files count by name across folders.

use crate::{
    fact_table,
    facts::{Facts, Gap},
    host::Host,
    probes::services::unit,
};

fact_table! {
    /// Rules for loading parts of the kernel.
    "modprobe_config" => ModprobeConfig {
        /// File of the rule.
        source: String,
        /// Line in it.
        line: i64,
        /// `blacklist`, `install`, `options`, `alias`, `remove` or `softdep`.
        action: String,
        /// The module, with `_` for `-`.
        module: String,
        /// The rest of the line; empty for a blacklist.
        value: String,
        /// Whether the rule keeps everyone from loading the module by its name.
        blocks: bool,
    }
    offline: true,
    examples: ["select module from modprobe_config where blocks or action = 'blacklist'"],
}

const FOLDERS: &[&str] =
    &["/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d"];

pub(super) fn read(host: &Host, facts: &mut Facts) {
    let folders: Vec<String> = FOLDERS.iter().map(|f| (*f).to_owned()).collect();
    for path in unit::dropins(host, &folders) {
        match host.read_text(&path) {
            Ok(text) => rules(&text, &path, facts),
            Err(error) if error.is_not_found() => {}
            Err(_) if host.read_link(&path).is_ok_and(|t| t == "/dev/null") => {}
            Err(error) => {
                facts.partial::<ModprobeConfig>(Gap::new("the rules for parts of the kernel", path, error.reason()));
            }
        }
    }
}

fn rules(text: &str, source: &str, facts: &mut Facts) {
    let mut whole = String::new();
    let mut start = None;
    for (number, line) in (1_i64..).zip(text.lines()) {
        let first = *start.get_or_insert(number);
        match line.strip_suffix('\\') {
            Some(part) if whole.len() < 65_536 => {
                whole.push_str(part);
                whole.push(' ');
                continue;
            }
            _ => whole.push_str(line),
        }
        start = None;
        let rule = std::mem::take(&mut whole);
        let mut words = rule.split_whitespace();
        let (Some(action), Some(module)) = (words.next(), words.next()) else { continue };
        if action.starts_with('#') {
            continue;
        }
        let value = words.collect::<Vec<_>>().join(" ");
        let program = value.split(' ').next().unwrap_or_default();
        let blocks = action == "install" && matches!(program.rsplit('/').next(), Some("false" | "true"));
        facts.push(ModprobeConfig {
            source: source.to_owned(),
            line: first,
            action: action.to_owned(),
            module: module.replace('-', "_"),
            value,
            blocks,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_with_tabs_and_continued_lines_and_without_comments() {
        let mut facts = Facts::new();
        rules("# install dccp /bin/true\ninstall\tusb-storage \\\n  /bin/false\nblacklist pcspkr\n", "f", &mut facts);
        let rows = facts.rows("modprobe_config");
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0]["module"].as_str(), rows[0]["blocks"].as_bool()), (Some("usb_storage"), Some(true)));
        assert_eq!((rows[0]["line"].as_i64(), rows[1]["line"].as_i64()), (Some(2), Some(4)));
        assert_eq!(rows[1]["blocks"].as_bool(), Some(false));
    }
}
