//! The words and numbers of a schedule in plain words.

use super::super::error::{WhenError, quoted, wrong};

/// A word or number, and how it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) text: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// In lower case.
    Word(String),
    Number(u32),
    /// `15th`.
    Place(u32),
    /// Seconds after midnight.
    Time(u32),
    Comma,
    /// A dash between two of the others, and `to`.
    To,
}

/// `two` is 2.
pub(super) fn number_word(word: &str) -> Option<u32> {
    const NUMBERS: [(&str, u32); 16] = [
        ("one", 1),
        ("two", 2),
        ("three", 3),
        ("four", 4),
        ("five", 5),
        ("six", 6),
        ("seven", 7),
        ("eight", 8),
        ("nine", 9),
        ("ten", 10),
        ("eleven", 11),
        ("twelve", 12),
        ("fifteen", 15),
        ("twenty", 20),
        ("thirty", 30),
        ("forty", 40),
    ];
    NUMBERS.iter().find(|(name, _)| *name == word).map(|(_, n)| *n)
}

/// The words of a text.
///
/// # Errors
/// When a number or time of day cannot be one.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, WhenError> {
    let lower = text.to_lowercase().replace(['–', '—'], "-").replace(['’'], "'");
    let mut found: Vec<Token> = Vec::new();
    for chunk in lower.split_whitespace() {
        for (i, piece) in chunk.split(',').enumerate() {
            if i > 0 {
                found.push(Token { kind: Kind::Comma, text: ",".to_owned() });
            }
            let piece = piece.trim_end_matches(['.', ';']);
            if is_date(piece) {
                return wrong(format!(
                    "{} is written in numbers only. Write the month by its name, as in `1 january 2027 at 6:00`.",
                    quoted(piece)
                ));
            }
            let parts: Vec<&str> = piece.split('-').collect();
            for (j, part) in parts.iter().enumerate() {
                if j > 0 {
                    found.push(Token { kind: Kind::To, text: "-".to_owned() });
                }
                if let Some(half) = half_of_day(part) {
                    let time = found.pop();
                    found.push(with_half(time, half, part)?);
                } else if !part.is_empty() {
                    found.push(Token { kind: kind(part)?, text: (*part).to_owned() });
                }
            }
        }
    }
    Ok(found)
}

/// `2027-01-31`.
fn is_date(piece: &str) -> bool {
    let parts: Vec<&str> = piece.split('-').collect();
    parts.len() == 3 && parts.iter().all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    Am,
    Pm,
}

fn half_of_day(word: &str) -> Option<Half> {
    match word {
        "am" | "a.m" => Some(Half::Am),
        "pm" | "p.m" => Some(Half::Pm),
        _ => None,
    }
}

fn kind(word: &str) -> Result<Kind, WhenError> {
    let number_end = word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len());
    let (number, rest) = word.split_at(number_end);
    if number.is_empty() {
        return Ok(match word {
            "to" | "through" | "till" | "until" => Kind::To,
            "&" | "+" => Kind::Word("and".to_owned()),
            word => number_word(word).map_or_else(|| Kind::Word(word.to_owned()), Kind::Number),
        });
    }
    let Ok(n) = number.parse::<u32>() else { return wrong(format!("{} is too large a number.", quoted(word))) };
    match rest {
        "" => Ok(Kind::Number(n)),
        "st" | "nd" | "rd" | "th" | "." => Ok(Kind::Place(n)),
        "h" => clock(n, 0, 0, None, word).map(Kind::Time),
        rest if rest.starts_with([':', '.']) => time_of_day(word, n, rest).map(Kind::Time),
        rest => match half_of_day(rest) {
            Some(half) => clock(n, 0, 0, Some(half), word).map(Kind::Time),
            None => Ok(Kind::Word(word.to_owned())),
        },
    }
}

