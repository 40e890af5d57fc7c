//! Whether old records make room for new ones: logrotate, who starts it, and when it last did its work.

use jiff::Timestamp;

use crate::{
    fact_table,
    facts::{Facts, Gap},
    host::Host,
    probes::services::scan::{self, Units},
};

fact_table! {
    /// Logrotate, which cuts records before they fill the disk, one row.
    "logrotate" => Logrotate {
        /// Its settings file.
        source: String,
        /// Whether it is installed.
        installed: bool,
        /// What starts it: `timer` or `cron`; null when nothing does.
        scheduled: Option<String>,
        /// When it last wrote down what it did; null when never or not known.
        last_run: Option<Timestamp>,
        /// When its program was installed, so that a new machine is not blamed; null when not known.
        since: Option<Timestamp>,
        /// Folder entries with rules, by count.
        rules: i64,
    }
    offline: true,
    examples: ["select scheduled, last_run from logrotate"],
}

fact_table! {
    /// Instructions of logrotate: those for all records, and those for the files of a block.
    "logrotate_settings" => LogrotateSetting {
        /// File the row was read from.
        source: String,
        /// Line in that file.
        line: i64,
        /// The files of the block, with blanks between; empty for what holds for all.
        files: String,
        /// The instruction, such as `weekly`, `rotate` or `create`.
        keyword: String,
        /// What stands after it; empty where nothing does.
        value: String,
    }
    offline: true,
    examples: ["select keyword, value from logrotate_settings where files = ''"],
}

const STATUS: &[&str] =
    &["/var/lib/logrotate/status", "/var/lib/logrotate.status", "/var/lib/logrotate/logrotate.status"];

pub(super) fn read(host: &Host, units: &Units, facts: &mut Facts) {
    let installed = host.exists("/usr/sbin/logrotate");
    settings(host, facts);
    let systemd = if host.is_live() { host.exists("/run/systemd/system") } else { scan::has_systemd(host) };
    let timer = systemd && scan::is_on(host, units, "logrotate.timer");
    // Debian's script leaves the work to the timer where systemd runs.
    let cron =
        host.read_text("/etc/cron.daily/logrotate").is_ok_and(|t| !systemd || !t.contains("/run/systemd/system"));
    let scheduled = if timer {
        Some("timer")
    } else if cron {
        Some("cron")
    } else {
        None
    };
    facts.push(Logrotate {
        source: "/etc/logrotate.conf".to_owned(),
        installed,
        scheduled: scheduled.filter(|_| installed).map(str::to_owned),
        last_run: STATUS.iter().find_map(|p| host.metadata(p).ok()).map(|m| m.modified),
        since: host.metadata("/var/lib/dpkg/info/logrotate.list").ok().map(|m| m.modified),
        rules: i64::try_from(host.glob("/etc/logrotate.d/*").len()).unwrap_or(i64::MAX),
    });
}

/// The main file, then those of its folder.
fn settings(host: &Host, facts: &mut Facts) {
    let mut paths = vec!["/etc/logrotate.conf".to_owned()];
    paths.extend(host.glob("/etc/logrotate.d/*"));
    for path in paths {
        match host.read_text(&path) {
            Ok(text) => instructions(&path, &text, facts),
            Err(error) if error.is_not_found() => {}
            Err(error) => facts.partial::<LogrotateSetting>(Gap::new("how old records are cut", path, error.reason())),
        }
    }
}

/// logrotate(8): names of files before a `{` belong to the block up to `}`; scripts in it are no instructions.
fn instructions(source: &str, text: &str, facts: &mut Facts) {
    let (mut names, mut block, mut script) = (Vec::new(), None, false);
    for (line, text) in (1_i64..).zip(text.lines()) {
        let text = text.trim();
        let first = text.split_whitespace().next().unwrap_or_default();
        if script || text.is_empty() || text.starts_with('#') {
            script = script && first != "endscript";
            continue;
        }
        if ["postrotate", "prerotate", "firstaction", "lastaction", "preremove"].contains(&first) {
            script = true;
        } else if text.starts_with('}') {
            block = None;
        } else if let Some(open) = text.find('{').filter(|_| block.is_none()) {
            names.extend(
                text.get(..open).unwrap_or_default().split_whitespace().map(|n| n.trim_matches('"').to_owned()),
            );
            block = Some(std::mem::take(&mut names).join(" "));
        } else if block.is_none() && first.starts_with(['/', '"']) {
            let text = text.split(" #").next().unwrap_or_default();
            names.extend(text.split_whitespace().map(|n| n.trim_matches('"').to_owned()));
        } else {
            let (keyword, value) = text.split_once([' ', '\t', '=']).unwrap_or((text, ""));
            facts.push(LogrotateSetting {
                source: source.to_owned(),
                line,
                files: block.clone().unwrap_or_default(),
                keyword: keyword.to_owned(),
                value: value.split('#').next().unwrap_or_default().trim_matches(['=', ' ', '\t']).to_owned(),
            });
        }
    }
}
