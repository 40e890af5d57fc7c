//! Days, months and years: `first monday of the month`, `1 january`.

use super::{
    super::{
        error::{WhenError, quoted, wrong},
        fields::YEARS,
        names::{self, PLACES, weekday_name},
        set::Set,
    },
    reader::{Reader, TWO, is_day, is_year},
    token::Kind,
};

impl Reader<'_> {
    /// Whether a month stands there, so that the number before it is a day.
    pub(super) fn is_date(&self, ahead: usize) -> bool {
        let ahead = if self.peek_word(ahead) == "of" { ahead + 1 } else { ahead };
        names::month(self.peek_word(ahead)).is_some()
    }

    /// A number: a year, or a day before its month.
    pub(super) fn number(&mut self, n: u32) -> Result<(), WhenError> {
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

    pub(super) fn years(&mut self) -> Result<(), WhenError> {
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
    pub(super) fn numbers(&mut self, most: u32, what: &str, right: &str) -> Result<Set, WhenError> {
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
    pub(super) fn places(&mut self) -> Result<(), WhenError> {
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
    pub(super) fn nth(&mut self, places: Set) -> Result<(), WhenError> {
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

    pub(super) fn named_days(&mut self) -> Result<(), WhenError> {
        let days = self.day_names(false)?;
        self.add_weekdays(days);
        Ok(())
    }

    pub(super) fn weekdays(&mut self, days: Set, words: usize) -> Result<(), WhenError> {
        self.at += words;
        self.add_weekdays(days);
        Ok(())
    }

    pub(super) fn add_weekdays(&mut self, days: Set) {
        self.asked.joined |= self.and && !self.asked.days.is_empty();
        self.asked.weekdays = self.asked.weekdays.or(days);
        self.and = false;
    }

    /// Names of weekdays with commas, `and` and dashes between them; after `first` they all belong to it.
    pub(super) fn day_names(&mut self, nth: bool) -> Result<Set, WhenError> {
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

    pub(super) fn days(&mut self, days: Set) -> Result<(), WhenError> {
        self.asked.joined |= self.and && !self.asked.weekdays.is_empty();
        self.asked.days = self.asked.days.or(days);
        self.and = false;
        Ok(())
    }

    /// Months with commas, `and` and dashes between them, and the day that may follow one.
    pub(super) fn months(&mut self) -> Result<(), WhenError> {
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
