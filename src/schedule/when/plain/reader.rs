//! From words to what they ask for, one after the other.

use std::collections::BTreeSet;

use super::{
    super::{
        error::{WhenError, meant, quoted, wrong},
        fields::YEARS,
        names::{self, PLACES},
        set::Set,
    },
    FILLERS,
    often::FORTNIGHT,
    token::{Kind, Token},
};

/// What the words ask for, before it is put together.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) weekdays: Set,
    /// The first to fifth (1 to 5) or last (0) of `nth_days`.
    pub(super) nths: Set,
    pub(super) nth_days: Set,
    pub(super) days: Set,
    pub(super) last_day: bool,
    /// Whether days of the month stand beside weekdays with an `and` between them.
    pub(super) joined: bool,
    /// Whether a day must be of both kinds: `every friday that is day 13 of the month`.
    pub(super) both: bool,
    pub(super) months: Set,
    pub(super) years: BTreeSet<u32>,
    /// Seconds after midnight.
    pub(super) times: Vec<u32>,
    /// Minutes of an hour.
    pub(super) minutes: Set,
    pub(super) step: Option<Step>,
    /// From and until, in seconds after midnight.
    pub(super) windows: Vec<(u32, u32)>,
    pub(super) period: Option<Period>,
}

/// Again and again after so much time within a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) n: u32,
    pub(super) unit: Unit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Second,
    Minute,
    Hour,
}

/// How often, in days and more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Period {
    Day,
    Week,
    /// Every so many months.
    Months(u32),
    Year,
}

/// Reads the words.
///
/// # Errors
/// Which of them has no meaning where it stands.
pub(super) fn read(tokens: &[Token]) -> Result<Asked, WhenError> {
    let mut reader = Reader { tokens, at: 0, asked: Asked::default(), and: false };
    while reader.at < tokens.len() {
        reader.word()?;
    }
    Ok(reader.asked)
}

pub(super) struct Reader<'a> {
    pub(super) tokens: &'a [Token],
    pub(super) at: usize,
    pub(super) asked: Asked,
    /// Whether an `and` or a comma stands just before.
    pub(super) and: bool,
}

