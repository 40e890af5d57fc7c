//! Samples as checks and queries see them. They are in the history already, so an audit reads them from there and does not
//! put them into it once more.

use crate::facts::{Column, Table, Type};

const fn column(name: &'static str, ty: Type, about: &'static str) -> Column {
    Column { name, ty, nullable: false, about }
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

/// All of them.
pub(crate) static ALL: [&Table; 4] = [&SAMPLES, &MINUTES, &HOURS, &DAYS];

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
