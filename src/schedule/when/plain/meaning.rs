//! What the words of a schedule mean together.

use std::collections::BTreeSet;

use super::{
    super::{
        error::{WhenError, wrong},
        set::Set,
        spec::{Clock, Days, Spec},
    },
    reader::{Asked, Period, Step, TWO, Unit},
};

const DAY: u32 = 86_400;

/// Puts together what was asked for.
///
/// # Errors
/// When parts of it do not go together, or one is missing.
pub(super) fn of(asked: &Asked) -> Result<Spec, WhenError> {
    let (clocks, flowing) = times(asked)?;
    let (days, months) = days(asked)?;
    let years = (!asked.years.is_empty()).then(|| asked.years.clone());
    Ok(Spec { days, months, years, clocks, flowing })
}

fn days(asked: &Asked) -> Result<(Days, Set), WhenError> {
    let (mut months, mut of_month) = (asked.months, asked.days);
    match asked.period {
        Some(Period::Months(n)) if n > 1 && months.is_empty() => months = Set::steps(1, 12, n),
        Some(Period::Months(n)) if n > 1 => {
            return wrong("Name the months, or how many there are between two times, but not both.");
        }
        _ => {}
    }
    let nth = !asked.nths.is_empty();
    let named = !asked.weekdays.is_empty() || nth || !of_month.is_empty() || asked.last_day;
    match asked.period {
        Some(Period::Months(_)) if !asked.weekdays.is_empty() && !asked.joined && !asked.both => {
            return wrong("Which of these days in a month? Say it as in `first monday of the month 7:00`.");
        }
        Some(Period::Year) if months.is_empty() && (named || nth) => {
            return wrong("In which month of the year? Say it as in `every year on 1 january at 6:00`.");
        }
        Some(Period::Week) if nth || asked.last_day || (!of_month.is_empty() && !asked.joined) => {
            return wrong("A week has no such day. Say `every monday 7:00` or `first monday of the month 7:00`.");
        }
        Some(Period::Day) if named => {
            return wrong("Every day, or only on some days? Leave out one of the two.");
        }
        Some(Period::Months(_)) if !named => of_month = Set::one(1),
        Some(Period::Year) if !named => {
            of_month = Set::one(1);
            months = if months.is_empty() { Set::one(1) } else { months };
        }
        Some(Period::Week) if !named => return Ok((Days::OfWeek(Set::one(0)), all(months))),
        None if !named && !months.is_empty() && asked.step.is_none() => {
            return wrong("On which days of the month? Say `1 january 6:00`, or `every day in january 6:00`.");
        }
        None if !named && asked.times.is_empty() && asked.step.is_none() && asked.minutes.is_empty() => {
            return wrong("Say on which days, and at what time: for example `every monday 7:00`.");
        }
        _ => {}
    }
    let kinds = [!asked.weekdays.is_empty(), nth, !of_month.is_empty(), asked.last_day];
    let days = match kinds {
        [false, false, false, false] => Days::Every,
        [true, false, false, false] => Days::of(Set::DAYS, asked.weekdays, true),
        [false, true, false, false] => Days::Nth(asked.nths, asked.nth_days),
        [false, false, true, false] => Days::of(of_month, Set::WEEKDAYS, true),
        [false, false, false, true] => Days::LastDay,
        [true, false, true, false] if asked.both => Days::of(of_month, asked.weekdays, true),
        [true, false, true, false] if asked.joined => Days::of(of_month, asked.weekdays, false),
        [true, false, true, false] => {
            return wrong(
                "A day of the week or a day of the month? For both of them put an `and` between, as in `every friday and \
                 on day 1 of the month at 6:00`.",
            );
        }
        _ => return wrong(TWO),
    };
    Ok((days, all(months)))
}

fn all(months: Set) -> Set {
    if months.is_empty() { Set::MONTHS } else { months }
}

