//! Whether old records make room for new ones: logrotate, who starts it, and when it last did its work.

use jiff::Timestamp;

use crate::{
    fact_table,
    facts::Facts,
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

const STATUS: &[&str] =
    &["/var/lib/logrotate/status", "/var/lib/logrotate.status", "/var/lib/logrotate/logrotate.status"];

pub(super) fn read(host: &Host, units: &Units, facts: &mut Facts) {
    let installed = host.exists("/usr/sbin/logrotate");
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
