//! Schedules in plain words: `every monday 7:00`, `last friday of the month at 5 pm`.

mod dates;
mod hours;
mod meaning;
mod often;
mod reader;
mod token;

use super::{
    error::WhenError,
    names::{MONTHS, PLACES, WEEKDAYS},
    spec::Spec,
};

/// Words with a meaning, besides names of days and months.
const WORDS: [&str; 71] = [
    "a",
    "am",
    "an",
    "and",
    "annually",
    "at",
    "between",
    "biweekly",
    "daily",
    "day",
    "days",
    "each",
    "even",
    "every",
    "fortnightly",
    "from",
    "half",
    "hour",
    "hourly",
    "hours",
    "in",
    "last",
    "leap",
    "midday",
    "midnight",
    "minute",
    "minutes",
    "month",
    "monthly",
    "months",
    "nightly",
    "noon",
    "o'clock",
    "odd",
    "of",
    "on",
    "once",
    "or",
    "other",
    "per",
    "plus",
    "pm",
    "quarter",
    "quarterly",
    "quarters",
    "second",
    "seconds",
    "that",
    "the",
    "through",
    "till",
    "to",
    "twice",
    "until",
    "week",
    "weekday",
    "weekdays",
    "weekend",
    "weekends",
    "weekly",
    "weeks",
    "workday",
    "workdays",
    "working",
    "year",
    "yearly",
    "years",
    "hr",
    "min",
    "mins",
    "hrs",
];

/// Words that say nothing of their own.
const FILLERS: [&str; 13] = ["a", "all", "an", "each", "in", "is", "o'clock", "of", "on", "once", "per", "the", "then"];

/// Reads plain words.
///
/// # Errors
/// Which word is wrong or missing, and what would be right.
pub(super) fn parse(text: &str) -> Result<Spec, WhenError> {
    meaning::of(&reader::read(&token::tokens(text)?)?)
}

/// Whether a word has a meaning in a schedule.
pub(super) fn is_known(word: &str) -> bool {
    let lower = word.to_lowercase();
    let lower = lower.as_str();
    WORDS.contains(&lower)
        || FILLERS.contains(&lower)
        || super::names::weekday(lower).or(super::names::weekdays(lower)).or(super::names::month(lower)).is_some()
        || token::number_word(lower).is_some()
        || PLACES.contains(&lower)
}

/// All words that someone may have meant.
fn vocabulary() -> Vec<String> {
    let days = WEEKDAYS.iter().flat_map(|day| [day.to_lowercase(), day.to_lowercase() + "s"]);
    let months = MONTHS.iter().map(|month| month.to_lowercase());
    let rest = WORDS.iter().chain(&PLACES).filter(|word| word.len() > 2).map(|word| (*word).to_owned());
    days.chain(months).chain(rest).collect()
}
