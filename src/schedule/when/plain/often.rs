//! How often: `every 15 minutes`, `every 3 months`.

use super::{
    super::{
        error::{WhenError, meant, quoted, wrong},
        names,
    },
    reader::{Period, Reader, Step, Unit, is_day},
    token::Kind,
};

/// What a schedule cannot count, and what to say instead.
pub(super) const FORTNIGHT: &str = "A schedule cannot count every second week or day. Say which days of the month, as in `first and \
                         third monday of the month 7:00` or `on day 1 and 15 of the month at 7:00`.";

impl Reader<'_> {
    /// `every`, and what belongs to it.
    pub(super) fn every(&mut self) -> Result<(), WhenError> {
        self.at += 1;
        let next = self.peek_word(0).to_owned();
        match (self.peek(0), next.as_str()) {
            (Some(Kind::Number(n)), _) => return self.count(*n),
            (None, _) => return wrong("`every` what? Say it as in `every monday 7:00` or `every 2 hours`."),
            (_, "other") => {
                self.at += 1;
                return self.other();
            }
            (_, "half") if matches!(self.peek_word(1), "hour") => return self.step(30, Unit::Minute, 2),
            (_, "quarter") if self.peek_word(1) == "hour" => return self.step(15, Unit::Minute, 2),
            (_, "second") if names::weekday(self.peek_word(1)).is_some() && !self.of_the_month() => {
                return wrong(FORTNIGHT);
            }
            (_, "second") if matches!(self.peek_word(1), "minute" | "hour" | "week") => {
                self.at += 1;
                return self.other();
            }
            (_, "day" | "month" | "year" | "week" | "quarter" | "second" | "minute" | "hour" | "min" | "hr")
                if !(next == "second" && self.second_is_a_place()) =>
            {
                return self.unit(1);
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn second_is_a_place(&self) -> bool {
        let after = self.peek_word(1);
        names::weekday(after).is_some()
            || matches!(after, "day" | "and" | "month")
            || self.peek(1) == Some(&Kind::Comma)
    }

    /// Whether the rest speaks of a month, so that `second monday` is one of its days.
    pub(super) fn of_the_month(&self) -> bool {
        let rest = self.tokens.get(self.at..).unwrap_or_default();
        rest.iter().any(|t| t.text == "month" || names::month(&t.text).is_some())
    }

    /// `every other`, and every second.
    pub(super) fn other(&mut self) -> Result<(), WhenError> {
        match self.peek_word(0) {
            "minute" | "hour" | "month" | "year" | "day" | "week" => self.unit(2),
            _ => wrong(FORTNIGHT),
        }
    }

    /// `every 15`, before its minutes.
    pub(super) fn count(&mut self, n: u32) -> Result<(), WhenError> {
        let text = self.text(0);
        self.at += 1;
        if n == 0 {
            return wrong(format!("Every {text} is not possible: the smallest number is 1."));
        }
        match self.peek_word(0) {
            "" => wrong(format!("Every {text} what? Say it as in `every 15 minutes` or `every 2 hours`.")),
            _ => self.unit(n),
        }
    }

    /// A unit of time that comes again after `n` of it.
    pub(super) fn unit(&mut self, n: u32) -> Result<(), WhenError> {
        let word = self.peek_word(0).to_owned();
        match (word.trim_end_matches('s'), n) {
            ("second" | "sec", n) => self.step(n, Unit::Second, 1),
            ("minute" | "min", n) => self.step(n, Unit::Minute, 1),
            ("hour" | "hr", n) => self.step(n, Unit::Hour, 1),
            ("day", 1) => self.period(Period::Day),
            ("week", 1) => self.period(Period::Week),
            ("month", n) if 12 % n == 0 => self.period(Period::Months(n)),
            ("quarter", 1) => self.period(Period::Months(3)),
            ("year", 1) => self.period(Period::Year),
            ("day", n) => wrong(format!(
                "Every {n} days does not come out even at the end of a month. Name the days, as in `every monday and \
                 thursday 7:00` or `on day 1, 11 and 21 of the month at 7:00`."
            )),
            ("week", _) => wrong(FORTNIGHT),
            ("month" | "quarter", n) => wrong(format!(
                "Every {n} {word} does not come out even in a year. Say every 1, 2, 3, 4 or 6 months, or name the months, \
                 as in `on day 1 of january and june at 7:00`."
            )),
            ("year", _) => wrong("Name the years, as in `on 1 january 2027 at 6:00`."),
            _ if is_day(&word) => wrong(FORTNIGHT),
            _ => {
                let units = ["seconds", "minutes", "hours", "days", "weeks", "months", "years"];
                let near = meant(&word, units.into_iter());
                wrong(format!("{} is no unit of time. Say `every 15 minutes` or `every 2 hours`.{near}", quoted(&word)))
            }
        }
    }

    pub(super) fn step(&mut self, n: u32, unit: Unit, words: usize) -> Result<(), WhenError> {
        self.at += words;
        if self.asked.step.replace(Step { n, unit }).is_some() {
            return wrong("There are two distances in it, and a schedule has one, as in `every 30 minutes`.");
        }
        Ok(())
    }

    pub(super) fn period(&mut self, period: Period) -> Result<(), WhenError> {
        self.at += 1;
        self.and = false;
        let known = self.asked.period.replace(period);
        if known.is_some_and(|known| known != period && known != Period::Day && period != Period::Day) {
            return wrong("It names two distances, such as every week and every month. Make two schedules of it.");
        }
        Ok(())
    }
}
