//! From words to what they ask for, one after the other.

use std::collections::BTreeSet;

use super::{
    super::{
        error::{WhenError, meant, quoted, wrong},
        fields::YEARS,
        names::{self, PLACES, weekday_name},
        set::Set,
    },
    FILLERS,
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

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
    asked: Asked,
    /// Whether an `and` or a comma stands just before.
    and: bool,
}

impl Reader<'_> {
    fn peek(&self, ahead: usize) -> Option<&Kind> {
        self.tokens.get(self.at + ahead).map(|t| &t.kind)
    }

    fn peek_word(&self, ahead: usize) -> &str {
        match self.peek(ahead) {
            Some(Kind::Word(word)) => word,
            _ => "",
        }
    }

    fn text(&self, ahead: usize) -> String {
        quoted(self.tokens.get(self.at + ahead).map_or("", |t| &t.text))
    }

    /// What stands next, to its end.
    fn word(&mut self) -> Result<(), WhenError> {
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

    fn named(&mut self, word: &str) -> Result<(), WhenError> {
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

    fn said_before(&self, words: &[&str]) -> bool {
        let before = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        before.is_some_and(|t| words.contains(&t.text.as_str()))
    }

    /// `every`, and what belongs to it.
    fn every(&mut self) -> Result<(), WhenError> {
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

    fn second_is_a_place(&self) -> bool {
        let after = self.peek_word(1);
        names::weekday(after).is_some()
            || matches!(after, "day" | "and" | "month")
            || self.peek(1) == Some(&Kind::Comma)
    }

    /// Whether the rest speaks of a month, so that `second monday` is one of its days.
    fn of_the_month(&self) -> bool {
        let rest = self.tokens.get(self.at..).unwrap_or_default();
        rest.iter().any(|t| t.text == "month" || names::month(&t.text).is_some())
    }

    /// `every other`, and every second.
    fn other(&mut self) -> Result<(), WhenError> {
        match self.peek_word(0) {
            "minute" | "hour" | "month" | "year" | "day" | "week" => self.unit(2),
            _ => wrong(FORTNIGHT),
        }
    }

    /// `every 15`, before its minutes.
    fn count(&mut self, n: u32) -> Result<(), WhenError> {
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
    fn unit(&mut self, n: u32) -> Result<(), WhenError> {
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

    fn step(&mut self, n: u32, unit: Unit, words: usize) -> Result<(), WhenError> {
        self.at += words;
        if self.asked.step.replace(Step { n, unit }).is_some() {
            return wrong("There are two distances in it, and a schedule has one, as in `every 30 minutes`.");
        }
        Ok(())
    }

    fn period(&mut self, period: Period) -> Result<(), WhenError> {
        self.at += 1;
        self.and = false;
        let known = self.asked.period.replace(period);
        if known.is_some_and(|known| known != period && known != Period::Day && period != Period::Day) {
            return wrong("It names two distances, such as every week and every month. Make two schedules of it.");
        }
        Ok(())
    }

    /// Times of day with `and` and commas between them; two with a dash are a window. After `at`, `7` is a time.
    fn times(&mut self, at: bool) -> Result<(), WhenError> {
        let (mut bare, mut half) = (None, false);
        loop {
            let Some((time, number)) = self.time(at) else {
                return wrong(match self.tokens.get(self.at) {
                    Some(token) => {
                        format!("{} is no time of day. Write it as in `7:00` or `7 pm`.", quoted(&token.text))
                    }
                    None => "The time is missing at the end. Write it as in `7:00` or `7 pm`.".to_owned(),
                });
            };
            let text = self.tokens.get(self.at).map_or("", |t| &t.text);
            half |= text.ends_with('m') || text.contains(".m");
            bare = bare.or(number.then(|| text.to_owned()));
            self.at += 1;
            let window = self.peek(0) == Some(&Kind::To) || (self.between() && self.peek_word(0) == "and");
            if window {
                self.at += 1;
                let Some((end, number)) = self.time(true) else {
                    return wrong("The end of the time is missing. Write it as in `from 8:00 to 18:00`.");
                };
                let text = self.tokens.get(self.at).map_or("", |t| &t.text);
                half |= text.ends_with('m');
                bare = bare.or(number.then(|| text.to_owned()));
                self.at += 1;
                self.asked.windows.push((time, end));
            } else {
                self.asked.times.push(time);
            }
            // `7:00 and 19:00`, but not `7:00 and on friday`.
            let mut ahead = 0;
            while self.peek(ahead) == Some(&Kind::Comma) || self.peek_word(ahead) == "and" {
                ahead += 1;
            }
            let from = ahead;
            if ahead > 0 && matches!(self.peek_word(ahead), "at" | "from") {
                ahead += 1;
            }
            let back = self.at;
            self.at += ahead;
            if ahead == 0 || self.time(at || ahead > from).is_none() {
                self.at = back;
                break;
            }
        }
        self.and = false;
        if let Some(bare) = bare.filter(|_| half) {
            return wrong(format!(
                "Is {} in the morning or in the evening? Write am or pm after each hour.",
                quoted(&bare)
            ));
        }
        Ok(())
    }

    /// Whether the time that was just read stands after `between`.
    fn between(&self) -> bool {
        self.at.checked_sub(2).and_then(|at| self.tokens.get(at)).is_some_and(|t| t.text == "between")
    }

    /// The time that stands next, and whether it is only a number.
    fn time(&self, numbers: bool) -> Option<(u32, bool)> {
        match self.peek(0)? {
            Kind::Time(time) => Some((*time, false)),
            Kind::Number(hour) if numbers && *hour < 24 && !self.is_date(1) => Some((hour * 3600, true)),
            Kind::Word(word) if word == "midnight" => Some((0, false)),
            Kind::Word(word) if word == "noon" || word == "midday" => Some((43_200, false)),
            _ => None,
        }
    }

    /// Whether a month stands there, so that the number before it is a day.
    fn is_date(&self, ahead: usize) -> bool {
        let ahead = if self.peek_word(ahead) == "of" { ahead + 1 } else { ahead };
        names::month(self.peek_word(ahead)).is_some()
    }

    /// A number: a year, or a day before its month.
    fn number(&mut self, n: u32) -> Result<(), WhenError> {
        if YEARS.contains(&n) {
            return self.years();
        }
        let is_unit =
            |w: &str| matches!(w.trim_end_matches('s'), "second" | "minute" | "min" | "hour" | "day" | "week");
        if is_unit(self.peek_word(1)) {
            return self.count(n);
        }
        let mut ahead = 1;
        let between = |kind: Option<&Kind>| match kind {
            Some(Kind::Comma | Kind::To | Kind::Number(_) | Kind::Place(_)) => true,
            Some(Kind::Word(word)) => matches!(word.as_str(), "and" | "of" | "the" | "each" | "every"),
            _ => false,
        };
        while between(self.peek(ahead)) {
            ahead += 1;
        }
        if names::month(self.peek_word(ahead)).is_some() || self.peek_word(ahead) == "month" {
            let days = self.numbers(31, "day of the month", "days of the month go from 1 to 31")?;
            return self.days(days);
        }
        let text = self.tokens.get(self.at).map_or("", |t| &t.text);
        if n > 31 {
            return wrong(format!("It is not clear what {} means: it is no day, no time and no year.", quoted(text)));
        }
        let time = if n < 24 { format!("`at {text}` or `{text}:00` for the time, ") } else { String::new() };
        wrong(format!("It is not clear what {} means. Say {time}`day {text}` for the day of the month.", quoted(text)))
    }

    fn years(&mut self) -> Result<(), WhenError> {
        while let Some(&Kind::Number(first)) = self.peek(0).filter(|k| is_year(k)) {
            let mut last = first;
            self.at += 1;
            if let (Some(Kind::To), Some(&Kind::Number(n))) = (self.peek(0), self.peek(1)) {
                last = n;
                self.at += 2;
            }
            if !YEARS.contains(&first) || !YEARS.contains(&last) || first > last {
                return wrong(format!("{first} to {last} are no years: they go from 1970 to 2100."));
            }
            self.asked.years.extend(first..=last);
            let and = self.peek(0) == Some(&Kind::Comma) || self.peek_word(0) == "and";
            if and && self.peek(1).is_some_and(is_year) {
                self.at += 1;
            }
        }
        Ok(())
    }

    /// Numbers with commas, `and` and dashes between them.
    fn numbers(&mut self, most: u32, what: &str, right: &str) -> Result<Set, WhenError> {
        let mut found = Set::EMPTY;
        loop {
            let (Some(Kind::Number(first)) | Some(Kind::Place(first))) = self.peek(0).cloned() else {
                return wrong(match self.tokens.get(self.at) {
                    Some(token) => format!("{} is no {what}: {right}.", quoted(&token.text)),
                    None => format!("The {what} is missing at the end: {right}."),
                });
            };
            let mut last = first;
            if let (Some(Kind::To), Some(Kind::Number(n) | Kind::Place(n))) = (self.peek(1), self.peek(2)) {
                last = *n;
            }
            let low = u32::from(most == 31);
            if let Some(bad) = [first, last].into_iter().find(|n| *n < low || *n > most) {
                return wrong(format!("{bad} is no {what}: {right}."));
            }
            if first > last {
                return wrong(format!("{first} to {last} runs backwards: begin with the smaller {what}."));
            }
            self.at += if self.peek(1) == Some(&Kind::To) && last != first { 3 } else { 1 };
            found = found.or(Set::steps(first, last, 1));
            let mut ahead = 0;
            while self.peek(ahead) == Some(&Kind::Comma) || self.peek_word(ahead) == "and" {
                ahead += 1;
            }
            let more = matches!(self.peek(ahead), Some(Kind::Number(n)) if !YEARS.contains(n))
                || matches!(self.peek(ahead), Some(Kind::Place(_)));
            if ahead == 0 || !more {
                return Ok(found);
            }
            self.at += ahead;
        }
    }

    /// `first`, `first and third`, `15th`, `last`: before a weekday, `day`, or a month.
    fn places(&mut self) -> Result<(), WhenError> {
        let start = self.text(0);
        let mut places = Set::EMPTY;
        let mut spelt = false;
        loop {
            match self.peek(0) {
                Some(Kind::Place(n)) if (1..=31).contains(n) => places.insert(*n),
                Some(Kind::Place(_)) => {
                    return wrong(format!("{} is no day of the month: they go from 1st to 31st.", self.text(0)));
                }
                _ => {
                    let word = self.peek_word(0);
                    let n = PLACES.iter().zip(1..).find(|(name, _)| **name == word).map_or(0, |(_, n)| n);
                    spelt = true;
                    places.insert(n);
                }
            }
            self.at += 1;
            if let (Some(Kind::To), Some(Kind::Place(last)), Some(first)) = (self.peek(0), self.peek(1), places.first())
            {
                places = places.or(Set::steps(first, *last, 1));
                self.at += 2;
            }
            let is_place = |kind: Option<&Kind>| match kind {
                Some(Kind::Place(_)) => true,
                Some(Kind::Word(word)) => word == "last" || PLACES.contains(&word.as_str()),
                _ => false,
            };
            let mut ahead = 0;
            while self.peek(ahead) == Some(&Kind::Comma) || matches!(self.peek_word(ahead), "and" | "the") {
                ahead += 1;
            }
            if ahead == 0 || !is_place(self.peek(ahead)) {
                break;
            }
            self.at += ahead;
        }
        let next = self.peek_word(0).to_owned();
        if is_day(&next) {
            return self.nth(places);
        }
        let last = places.has(0);
        match next.as_str() {
            "weekday" | "weekdays" | "workday" | "workdays" | "working" | "weekend" => wrong(format!(
                "{start} {next} is not known. Say it of one day of the week, as in `{} friday of the month 7:00`.",
                if last { "last" } else { "first" }
            )),
            "day" | "days" if last && places.len() == 1 => {
                self.at += 1;
                if self.asked.last_day || !self.asked.days.is_empty() {
                    return wrong(TWO);
                }
                self.asked.last_day = true;
                self.and = false;
                Ok(())
            }
            _ if last => wrong("`last` what? Say `last day of the month 7:00` or `last friday of the month 7:00`."),
            "day" | "days" => {
                self.at += 1;
                self.days(places)
            }
            _ if !spelt || matches!(next.as_str(), "of" | "in") => self.days(places),
            _ => wrong(format!(
                "{start} what? Say it as in `first monday of the month 7:00` or `1st of the month 7:00`."
            )),
        }
    }

    /// Weekdays after `first` or `last`.
    fn nth(&mut self, places: Set) -> Result<(), WhenError> {
        if let Some(bad) = places.iter().find(|n| *n > 5) {
            let day = self.text(0);
            return wrong(format!("A month has no {bad}th {}: say first to fifth, or last.", day.trim_matches('`')));
        }
        let before = (self.asked.nths, self.asked.nth_days);
        self.asked.nths = places;
        let days = self.day_names(true)?;
        // `first monday and third friday` would be four days.
        if !before.0.is_empty() && before.0 != places && before.1 != days {
            return wrong(TWO);
        }
        self.asked.nths = before.0.or(places);
        self.asked.nth_days = before.1.or(days);
        self.and = false;
        Ok(())
    }

    fn named_days(&mut self) -> Result<(), WhenError> {
        let days = self.day_names(false)?;
        self.add_weekdays(days);
        Ok(())
    }

    fn weekdays(&mut self, days: Set, words: usize) -> Result<(), WhenError> {
        self.at += words;
        self.add_weekdays(days);
        Ok(())
    }

    fn add_weekdays(&mut self, days: Set) {
        self.asked.joined |= self.and && !self.asked.days.is_empty();
        self.asked.weekdays = self.asked.weekdays.or(days);
        self.and = false;
    }

    /// Names of weekdays with commas, `and` and dashes between them; after `first` they all belong to it.
    fn day_names(&mut self, nth: bool) -> Result<Set, WhenError> {
        let mut found = Set::EMPTY;
        let day = |w: &str| names::weekday(w).or(names::weekdays(w).filter(|_| !nth));
        while let Some(first) = day(self.peek_word(0)) {
            self.at += 1;
            let mut last = first;
            if self.peek(0) == Some(&Kind::To) {
                let Some(n) = day(self.peek_word(1)) else {
                    let name = weekday_name(first);
                    return wrong(format!("After `{name} to` goes a day of the week, as in `monday to friday`."));
                };
                last = n;
                self.at += 2;
            }
            let last = if last < first { last + 7 } else { last };
            found = found.or((first..=last).map(|n| n % 7).collect());
            let mut ahead = 0;
            while self.peek(ahead) == Some(&Kind::Comma) || self.peek_word(ahead) == "and" {
                ahead += 1;
            }
            if ahead == 0 || day(self.peek_word(ahead)).is_none() {
                break;
            }
            self.at += ahead;
        }
        Ok(found)
    }

    fn days(&mut self, days: Set) -> Result<(), WhenError> {
        self.asked.joined |= self.and && !self.asked.weekdays.is_empty();
        self.asked.days = self.asked.days.or(days);
        self.and = false;
        Ok(())
    }

    /// Months with commas, `and` and dashes between them, and the day that may follow one.
    fn months(&mut self) -> Result<(), WhenError> {
        while let Some(first) = names::month(self.peek_word(0)) {
            self.at += 1;
            let mut last = first;
            if let (Some(Kind::To), Some(n)) = (self.peek(0), names::month(self.peek_word(1))) {
                last = n;
                self.at += 2;
            }
            let last = if last < first { last + 12 } else { last };
            self.asked.months = self.asked.months.or((first..=last).map(|n| (n - 1) % 12 + 1).collect());
            let mut ahead = 0;
            while self.peek(ahead) == Some(&Kind::Comma) || self.peek_word(ahead) == "and" {
                ahead += 1;
            }
            if ahead == 0 || names::month(self.peek_word(ahead)).is_none() {
                break;
            }
            self.at += ahead;
        }
        self.and = false;
        // `january 15`, where no day stands before it.
        if self.asked.days.is_empty() && matches!(self.peek(0), Some(Kind::Number(n)) if *n <= 31) {
            let days = self.numbers(31, "day of the month", "days of the month go from 1 to 31")?;
            return self.days(days);
        }
        Ok(())
    }
}

/// What a schedule cannot count, and what to say instead.
const FORTNIGHT: &str = "A schedule cannot count every second week or day. Say which days of the month, as in `first and \
                         third monday of the month 7:00` or `on day 1 and 15 of the month at 7:00`.";

/// Days that do not fit together.
pub(super) const TWO: &str = "These days do not fit into one schedule. Make two schedules of it.";

fn is_year(kind: &Kind) -> bool {
    matches!(kind, Kind::Number(n) if YEARS.contains(n))
}

fn is_day(word: &str) -> bool {
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
