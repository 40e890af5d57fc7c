//! systemd timers: jobs that run by the clock.

use jiff::Timestamp;

use super::{live, scan::Unit, unit};
use crate::{fact_table, host::Host};

fact_table! {
    /// Timers of systemd: jobs that run by the clock.
    "systemd_timers" => Timer {
        /// Unit file; empty when there is none, as for a masked timer.
        source: String,
        /// Line of the first rule that says when it runs.
        line: Option<i64>,
        /// Name, such as `logrotate.timer`.
        name: String,
        /// The service that it starts.
        unit: String,
        /// As the links say: `enabled`, `disabled`, `masked`, `static`.
        unit_file_state: String,
        /// `active` when it waits for its time, else `inactive` or `failed`; null when not known.
        active_state: Option<String>,
        /// When it runs, as written, by semicolons.
        schedule: String,
        /// Whether it makes up for times when the machine was off.
        persistent: bool,
        /// When it last ran; null when never or not known.
        last_trigger: Option<Timestamp>,
        /// When it runs next; null when not known.
        next_elapse: Option<Timestamp>,
    }
    offline: true,
    examples: ["select name, schedule, last_trigger from systemd_timers where unit_file_state = 'enabled'"],
}

const RULES: &[&str] =
    &["OnCalendar", "OnBootSec", "OnStartupSec", "OnActiveSec", "OnUnitActiveSec", "OnUnitInactiveSec"];

pub(super) fn timer(host: &Host, name: &str, unit: &Unit, live: Option<&live::State>) -> Timer {
    let rules: Vec<_> = RULES.iter().flat_map(|key| unit::all(&unit.settings, "Timer", key)).collect();
    let text = |key: &str| unit::last(&unit.settings, "Timer", key).map(|s| s.value.clone());
    let asked = |key: &str| live.and_then(|l| l.asked.get(key)).and_then(|v| live::time(v));
    let stamp = || host.metadata(&format!("/var/lib/systemd/timers/stamp-{name}")).ok().map(|m| m.modified);
    let persistent = text("Persistent").and_then(|v| unit::boolean(&v)).unwrap_or(false);
    Timer {
        source: unit.path.clone().unwrap_or_default(),
        line: rules.iter().find(|s| Some(&s.source) == unit.path.as_ref()).map(|s| s.line),
        name: name.to_owned(),
        unit: text("Unit").unwrap_or_else(|| format!("{}.service", name.trim_end_matches(".timer"))),
        unit_file_state: unit.state.to_owned(),
        active_state: live.map(|l| l.active.clone()),
        schedule: rules
            .iter()
            .map(|s| if s.key == "OnCalendar" { s.value.clone() } else { format!("{} {}", s.key, s.value) })
            .collect::<Vec<_>>()
            .join("; "),
        persistent,
        last_trigger: asked("LastTriggerUSec").or_else(|| if persistent { stamp() } else { None }),
        next_elapse: asked("NextElapseUSecRealtime"),
    }
}
