//! Lengths of time as people write them: `90s`, `15m`, `1h 30m`, `7d`.

use std::{fmt, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A length of time, kept as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Length {
    text: String,
    duration: Duration,
}

/// No length is longer: ten years.
const LONGEST: i64 = 3660 * 86_400;

impl Length {
    /// Reads it. A day has 24 hours, a week seven days.
    ///
    /// # Errors
    /// What is wrong, as a sentence for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let shown = crate::words::harmless(text);
        let wrong = || format!("`{shown}` is no length of time: write it as in `90s`, `15m`, `1h 30m` or `7d`");
        if text == "0" {
            return Ok(Length { text: "0s".to_owned(), duration: Duration::ZERO });
        }
        let span: jiff::Span = text.parse().map_err(|_| wrong())?;
        if span.get_months() != 0 || span.get_years() != 0 {
            return Err(format!("`{shown}`: months and years differ in length, so give days, as in `30d`"));
        }
        let days = jiff::SpanRelativeTo::days_are_24_hours();
        let seconds = span.total((jiff::Unit::Second, days)).map_err(|_| wrong())?;
        if seconds < 0.0 {
            return Err(format!("`{shown}`: a length of time cannot be less than nothing"));
        }
        if seconds > LONGEST as f64 {
            return Err(format!("`{shown}` is longer than ten years"));
        }
        Ok(Length { text: text.to_owned(), duration: Duration::from_secs_f64(seconds) })
    }

    /// A whole number of seconds, as a settings file would write it.
    pub fn seconds(seconds: u64) -> Self {
        let units = [(86_400, "d"), (3600, "h"), (60, "m")];
        let text = units.iter().find(|(n, _)| seconds > 0 && seconds.is_multiple_of(*n));
        let text = text.map_or_else(|| format!("{seconds}s"), |(n, unit)| format!("{}{unit}", seconds / n));
        Length { text, duration: Duration::from_secs(seconds) }
    }

    /// The same in words: `10 seconds`, `5 minutes`; what takes more than one unit stays as it was written.
    pub fn says(&self) -> String {
        let seconds = self.duration.as_secs();
        let whole = self.duration.subsec_nanos() == 0 && seconds > 0;
        let units =
            [(86_400, "day", "days"), (3600, "hour", "hours"), (60, "minute", "minutes"), (1, "second", "seconds")];
        match units.iter().find(|(size, ..)| whole && seconds.is_multiple_of(*size)) {
            Some((size, one, many)) if seconds / size < 120 => {
                crate::words::count(usize::try_from(seconds / size).unwrap_or(usize::MAX), one, many)
            }
            _ => self.text.clone(),
        }
    }

    /// The time.
    pub fn duration(&self) -> Duration {
        self.duration
    }

    /// The same for the calendar.
    pub fn signed(&self) -> jiff::SignedDuration {
        jiff::SignedDuration::try_from(self.duration).unwrap_or(jiff::SignedDuration::MAX)
    }
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Length {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Length::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl JsonSchema for Length {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Length".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "length of time" })
    }

    fn inline_schema() -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_as_people_write_them() {
        for (text, seconds) in
            [("90s", 90), ("15m", 900), ("1h 30m", 5400), ("7d", 604_800), ("2w", 1_209_600), ("0", 0), ("0s", 0)]
        {
            assert_eq!(Length::parse(text).unwrap().duration().as_secs(), seconds, "{text}");
        }
        for bad in ["", "soon", "5", "-5m", "1mo", "1y", "99999999d", "5m\u{1b}[0m"] {
            let error = Length::parse(bad).unwrap_err();
            assert!(!error.contains('\u{1b}'), "{error}");
        }
        for seconds in [0, 59, 60, 90, 3600, 86_400, 90_000] {
            let length = Length::seconds(seconds);
            assert_eq!(Length::parse(&length.to_string()).unwrap(), length);
        }
    }

    #[test]
    fn they_are_said_in_words() {
        for (text, said) in [
            ("10s", "10 seconds"),
            ("60s", "1 minute"),
            ("90s", "90 seconds"),
            ("1h 30m", "90 minutes"),
            ("100ms", "100ms"),
            ("7d", "7 days"),
            ("0", "0s"),
        ] {
            assert_eq!(Length::parse(text).unwrap().says(), said);
        }
    }
}
