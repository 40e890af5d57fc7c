//! Samples, and what they say of the days ahead, as checks and queries see them. They are in the history already, so an
//! audit reads them from there and does not put them into it once more.

use crate::facts::{Column, Table, Type};

const fn column(name: &'static str, ty: Type, about: &'static str) -> Column {
    Column { name, ty, nullable: false, about }
}

const fn maybe(name: &'static str, ty: Type, about: &'static str) -> Column {
    Column { name, ty, nullable: true, about }
}

const METRIC: Column = column("metric", Type::Text, "Name of the metric, as `cleanbill collect --list` has it.");
const LABELS: Column =
    column("labels", Type::Labels, "By what its series differ: `labels['system.device']` is the disk.");

/// Every sample of the last two hours.
pub(crate) static SAMPLES: Table = Table {
    name: "samples",
    about: "Every sample of the last two hours, one row a value.",
    columns: &[
        column("ts", Type::Timestamp, "When it was taken."),
        METRIC,
        LABELS,
        column("value", Type::Real, "The value, in the unit of the metric."),
    ],
    offline: false,
    examples: &["select ts, value from samples where metric = 'system.memory.utilization' order by ts"],
};

macro_rules! rolled {
    ($(#[doc = $doc:literal])+ $id:ident, $name:literal, $about:literal, $example:literal) => {
        $(#[doc = $doc])+
        pub(crate) static $id: Table = Table {
            name: $name,
            about: $about,
            columns: &[
                column("ts", Type::Timestamp, "When it began."),
                METRIC,
                LABELS,
                column("min", Type::Real, "The least value in it."),
                column("mean", Type::Real, "The mean of its values."),
                column("max", Type::Real, "The largest value in it."),
                column("p95", Type::Real, "What 95 of 100 of its values did not exceed."),
                column("last", Type::Real, "Its last value."),
                column("count", Type::Integer, "How many values it had."),
            ],
            offline: false,
            examples: &[$example],
        };
    };
}
rolled!(
    /// One row a minute.
    MINUTES, "samples_1m", "Samples of the last 24 hours, one row a minute.",
    "select ts, mean from samples_1m where metric = 'system.cpu.load_average.1m' order by ts"
);
rolled!(
    /// One row an hour.
    HOURS, "samples_1h", "Samples of the last 30 days, one row an hour.",
    "select ts, max from samples_1h where metric = 'system.memory.utilization' order by ts"
);
rolled!(
    /// One row a day.
    DAYS, "samples_1d", "Samples of the last two years, one row a day.",
    "select ts, mean, max from samples_1d where metric = 'system.memory.utilization' order by ts"
);

/// What will run out, as far as the days that were measured tell.
pub(crate) static FORECASTS: Table = Table {
    name: "forecasts",
    about: "What can run out on this machine, one row a thing: disks, memory, swap, certificates of targets.",
    columns: &[
        column(
            "kind",
            Type::Text,
            "What kind of thing it is: `disk`, `inodes`, `memory`, `program`, `swap` or `certificate`.",
        ),
        column("what", Type::Text, "What it is, for people: `The disk /var`."),
        METRIC,
        LABELS,
        column("value", Type::Real, "The last value, in the unit of the metric."),
        maybe("limit_value", Type::Real, "The value at which it has run out."),
        column(
            "state",
            Type::Text,
            "What can be said: `run_out`, `foretold`, `late` (a new one is), `later` (not before the earliest day), `steady`, `unsaid`.",
        ),
        maybe("around", Type::Timestamp, "Around when it runs out."),
        maybe("earliest", Type::Timestamp, "Of ten such forecasts one ends before this."),
        maybe("latest", Type::Timestamp, "Of ten such forecasts one ends after this, if it can be told."),
        maybe("days_left", Type::Real, "Days until it runs out, below 0 when it has."),
        column("says", Type::Text, "All of this in a sentence."),
        column("days", Type::Integer, "How many days of it were measured."),
        maybe("error", Type::Real, "How far forecasts of its past were off on average, in the unit of the metric."),
        maybe("plain_error", Type::Real, "How far a plain guess was off, such as that all stays as it is."),
    ],
    offline: false,
    examples: &["select what, days_left, says from forecasts where state = 'foretold' order by days_left"],
};

/// All of them.
pub(crate) static ALL: [&Table; 5] = [&SAMPLES, &MINUTES, &HOURS, &DAYS, &FORECASTS];

/// The step from one row of a series to the next, in words of SQL.
pub(crate) fn step(name: &str) -> Option<&'static str> {
    let steps = ["minute", "minute", "hour", "day"];
    ALL.iter().zip(steps).find(|(table, _)| table.name == name).map(|(_, step)| step)
}

/// Whether a table has only what is a day old at most.
pub(crate) fn is_of_late(name: &str) -> bool {
    [&SAMPLES, &MINUTES].iter().any(|table| table.name == name)
}

/// Whether a table is one of these.
pub(crate) fn is_one(name: &str) -> bool {
    ALL.iter().any(|table| table.name == name)
}
