//! Times of day and windows of time: `at 7:00 and 19:00`, `from 8:00 to 18:00`.

use super::{
    super::error::{WhenError, quoted, wrong},
    reader::Reader,
    token::Kind,
};

impl Reader<'_> {
    /// Times of day with `and` and commas between them; two with a dash are a window. After `at`, `7` is a time.
    pub(super) fn times(&mut self, at: bool) -> Result<(), WhenError> {
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
    pub(super) fn between(&self) -> bool {
        self.at.checked_sub(2).and_then(|at| self.tokens.get(at)).is_some_and(|t| t.text == "between")
    }

    /// The time that stands next, and whether it is only a number.
    pub(super) fn time(&self, numbers: bool) -> Option<(u32, bool)> {
        match self.peek(0)? {
            Kind::Time(time) => Some((*time, false)),
            Kind::Number(hour) if numbers && *hour < 24 && !self.is_date(1) => Some((hour * 3600, true)),
            Kind::Word(word) if word == "midnight" => Some((0, false)),
            Kind::Word(word) if word == "noon" || word == "midday" => Some((43_200, false)),
            _ => None,
        }
    }
}
