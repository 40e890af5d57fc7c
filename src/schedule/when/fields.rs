//! Cron expressions of five, six and seven fields, with the meaning that they have in a crontab.

use std::collections::BTreeSet;

use super::{
    error::{WhenError, meant, quoted, wrong},
    names::{self, MONTHS, WEEKDAYS},
    set::Set,
    spec::{Clock, Days, Spec},
};

/// The years that can be counted.
pub(super) const YEARS: std::ops::RangeInclusive<u32> = 1970..=2100;

/// What a field may hold.
#[derive(Debug)]
struct Field {
    name: &'static str,
    low: u32,
    high: u32,
    /// The number of a name in lower case.
    named: fn(&str) -> Option<u32>,
    names: &'static [&'static str],
    right: &'static str,
}

const NO_NAMES: &[&str] = &[];
const fn numbers(name: &'static str, low: u32, high: u32, right: &'static str) -> Field {
    Field { name, low, high, named: |_| None, names: NO_NAMES, right }
}
const SECOND: Field = numbers("second", 0, 59, "seconds go from 0 to 59");
const MINUTE: Field = numbers("minute", 0, 59, "minutes go from 0 to 59");
const HOUR: Field = numbers("hour", 0, 23, "hours go from 0 to 23");
const DAY: Field = numbers("day of the month", 1, 31, "days of the month go from 1 to 31");
const MONTH: Field = Field {
    name: "month",
    low: 1,
    high: 12,
    named: names::month,
    names: &MONTHS,
    right: "months go from 1 to 12, or `jan` to `dec`",
};
const WEEKDAY: Field = Field {
    name: "day of the week",
    low: 0,
    high: 7,
    named: names::weekday,
    names: &WEEKDAYS,
    right: "days of the week go from 0 (Sunday) to 6 (Saturday), or `sun` to `sat`",
};
const YEAR: Field = numbers("year", *YEARS.start(), *YEARS.end(), "years go from 1970 to 2100");

/// Whether a text means to be a cron expression, and no plain words.
pub(super) fn is_cron(text: &str) -> bool {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let field = |f: &str| f.bytes().all(|b| b.is_ascii_digit() || b",-/*?".contains(&b));
    let starts = |f: &&&str| f.starts_with(|c: char| c.is_ascii_digit() || "*?".contains(c));
    let any = |f: &&str| f.starts_with(['*', '?']);
    fields.first().filter(starts).is_some()
        && (fields.iter().any(any) || (fields.len() >= 5 && fields.iter().take(2).all(|f| field(f))))
        && !text.contains(':')
}

/// Reads a cron expression.
///
/// # Errors
/// Which field is wrong, and what would be right.
pub(super) fn parse(text: &str) -> Result<Spec, WhenError> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let (second, rest) = match fields.as_slice() {
        [_, _, _, _, _] => ("0", fields.as_slice()),
        [second, rest @ ..] if fields.len() == 6 || fields.len() == 7 => (*second, rest),
        _ => {
            return wrong(format!(
                "{} has {}. A cron expression has 5 fields: minute, hour, day of the month, month, day of the week. With \
                 6 the first one is the second, with 7 the last one is the year.",
                quoted(text),
                crate::words::count(fields.len(), "field", "fields"),
            ));
        }
    };
    let &[minute, hour, day, month, weekday, ref year @ ..] = rest else {
        return wrong("A cron expression has at least 5 fields.");
    };
    let set = |field: &Field, text: &str| numbers_of(field, text).map(|n| n.into_iter().collect::<Set>());
    let clock = Clock { seconds: set(&SECOND, second)?, minutes: set(&MINUTE, minute)?, hours: set(&HOUR, hour)? };
    let days = set(&DAY, day)?;
    let months = set(&MONTH, month)?;
    let weekdays = numbers_of(&WEEKDAY, weekday)?.into_iter().map(|n| n % 7).collect();
    let years = match year {
        [year] if !is_star(year) => Some(numbers_of(&YEAR, year)?),
        _ => None,
    };
    let star = |field: &str| field.starts_with(['*', '?']);
    Ok(Spec {
        // A star at the front of either field, even `*/2`: both must agree.
        days: Days::of(days, weekdays, star(day) || star(weekday)),
        months,
        years,
        flowing: star(minute) || star(hour),
        clocks: vec![clock],
    })
}

fn is_star(field: &str) -> bool {
    matches!(field, "*" | "?" | "*/1")
}