/// The times of day, and whether they flow.
fn times(asked: &Asked) -> Result<(Vec<Clock>, bool), WhenError> {
    let step = asked.step.or((!asked.minutes.is_empty()).then_some(Step { n: 1, unit: Unit::Hour }));
    let Some(step) = step else {
        if let Some((from, until)) = asked.windows.first() {
            return wrong(format!(
                "How often from {} to {}? Add `every hour` or `every 30 minutes`.",
                clock(*from),
                clock(*until)
            ));
        }
        let times = if asked.times.is_empty() { &[0][..] } else { &asked.times };
        return Ok((Clock::of(times.iter().copied()), false));
    };
    if let Some(time) = asked.times.first() {
        return wrong(format!(
            "{0} and {1} do not go together. Leave out the time, or say from when to when, as in `every 2 hours from 8:00 to \
             18:00`.",
            told(step),
            clock(*time)
        ));
    }
    if !asked.minutes.is_empty() {
        return past_the_hour(asked, step);
    }
    if asked.windows.is_empty() {
        let seconds = distance(step).filter(|d| *d <= DAY && DAY.is_multiple_of(*d));
        let Some(seconds) = seconds else { return uneven(step) };
        let clocks = match step.unit {
            Unit::Second if 60 % step.n == 0 => {
                vec![Clock { hours: Set::HOURS, minutes: Set::MINUTES, seconds: Set::steps(0, 59, step.n) }]
            }
            Unit::Second => return uneven(step),
            _ => Clock::of((0..DAY).step_by(usize::try_from(seconds).unwrap_or(1))),
        };
        return Ok((clocks, flows(step, seconds)));
    }
    let mut found = BTreeSet::new();
    let Some(seconds) = distance(step).filter(|d| *d <= DAY) else { return uneven(step) };
    for &(from, until) in &asked.windows {
        if from > until {
            return wrong(format!(
                "From {0} to {1} goes over midnight. Say it in two parts: `from {0} to 23:59 and from 0:00 to {1}`.",
                clock(from),
                clock(until)
            ));
        }
        if seconds < 60 {
            return wrong("Between two times of day, the smallest distance is 1 minute.");
        }
        found.extend((from..=until).step_by(usize::try_from(seconds).unwrap_or(1)));
    }
    let clocks = Clock::of(found.into_iter());
    let star = clocks.len() == 1 && clocks.iter().all(|c| c.hours.star_step(0, 23) == Some(step.n));
    Ok((clocks, step.unit == Unit::Minute && step.n < 60 || step.unit == Unit::Hour && star))
}

/// `every hour at minute 5 and 35`.
fn past_the_hour(asked: &Asked, step: Step) -> Result<(Vec<Clock>, bool), WhenError> {
    if step.unit != Unit::Hour || !asked.windows.is_empty() {
        return wrong("A minute goes with every hour, as in `every hour at minute 15`.");
    }
    if step.n > 24 || 24 % step.n != 0 {
        return uneven(step);
    }
    let hours = Set::steps(0, 23, step.n);
    Ok((vec![Clock { hours, minutes: asked.minutes, seconds: Set::one(0) }], true))
}

/// As in a crontab: what can be written with a `*` there.
fn flows(step: Step, seconds: u32) -> bool {
    seconds < DAY && (seconds < 3600 || step.unit == Unit::Hour || seconds.is_multiple_of(3600))
}

fn distance(step: Step) -> Option<u32> {
    let unit = match step.unit {
        Unit::Second => 1,
        Unit::Minute => 60,
        Unit::Hour => 3600,
    };
    step.n.checked_mul(unit)
}

fn told(step: Step) -> String {
    let unit = match step.unit {
        Unit::Second => "second",
        Unit::Minute => "minute",
        Unit::Hour => "hour",
    };
    if step.n == 1 { format!("Every {unit}") } else { format!("Every {} {unit}s", step.n) }
}

/// A distance that does not come out even, and its neighbours that do.
fn uneven<T>(step: Step) -> Result<T, WhenError> {
    let (whole, of) = match step.unit {
        Unit::Second => (60, "a minute"),
        Unit::Minute => (1440, "a day"),
        Unit::Hour => (24, "a day"),
    };
    let fits = |n: &u32| whole % n == 0;
    let unit = told(Step { n: 2, unit: step.unit });
    let unit = unit.trim_start_matches("Every 2 ");
    let below = (1..step.n.min(whole)).rev().find(fits);
    let above = (step.n.saturating_add(1)..=whole / 2).find(fits);
    let near: Vec<String> = [below, above].into_iter().flatten().map(|n| n.to_string()).collect();
    wrong(format!("{} does not come out even in {of}. Say every {} {unit}.", told(step), near.join(" or every ")))
}

/// `8:00`.
fn clock(time: u32) -> String {
    let seconds = if time.is_multiple_of(60) { String::new() } else { format!(":{:02}", time % 60) };
    format!("{}:{:02}{seconds}", time / 3600, time / 60 % 60)
}