impl Reader<'_> {
    pub(super) fn peek(&self, ahead: usize) -> Option<&Kind> {
        self.tokens.get(self.at + ahead).map(|t| &t.kind)
    }

    pub(super) fn peek_word(&self, ahead: usize) -> &str {
        match self.peek(ahead) {
            Some(Kind::Word(word)) => word,
            _ => "",
        }
    }

    pub(super) fn text(&self, ahead: usize) -> String {
        quoted(self.tokens.get(self.at + ahead).map_or("", |t| &t.text))
    }

    /// What stands next, to its end.
    pub(super) fn word(&mut self) -> Result<(), WhenError> {
        let Some(kind) = self.peek(0).cloned() else { return Ok(()) };
        match kind {
            Kind::Comma => {
                self.and = true;
                self.at += 1;
                Ok(())
            }
            Kind::To => wrong(format!("{} stands between two days, months or times.", self.text(0))),
            Kind::Time(_) => self.times(false),
            Kind::Place(_) => self.places(),
            Kind::Number(n) => self.number(n),
            Kind::Word(word) => self.named(&word),
        }
    }

    pub(super) fn named(&mut self, word: &str) -> Result<(), WhenError> {
        match word {
            "and" | "or" | "plus" => self.and = true,
            "every" => return self.every(),
            "at" => {
                self.at += 1;
                if matches!(self.peek_word(0), "minute" | "minutes") {
                    self.at += 1;
                    let minutes = self.numbers(59, "minute", "minutes go from 0 to 59")?;
                    self.asked.minutes = self.asked.minutes.or(minutes);
                    return Ok(());
                }
                return self.times(true);
            }
            "between" | "from" => {
                self.at += 1;
                let day = self.peek_word(0);
                let clock =
                    matches!(day, "noon" | "midnight" | "midday") || !matches!(self.peek(0), Some(Kind::Word(_)));
                let clock = clock && !self.peek(0).is_some_and(is_year);
                return if clock { self.times(true) } else { Ok(()) };
            }
            "noon" | "midday" | "midnight" => return self.times(false),
            "hourly" => return self.step(1, Unit::Hour, 1),
            "daily" | "nightly" => return self.period(Period::Day),
            "weekly" => return self.period(Period::Week),
            "monthly" => return self.period(Period::Months(1)),
            "quarterly" => return self.period(Period::Months(3)),
            "yearly" | "annually" => return self.period(Period::Year),
            "weekday" | "weekdays" | "workday" | "workdays" => return self.weekdays(Set::WORKDAYS, 1),
            "weekend" | "weekends" => return self.weekdays(Set::WEEKEND, 1),
            "working" if matches!(self.peek_word(1), "day" | "days") => return self.weekdays(Set::WORKDAYS, 2),
            "odd" | "even" if matches!(self.peek_word(1), "day" | "days") => {
                let first = if word == "odd" { 1 } else { 2 };
                self.at += 2;
                return self.days(Set::steps(first, 31, 2));
            }
            "day" | "days" => {
                self.at += 1;
                let days = self.numbers(31, "day of the month", "days of the month go from 1 to 31")?;
                return self.days(days);
            }
            "month" | "week" | "year" if self.said_before(&["a", "the", "of", "per", "each"]) => {
                // `once a month` asks for something, `of the month` does not.
                if self.said_before(&["a", "per", "each"]) {
                    return match word {
                        "week" => self.period(Period::Week),
                        "month" => self.period(Period::Months(1)),
                        _ => self.period(Period::Year),
                    };
                }
            }
            "leap" if matches!(self.peek_word(1), "year" | "years") => self.at += 1,
            "twice" => {
                return wrong("`twice` does not say when. Name the times, as in `every day at 7:00 and 19:00`.");
            }
            "fortnightly" | "biweekly" => return wrong(FORTNIGHT),
            "other" | "half" => return wrong(format!("{} goes after `every`, as in `every half hour`.", self.text(0))),
            "last" => return self.places(),
            word if PLACES.contains(&word) => return self.places(),
            word if names::weekday(word).or(names::weekdays(word)).is_some() => return self.named_days(),
            word if names::month(word).is_some() => return self.months(),
            "that" if self.peek_word(1) == "is" => self.asked.both = true,
            "today" | "tonight" | "tomorrow" | "now" => {
                let word = self.text(0);
                return wrong(format!(
                    "{word} comes only once, and a schedule again and again, as in `every day 7:00`."
                ));
            }
            "morning" | "afternoon" | "evening" | "night" | "mornings" | "evenings" | "nights" => {
                return wrong(format!("{} has no hour. Say the time, as in `every day 7:00`.", self.text(0)));
            }
            word if FILLERS.contains(&word) => {}
            word => return wrong(unknown(word)),
        }
        self.at += 1;
        Ok(())
    }

    pub(super) fn said_before(&self, words: &[&str]) -> bool {
        let before = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        before.is_some_and(|t| words.contains(&t.text.as_str()))
    }
}

/// Days that do not fit together.
pub(super) const TWO: &str = "These days do not fit into one schedule. Make two schedules of it.";

pub(super) fn is_year(kind: &Kind) -> bool {
    matches!(kind, Kind::Number(n) if YEARS.contains(n))
}

pub(super) fn is_day(word: &str) -> bool {
    names::weekday(word).is_some()
}

/// What to say of a word that has no meaning here.
fn unknown(word: &str) -> String {
    if super::is_known(word) {
        return format!(
            "The word {} does not fit where it stands. Say it as in `every monday 7:00` or `every 2 hours`.",
            quoted(word)
        );
    }
    let known = super::vocabulary();
    let near = meant(word, known.iter().map(String::as_str));
    let help = if near.is_empty() { " Say it as in `every monday 7:00` or `every 2 hours`." } else { "" };
    format!("The word {} is not known in a schedule.{near}{help}", quoted(word))
}
