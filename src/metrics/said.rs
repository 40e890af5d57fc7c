//! Values in words: in the unit in which people say them.

use super::Metric;
use crate::words;

/// A value of one moment as people say it: `12.3%`, `1.2 MB/s`, `3.4 ms`, `17`, `answers`.
pub fn value(metric: &Metric, value: f64) -> String {
    match metric.says {
        Some((yes, _)) if value >= 1.0 => yes.to_owned(),
        Some((_, no)) if value <= 0.0 => no.to_owned(),
        _ => mean(metric, value),
    }
}

/// A mean of many moments as people say it: as a value, or `98.5% of the time`.
pub fn mean(metric: &Metric, value: f64) -> String {
    let share = in_unit(metric.unit, value);
    if metric.says.is_some() { format!("{share} of the time") } else { share }
}

/// A value as a scale of a chart has it: always a number.
pub fn scale(metric: &Metric, value: f64) -> String {
    in_unit(metric.unit, value)
}

/// A value of a unit of OpenTelemetry as people say it.
pub fn in_unit(unit: &str, value: f64) -> String {
    match unit {
        "1" => format!("{}%", digits(value * 100.0)),
        "By" => bytes(value),
        "By/s" => format!("{}/s", bytes(value)),
        "s" => seconds(value),
        "d" => format!("{} days", digits(value)),
        "Cel" => format!("{} °C", digits(value)),
        _ if unit.ends_with("/s") => format!("{}/s", digits(value)),
        _ => digits(value),
    }
}

/// How many times as much: `3.2`, `40`.
pub fn times(times: f64) -> String {
    let decimals = usize::from(times < 10.0);
    format!("{times:.decimals$}").trim_end_matches(".0").to_owned()
}

/// How long a time is: `50 seconds`, `40 minutes`, `24 hours`, `7 days`.
pub fn length(from: jiff::Timestamp, to: jiff::Timestamp) -> String {
    let seconds = usize::try_from(to.duration_since(from).as_secs()).unwrap_or(0);
    let minutes = seconds / 60;
    match minutes {
        0 => words::count(seconds, "second", "seconds"),
        1..120 => words::count(minutes, "minute", "minutes"),
        120..2881 => words::count((minutes + 30) / 60, "hour", "hours"),
        _ => words::count((minutes + 720) / 1440, "day", "days"),
    }
}

fn bytes(value: f64) -> String {
    let units = [("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("KB", 1e3)];
    match units.iter().find(|(_, size)| value.abs() >= *size) {
        Some((unit, size)) => format!("{} {unit}", digits(value / size)),
        None => format!("{} bytes", digits(value)),
    }
}

fn seconds(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if size == 0.0 => "0 s".to_owned(),
        _ if size < 0.001 => format!("{} µs", digits(value * 1e6)),
        _ if size < 1.0 => format!("{} ms", digits(value * 1e3)),
        _ if size < 120.0 => format!("{} s", digits(value)),
        _ if size < 7200.0 => format!("{} min", digits(value / 60.0)),
        _ if size < 172_800.0 => format!("{} h", digits(value / 3600.0)),
        _ => format!("{} days", digits(value / 86_400.0)),
    }
}

/// Three digits that mean something, and no more.
fn digits(value: f64) -> String {
    let size = value.abs();
    let decimals = match size {
        _ if size == 0.0 || size >= 100.0 => 0,
        _ if size >= 10.0 => 1,
        _ if size >= 1.0 => 2,
        _ => 3,
    };
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    let whole = text.split('.').next().unwrap_or_default().trim_start_matches('-');
    if whole.len() > 3 && decimals == 0 {
        let number = usize::try_from(whole.parse::<u64>().unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
        return format!("{}{}", if value < 0.0 { "−" } else { "" }, words::thousands(number));
    }
    match text {
        "-0" => "0".to_owned(),
        _ => text.replace('-', "−"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_said_in_the_unit_that_fits() {
        let at = |second| jiff::Timestamp::from_second(second).unwrap();
        for (seconds, expected) in [
            (8, "8 seconds"),
            (60, "1 minute"),
            (3600, "60 minutes"),
            (6 * 3600, "6 hours"),
            (86_400, "24 hours"),
            (604_800, "7 days"),
        ] {
            assert_eq!(length(at(0), at(seconds)), expected);
        }
    }

    #[test]
    fn what_is_so_or_not_is_said_in_words() {
        for (name, yes, no) in [
            ("target.up", "answers", "does not answer"),
            ("tls.certificate.trusted", "is believed", "is not believed"),
            ("system.clock.synchronized", "is kept right", "is not kept right"),
        ] {
            let metric = crate::metrics::metric(name).unwrap();
            assert_eq!((value(metric, 1.0).as_str(), value(metric, 0.0).as_str()), (yes, no));
            assert_eq!(
                (value(metric, 0.985), mean(metric, 1.0)),
                ("98.5% of the time".into(), "100% of the time".into())
            );
            assert_eq!(scale(metric, 1.0), "100%");
        }
        let memory = crate::metrics::metric("system.memory.utilization").unwrap();
        assert_eq!((value(memory, 1.0), mean(memory, 0.5)), ("100%".into(), "50%".into()));
    }

    #[test]
    fn values_are_said_as_people_say_them() {
        for (unit, value, expected) in [
            ("1", 0.123_456, "12.3%"),
            ("1", 1.0, "100%"),
            ("1", 0.000_4, "0.04%"),
            ("By", 1.5e9, "1.5 GB"),
            ("By/s", 0.0, "0 bytes/s"),
            ("s", 0.003_4, "3.4 ms"),
            ("s", 0.000_02, "20 µs"),
            ("s", 90_000.0, "25 h"),
            ("s", -1.5, "−1.5 s"),
            ("{process}", 12_345.0, "12,345"),
            ("{packet}/s", 0.25, "0.25/s"),
            ("d", 12.0, "12 days"),
            ("{x}", -0.000_01, "0"),
        ] {
            assert_eq!(in_unit(unit, value), expected, "{value} {unit}");
        }
    }
}
