//! A schedule for systemd timers and for crontabs.

use std::fmt::Write as _;

use jiff::tz::TimeZone;

use super::{
    names::weekday_name,
    set::{Set, runs},
    spec::{Clock, Days, Spec},
    zone::distances,
};

/// The five fields of a line of a crontab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronLine {
    /// `0 7 * * 1`.
    pub fields: String,
    /// Whether it runs at no other times than the schedule does. Where cron cannot say a schedule, a line runs more
    /// often, and the command must see for itself whether it is due.
    pub exact: bool,
}

/// Lines for `OnCalendar=`.
pub(super) fn calendar(spec: &Spec, zone: &TimeZone, named: bool) -> Vec<String> {
    // systemd passes over the second one of two repeated hours, but not in UTC.
    let utc = spec.flowing && spec.every_hour() && spec.clocks.iter().all(|c| is_same_everywhere(c.minutes, zone));
    let zone = match zone.iana_name() {
        _ if utc => " UTC".to_owned(),
        Some(name) if named => format!(" {name}"),
        _ => String::new(),
    };
    let mut lines = Vec::new();
    for date in dates(spec) {
        for clock in &spec.clocks {
            let part = |set: Set, all: Set| field(set, all, "..", 2);
            lines.push(format!(
                "{date} {}:{}:{}{zone}",
                part(clock.hours, Set::HOURS),
                part(clock.minutes, Set::MINUTES),
                part(clock.seconds, Set::MINUTES),
            ));
        }
    }
    lines
}

/// Whether these minutes are the same ones on a clock of UTC.
fn is_same_everywhere(minutes: Set, zone: &TimeZone) -> bool {
    let shifted = |by: i32| -> Set {
        minutes.iter().filter_map(|m| u32::try_from((i64::from(m) + i64::from(by)).rem_euclid(60)).ok()).collect()
    };
    distances(zone).into_iter().all(|by| shifted(by) == minutes)
}

/// The days as systemd writes them.
fn dates(spec: &Spec) -> Vec<String> {
    let years: Vec<u32> = spec.years.iter().flatten().copied().collect();
    let years = if spec.years.is_some() { spans(&years, "..", 4) } else { "*".to_owned() };
    let months = field(spec.months, Set::MONTHS, "..", 2);
    let of_month = |days: Set| format!("{years}-{months}-{}", field(days, Set::DAYS, "..", 2));
    let of_week = |days: Set| {
        let mut numbers: Vec<u32> = days.iter().collect();
        numbers.sort_by_key(|n| if *n == 0 { 7 } else { *n });
        let names: Vec<String> = numbers.into_iter().map(|n| weekday_name(n).chars().take(3).collect()).collect();
        names.join(",")
    };
    match spec.days {
        Days::Every => vec![of_month(Set::DAYS)],
        Days::OfMonth(days) => vec![of_month(days)],
        Days::OfWeek(week) => vec![format!("{} {}", of_week(week), of_month(Set::DAYS))],
        Days::Either(days, week) => vec![of_month(days), format!("{} {}", of_week(week), of_month(Set::DAYS))],
        Days::Both(days, week) => vec![format!("{} {}", of_week(week), of_month(days))],
        Days::LastDay => vec![format!("{years}-{months}~01")],
        Days::Nth(places, week) => places
            .iter()
            .map(|n| match n {
                // The seventh day from the end, and each one after it.
                0 => format!("{} {years}-{months}~07/1", of_week(week)),
                n => format!("{} {}", of_week(week), of_month(Days::nth(n))),
            })
            .collect(),
    }
}

/// Lines of a crontab for a schedule in the machine's own zone.
pub(super) fn crontab(spec: &Spec) -> Vec<CronLine> {
    if spec.clocks.iter().any(|c| c.seconds != Set::one(0)) {
        // Due within a minute is seen at the next one, which may be that of another day.
        return vec![CronLine { fields: "* * * * *".to_owned(), exact: false }];
    }
    let (days, week, days_exact) = crontab_days(spec.days.clone());
    let months = field(spec.months, Set::MONTHS, "-", 1);
    let mut lines: Vec<CronLine> = Vec::new();
    for clock in &spec.clocks {
        let (minutes, hours, clock_exact) = crontab_clock(clock, spec.flowing);
        let line = CronLine {
            fields: format!("{minutes} {hours} {days} {months} {week}"),
            exact: days_exact && clock_exact && spec.years.is_none(),
        };
        match lines.iter_mut().find(|known| known.fields == line.fields) {
            Some(known) => known.exact &= line.exact,
            None => lines.push(line),
        }
    }
    lines
}

