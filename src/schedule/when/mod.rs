//! The times of a schedule: from a cron expression or plain words to moments, and back to words.
//!
//! It knows no clock: who asks says from when. Years go from 1970 to 2100.

mod error;
mod export;
mod fields;
mod names;
mod never;
mod plain;
mod say;
mod set;
mod spec;
#[cfg(test)]
mod tests;
mod walk;
mod zone;

use jiff::{Timestamp, tz::TimeZone};

pub use self::{error::WhenError, export::CronLine, say::says_time};
use self::{
    error::{meant, quoted, wrong},
    spec::Spec,
    walk::Part,
    zone::Walk,
};

/// The longest text that is read, in bytes.
const LONGEST: usize = 300;

/// When something happens, again and again.
#[derive(Debug, Clone)]
pub struct When {
    spec: Spec,
    parts: Vec<Part>,
    zone: TimeZone,
    /// The machine's.
    home: TimeZone,
    /// Whether the text names its zone.
    named: bool,
}

impl When {
    /// Reads a cron expression of 5, 6 (seconds first) or 7 (year last) fields, `@weekly` and the like, or plain words
    /// such as `every monday 7:00`. Its times are in `zone`, the machine's, unless the text names another one: in front
    /// (`TZ=Europe/Berlin 0 7 * * 1`) or at the end (`every monday 7:00 Europe/Berlin`).
    ///
    /// # Errors
    /// When the text cannot be read, or no day ever fits it; the sentence says what would be right.
    pub fn parse(text: &str, zone: &TimeZone) -> Result<When, WhenError> {
        if text.len() > LONGEST {
            return wrong(format!("This is too long for a schedule: at most {LONGEST} characters."));
        }
        let (text, named) = split_zone(text.trim())?;
        let spec = if text.is_empty() {
            return wrong("Say when: for example `every monday 7:00`, `every day 3:00` or `0 7 * * 1`.");
        } else if text.starts_with('@') {
            fields::nickname(text)?
        } else if fields::is_cron(text) {
            fields::parse(text)?
        } else {
            plain::parse(text)?
        };
        let parts = walk::parts(&spec)?;
        if walk::next(&parts, jiff::civil::DateTime::MIN).is_none() {
            return Err(WhenError::Never(never::why(&spec)));
        }
        let home = zone.clone();
        Ok(When { spec, parts, zone: named.clone().unwrap_or_else(|| home.clone()), home, named: named.is_some() })
    }

    /// The zone of its times.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The first time after `t`; none after the last one.
    pub fn next_after(&self, t: Timestamp) -> Option<Timestamp> {
        self.walk().next(t)
    }

    /// The last time up to `t`, itself included; none before the first one.
    pub fn latest_until(&self, t: Timestamp) -> Option<Timestamp> {
        self.walk().latest(t)
    }

    /// The times after `from` up to `to`, itself included.
    pub fn between(&self, from: Timestamp, to: Timestamp) -> impl Iterator<Item = Timestamp> {
        std::iter::successors(self.next_after(from), |t| self.next_after(*t)).take_while(move |t| *t <= to)
    }

    /// The first time after `now`, for a schedule that someone sets up.
    ///
    /// # Errors
    /// When it is over: its years are past.
    pub fn first_after(&self, now: Timestamp) -> Result<Timestamp, WhenError> {
        self.next_after(now).ok_or_else(|| {
            let last = self.latest_until(now).map_or_else(
                || "there is no such time in this time zone".to_owned(),
                |last| format!("its last time was {}", say::moment(last, &self.zone)),
            );
            WhenError::Never(format!("This would never run again: {last}."))
        })
    }

    /// In plain words, as in `every Monday at 07:00`.
    pub fn says(&self) -> String {
        let said = say::says(&self.spec);
        match self.zone.iana_name() {
            Some(name) if !same_zone(&self.zone, &self.home) => match name {
                "UTC" | "Etc/UTC" => format!("{said} (UTC)"),
                name => format!("{said} ({name} time)"),
            },
            _ => said,
        }
    }

    /// Lines for `OnCalendar=` of a systemd timer that mean the same. systemd leaves out a time that falls into an hour
    /// which clocks skip. A zone stands in them only where the text names one: without, a timer goes by the machine's.
    pub fn calendar(&self) -> Vec<String> {
        export::calendar(&self.spec, &self.zone, self.named)
    }

    /// Lines for a crontab, which run at every time of it at least. Their times are the machine's.
    pub fn crontab(&self) -> Vec<CronLine> {
        if same_zone(&self.zone, &self.home) {
            export::crontab(&self.spec)
        } else {
            vec![export::crontab_elsewhere(&self.spec, &self.zone, &self.home)]
        }
    }

    fn walk(&self) -> Walk<'_> {
        Walk { parts: &self.parts, zone: &self.zone, flowing: self.spec.flowing }
    }
}

impl PartialEq for When {
    /// Whether they mean the same times, however it was written.
    fn eq(&self, other: &When) -> bool {
        self.spec == other.spec && same_zone(&self.zone, &other.zone)
    }
}

fn same_zone(one: &TimeZone, other: &TimeZone) -> bool {
    let name = |zone: &TimeZone| zone.iana_name().map(|name| name.trim_start_matches("Etc/").to_owned());
    match (name(one), name(other)) {
        (Some(a), Some(b)) => a == b,
        _ => one == other,
    }
}

/// The text without its zone, and the zone.
fn split_zone(text: &str) -> Result<(&str, Option<TimeZone>), WhenError> {
    let (first, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let front = first.split_once('=').filter(|(key, _)| ["TZ", "CRON_TZ"].contains(&key.to_uppercase().as_str()));
    if let Some((_, name)) = front {
        return Ok((rest.trim(), Some(zone_of(name.trim_matches(['"', '\'']))?)));
    }
    let (rest, last) = text.rsplit_once(char::is_whitespace).unwrap_or(("", text));
    // As it is said back: `(Europe/Berlin time)`.
    if let Some((rest, name)) = text.strip_suffix(')').and_then(|t| t.rsplit_once('(')) {
        return Ok((rest.trim(), Some(zone_of(name.trim_end_matches(" time").trim())?)));
    }
    let area = last.split_once('/').is_some_and(|(area, place)| {
        area.len() > 2 && [area, place].iter().all(|w| w.starts_with(|c: char| c.is_ascii_alphabetic()))
    });
    if area && !plain::is_known(last) {
        return Ok((rest.trim(), Some(zone_of(last)?)));
    }
    let word = last.len() > 1 && last.bytes().all(|b| b.is_ascii_alphanumeric()) && !plain::is_known(last);
    let zone = word.then(|| TimeZone::get(last).ok()).flatten().filter(|zone| !zone.is_unknown());
    Ok(if zone.is_some() { (rest.trim(), zone) } else { (text, None) })
}

fn zone_of(name: &str) -> Result<TimeZone, WhenError> {
    if let Ok(zone) = TimeZone::get(name) {
        return Ok(zone);
    }
    let known: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
    let near = meant(name, known.iter().map(String::as_str));
    let help = if near.is_empty() { " Write it as in `Europe/Berlin` or `UTC`." } else { &near };
    wrong(format!("{} is no time zone.{help}", quoted(name)))
}