/// The numbers that a field means.
fn numbers_of(field: &Field, text: &str) -> Result<BTreeSet<u32>, WhenError> {
    let mut found = BTreeSet::new();
    for part in text.split(',') {
        if part.is_empty() {
            return wrong(format!(
                "The {} {} has a comma with nothing beside it. Write a list as in `1,15`.",
                field.name,
                quoted(text)
            ));
        }
        let (range, step) = match part.split_once('/') {
            None => (part, None),
            Some((range, step)) => (range, Some(step_of(field, part, step)?)),
        };
        let span = field.high - field.low + 1;
        let (low, high) = match range.split_once('-') {
            _ if range == "*" => (field.low, field.high),
            _ if range == "?" && (field.name == DAY.name || field.name == WEEKDAY.name) => (field.low, field.high),
            None => {
                let low = number(field, range)?;
                (low, if step.is_some() { field.high } else { low })
            }
            Some((low, high)) => (number(field, low)?, number(field, high)?),
        };
        let step = usize::try_from(step.unwrap_or(1)).unwrap_or(1);
        if low <= high {
            found.extend((low..=high).step_by(step));
        } else if field.name == WEEKDAY.name {
            // `fri-mon` and `sat-sun`: over the end of the week.
            found.extend((low..=high + 7).step_by(step).map(|n| n % 7));
        } else {
            return wrong(format!(
                "The {} {} runs backwards. Write it as two parts: `{low}-{},{}-{high}`.",
                field.name,
                quoted(part),
                field.low + span - 1,
                field.low,
            ));
        }
    }
    Ok(found)
}

/// How far a part of a field steps.
fn step_of(field: &Field, part: &str, step: &str) -> Result<u32, WhenError> {
    let n = digits(step);
    match n {
        Some(n) if n >= 1 && n <= field.high => Ok(n),
        Some(0) => wrong(format!("The {} {} steps by 0. The smallest step is 1.", field.name, quoted(part))),
        Some(n) => {
            let hint = match (field.name, n) {
                ("minute", n) if n % 60 == 0 && n <= 720 => {
                    format!(" For every {} say `every {}`.", hours(n / 60), hours(n / 60))
                }
                ("minute", n) if 1440 % n == 0 => format!(" Say `every {n} minutes`."),
                ("hour", 24) => " For once a day say `every day 0:00`.".to_owned(),
                _ => String::new(),
            };
            wrong(format!(
                "The {} {} steps further than its field goes: {}.{hint}",
                field.name,
                quoted(part),
                field.right
            ))
        }
        None => wrong(format!(
            "{} is no step in the {} {}. Write a number, as in `*/5`.",
            quoted(step),
            field.name,
            quoted(part)
        )),
    }
}

fn hours(n: u32) -> String {
    if n == 1 { "hour".to_owned() } else { format!("{n} hours") }
}

/// A number or name of a field.
fn number(field: &Field, text: &str) -> Result<u32, WhenError> {
    let lower = text.to_lowercase();
    let n = digits(text).or_else(|| (field.named)(&lower));
    if let Some(n) = n.filter(|n| (field.low..=field.high).contains(n)) {
        return Ok(n);
    }
    let hint = match (field.name, lower.as_str()) {
        ("hour", "24") => " Midnight is 0.".to_owned(),
        (_, "l" | "lw") => " For the last day say `last day of the month 7:00`.".to_owned(),
        ("day of the week", text) if text.contains('#') => {
            " For one of them say it in words: `second friday of the month 7:00`.".to_owned()
        }
        ("day of the week", text) if text.ends_with('l') && text.len() <= 4 => {
            " For the last one say it in words: `last friday of the month 7:00`.".to_owned()
        }
        ("day of the month", text) if text.contains('w') => " `W` is not known here.".to_owned(),
        ("day of the month", text) if names::weekday(text).is_some() => {
            " The day of the week is the fifth of five fields.".to_owned()
        }
        (_, text) if text.starts_with(|c: char| c.is_alphabetic()) => {
            let known: Vec<String> = field.names.iter().map(|name| name.to_lowercase()).collect();
            let short: Vec<&str> = known.iter().flat_map(|n| [n.as_str(), n.get(..3).unwrap_or(n)]).collect();
            meant(text, short.into_iter())
        }
        _ => String::new(),
    };
    wrong(format!("{} is no {}: {}.{hint}", quoted(text), field.name, field.right))
}

/// A number without a sign.
fn digits(text: &str) -> Option<u32> {
    text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()))
}

/// What `@weekly` and the like stand for.
///
/// # Errors
/// When there is no such word.
pub(super) fn nickname(text: &str) -> Result<Spec, WhenError> {
    const KNOWN: [(&str, &str); 7] = [
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
    ];
    let lower = text.to_lowercase();
    match KNOWN.iter().find(|(name, _)| *name == lower) {
        Some((_, fields)) => parse(fields),
        None if lower == "@reboot" => {
            wrong("`@reboot` is no time: a start of the machine cannot be planned. Say when, as in `every day 3:00`.")
        }
        None => {
            let names = "`@hourly`, `@daily`, `@weekly`, `@monthly` and `@yearly`";
            let near = meant(&lower, KNOWN.iter().map(|(name, _)| *name));
            wrong(format!("{} is not known: there are {names}.{near}", quoted(text)))
        }
    }
}