/// The two fields of the day, and whether they say it exactly.
fn crontab_days(days: Days) -> (String, String, bool) {
    let any = || "*".to_owned();
    // A star in front makes cron ask for both fields.
    let star_days = |days: Set| days.star_step(1, 31).map(|step| format!("*/{step}"));
    let star_week = |week: Set| {
        let steps = |step: &usize| (0..=7).step_by(*step).map(|n| n % 7).collect::<Set>();
        (1..=7).find(|step| steps(step) == week).map(|step| format!("*/{step}"))
    };
    match days {
        Days::Every => (any(), any(), true),
        Days::OfMonth(days) => (plain(days), any(), true),
        Days::OfWeek(week) => (any(), plain(week), true),
        Days::Either(days, week) => (plain(days), plain(week), true),
        Days::Both(days, week) => match (star_days(days), star_week(week)) {
            (Some(days), _) => (days, plain(week), true),
            (None, Some(week)) => (plain(days), week, true),
            (None, None) => (any(), plain(week), false),
        },
        Days::Nth(places, week) => match star_week(week).filter(|_| !places.has(0)) {
            Some(star) => (plain(places.iter().fold(Set::EMPTY, |all, n| all.or(Days::nth(n)))), star, true),
            None => (any(), plain(week), false),
        },
        Days::LastDay => ("28-31".to_owned(), any(), false),
    }
}

/// Minutes and hours. For a job that flows one of them begins with a star, and for another one none does: cron goes by
/// that when clocks change.
fn crontab_clock(clock: &Clock, flowing: bool) -> (String, String, bool) {
    let star = |set: Set, high: u32| {
        set.star_step(0, high).map(|step| if step == 1 { "*".to_owned() } else { format!("*/{step}") })
    };
    let (minutes, hours) = (star(clock.minutes, 59), star(clock.hours, 23));
    match (minutes, hours) {
        _ if !flowing => (plain(clock.minutes), plain(clock.hours), true),
        (Some(minutes), Some(hours)) => (minutes, hours, true),
        (Some(minutes), None) if clock.minutes.len() > 1 => (minutes, plain(clock.hours), true),
        (_, Some(hours)) if clock.hours.len() > 1 => (plain(clock.minutes), hours, true),
        _ => {
            let step = clock.minutes.iter().fold(30, gcd);
            (format!("*/{step}"), plain(clock.hours), false)
        }
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// One line for a schedule in another zone than the machine's: cron cannot be told of one, so it runs every hour or more
/// often.
pub(super) fn crontab_elsewhere(spec: &Spec, zone: &TimeZone, home: &TimeZone) -> CronLine {
    let whole_hours = |zone: &TimeZone| distances(zone).iter().all(|minutes| minutes % 60 == 0);
    let seconds = spec.clocks.iter().any(|c| c.seconds != Set::one(0));
    let quarters = Set::steps(0, 59, 15);
    // What falls into an hour that is left out runs after it: on the hour.
    let minutes = spec.clocks.iter().fold(Set::one(0), |all, c| all.or(c.minutes));
    let fields = if seconds {
        "* * * * *".to_owned()
    } else if whole_hours(zone) && whole_hours(home) {
        format!("{} * * * *", field(minutes, Set::MINUTES, "-", 1))
    } else if minutes.or(quarters) == quarters {
        "*/15 * * * *".to_owned()
    } else {
        "* * * * *".to_owned()
    };
    CronLine { fields, exact: false }
}

/// Numbers of a crontab without a star.
fn plain(set: Set) -> String {
    field(set, Set::EMPTY, "-", 1)
}

/// `*` for all, or a list with runs.
fn field(set: Set, all: Set, to: &str, width: usize) -> String {
    let numbers: Vec<u32> = set.iter().collect();
    if set == all { "*".to_owned() } else { spans(&numbers, to, width) }
}

fn spans(numbers: &[u32], to: &str, width: usize) -> String {
    let mut out = String::new();
    for (a, b) in runs(numbers) {
        let comma = if out.is_empty() { "" } else { "," };
        let _ = write!(out, "{comma}{a:0width$}");
        if a != b {
            let _ = write!(out, "{to}{b:0width$}");
        }
    }
    out
}
