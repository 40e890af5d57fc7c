//! Why a schedule never comes.

use super::{
    fields::YEARS,
    names::{LENGTHS, month_name},
    set::Set,
    spec::{Days, Spec},
};
use crate::words;

/// The reason why no day fits, as a sentence.
pub(super) fn why(spec: &Spec) -> String {
    let days = match spec.days {
        Days::OfMonth(days) | Days::Both(days, _) | Days::Either(days, _) => days,
        Days::Nth(..) | Days::Every | Days::OfWeek(_) | Days::LastDay => Set::DAYS,
    };
    let longest = spec.months.iter().filter_map(length).max().unwrap_or(31);
    let first = days.first().unwrap_or(1);
    let months: Vec<String> = spec.months.iter().map(month_name).collect();
    if first > longest {
        let have = if months.len() == 1 { "has" } else { "have" };
        let what: Vec<String> = days.iter().map(|n| n.to_string()).collect();
        return if what.len() == 1 && months.len() == 1 {
            format!("There is no {first} {}: {} has {longest} days at most.", months.concat(), months.concat())
        } else {
            let end = if what.len() == 1 { "never comes" } else { "never come" };
            format!("{} {have} {longest} days at most, so day {} {end}.", words::list(&months), words::list(&what))
        };
    }
    let leap =
        |years: &std::collections::BTreeSet<u32>| years.iter().any(|y| y % 4 == 0 && (y % 100 != 0 || y % 400 == 0));
    if let Some(years) = spec.years.as_ref().filter(|years| first == 29 && months == ["February"] && !leap(years)) {
        return match years.iter().collect::<Vec<_>>().as_slice() {
            [one] => format!("There is no 29 February in {one}: it is no leap year."),
            _ => "There is no 29 February in these years: none of them is a leap year.".to_owned(),
        };
    }
    format!("No day from {} to {} fits all parts of this schedule.", YEARS.start(), YEARS.end())
}

fn length(month: u32) -> Option<u32> {
    LENGTHS.get(usize::try_from(month.checked_sub(1)?).ok()?).copied()
}