/// `:00`, `:00:30`, `:30pm` after an hour.
fn time_of_day(word: &str, hour: u32, rest: &str) -> Result<u32, WhenError> {
    let bare = rest.trim_end_matches("a.m").trim_end_matches("p.m").trim_end_matches("am").trim_end_matches("pm");
    let half = half_of_day(rest.get(bare.len()..).unwrap_or_default());
    let parts: Option<Vec<u32>> = bare
        .split([':', '.'])
        .skip(1)
        .map(|p| p.parse().ok().filter(|_| p.len() == 2 && p.bytes().all(|b| b.is_ascii_digit())))
        .collect();
    match parts.as_deref() {
        Some([minute]) => clock(hour, *minute, 0, half, word),
        Some([minute, second]) => clock(hour, *minute, *second, half, word),
        _ => wrong(format!("{} is no time of day. Write it as in `7:00`, `19:30` or `7 pm`.", quoted(word))),
    }
}

/// Seconds after midnight.
fn clock(hour: u32, minute: u32, second: u32, half: Option<Half>, word: &str) -> Result<u32, WhenError> {
    let hour = match half {
        None if hour < 24 => hour,
        Some(half) if (1..=12).contains(&hour) => hour % 12 + if half == Half::Pm { 12 } else { 0 },
        None if hour == 24 && minute == 0 => {
            return wrong(format!("{} is 0:00 of the next day. Say `midnight` or `0:00`.", quoted(word)));
        }
        None => return wrong(format!("{} is no time of day: hours go from 0 to 23.", quoted(word))),
        Some(_) => return wrong(format!("{} is no time of day: with am and pm, hours go from 1 to 12.", quoted(word))),
    };
    if minute > 59 || second > 59 {
        return wrong(format!("{} is no time of day: minutes and seconds go from 0 to 59.", quoted(word)));
    }
    Ok(hour * 3600 + minute * 60 + second)
}

/// A number or time with the `am` or `pm` that follows it.
fn with_half(before: Option<Token>, half: Half, word: &str) -> Result<Token, WhenError> {
    let Some(token) = before else {
        return wrong(format!("Before {} goes the hour, as in `7 {word}`.", quoted(word)));
    };
    let text = format!("{} {word}", token.text);
    let time = match token.kind {
        Kind::Number(hour) => clock(hour, 0, 0, Some(half), &text)?,
        Kind::Time(time) if !token.text.contains(['a', 'p']) => {
            clock(time / 3600, time / 60 % 60, time % 60, Some(half), &text)?
        }
        Kind::Word(ref name) if name == "noon" && half == Half::Pm => 43_200,
        _ => return wrong(format!("Before {} goes the hour, as in `7 {word}`.", quoted(word))),
    };
    Ok(Token { kind: Kind::Time(time), text })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(text: &str) -> Vec<Kind> {
        tokens(text).unwrap().into_iter().map(|t| t.kind).collect()
    }

    #[test]
    fn times_of_day_in_every_dress() {
        for (text, time) in [
            ("7:00", 25_200),
            ("07:00:30", 25_230),
            ("7.30", 27_000),
            ("7am", 25_200),
            ("7 a.m.", 25_200),
            ("12 am", 0),
            ("12pm", 43_200),
            ("7:30pm", 70_200),
            ("7:30 PM", 70_200),
            ("19h", 68_400),
        ] {
            assert_eq!(times(text), [Kind::Time(time)], "{text}");
        }
    }

    #[test]
    fn dashes_and_commas_stand_between() {
        let word = |w: &str| Kind::Word(w.to_owned());
        assert_eq!(times("Mon-Fri"), [word("mon"), Kind::To, word("fri")]);
        assert_eq!(times("mon, 15th"), [word("mon"), Kind::Comma, Kind::Place(15)]);
        assert_eq!(times("8:00–18:00"), [Kind::Time(28_800), Kind::To, Kind::Time(64_800)]);
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["25:00", "24:00", "7:60", "13 pm", "0 am", "7:0", "7:00:00:00", "99999999999", "pm", "7:00 am pm"]
        {
            assert!(tokens(text).is_err(), "{text}");
        }
    }
}
