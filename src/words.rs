//! Numbers, times and lists in words people use, and text from the machine made harmless for a terminal.

use jiff::Timestamp;

/// `1 minute`, `5 minutes`: a count with its noun.
pub fn count(n: usize, one: &str, many: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{} {many}", thousands(n)) }
}

/// `386,120`.
pub fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// With a capital letter.
pub fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}

/// With a capital letter and a full stop.
pub fn sentence(text: &str) -> String {
    let mut out = capital(text);
    if !out.ends_with(['.', '?', '!']) {
        out.push('.');
    }
    out
}

/// What a command needs to mean this root: ` --root DIR`; nothing for the machine itself.
pub fn at_root(root: &str) -> String {
    if root == "/" { String::new() } else { format!(" --root {}", shell(root)) }
}

/// To one decimal.
pub fn tenth(x: f64) -> f64 {
    (x * 10.0).round() / 10.0
}

/// A value without its fraction, rounded as people do, and never `-0`: the same everywhere.
pub fn whole(x: f64) -> String {
    format!("{:.0}", x.round() + 0.0)
}

/// `one` to `ten`, then digits.
pub fn number(n: usize) -> String {
    let names = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    names.get(n).map_or_else(|| thousands(n), |name| (*name).to_owned())
}

/// `a`, `a and b`, `a, b and c`.
pub fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [start @ .., last] => format!("{} and {last}", start.join(", ")),
    }
}

/// Bytes in the unit that fits: `812 KB`, `28 MB`, `1.5 TB`.
pub fn size(bytes: f64) -> String {
    let units = [("TB", 1e12, 1), ("GB", 1e9, 1), ("MB", 1e6, 0), ("KB", 1e3, 0)];
    match units.iter().find(|(_, n, _)| bytes >= *n) {
        Some((unit, n, decimals)) => {
            let value = format!("{:.*}", decimals, bytes / n);
            format!("{} {unit}", value.strip_suffix(".0").unwrap_or(&value))
        }
        None => format!("{} bytes", whole(bytes)),
    }
}

/// A moment where its reader lives: `Monday 30 November at 07:00`.
pub fn moment(at: Timestamp, zone: &jiff::tz::TimeZone) -> String {
    zone.to_datetime(at).strftime("%A %-d %B at %H:%M").to_string()
}

/// How long someone needs: `5 minutes`, `2 hours`.
pub fn minutes(n: u32) -> String {
    match n {
        0..105 => count(n as usize, "minute", "minutes"),
        _ => count((n.saturating_add(30) / 60) as usize, "hour", "hours"),
    }
}

/// How long ago: `just now`, `5 minutes ago`, `yesterday`, `3 days ago`, `2 months ago`.
pub fn ago(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(then.as_second());
    let whole = |n: i64| usize::try_from(n).unwrap_or(0);
    match seconds {
        ..90 => "just now".to_owned(),
        90..5400 => format!("{} ago", count(whole(seconds / 60), "minute", "minutes")),
        5400..86_400 => format!("{} ago", count(whole((seconds + 1800) / 3600), "hour", "hours")),
        86_400..172_800 => "yesterday".to_owned(),
        172_800..5_184_000 => format!("{} days ago", seconds / 86_400),
        5_184_000..63_072_000 => format!("{} months ago", seconds / 2_592_000),
        _ => format!("{} years ago", seconds / 31_536_000),
    }
}

/// How long something lasted, in the unit that fits: `a day`, `23 days`, `5 months`.
pub fn span(from: Timestamp, to: Timestamp) -> String {
    days(days_between(from, to))
}

/// The days from one moment to another.
#[allow(clippy::cast_precision_loss, reason = "seconds of a few years")]
pub fn days_between(from: Timestamp, to: Timestamp) -> f64 {
    to.as_second().saturating_sub(from.as_second()) as f64 / 86_400.0
}

/// A word as a POSIX shell reads it back, on one line.
pub fn shell(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/_-.=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// So many days in the unit that fits: `less than a day`, `23 days`, `5 months`.
pub fn days(days: f64) -> String {
    let whole = |n: f64| format!("{n:.0}");
    match days {
        d if d < 0.95 => "less than a day".to_owned(),
        d if d < 1.5 => "a day".to_owned(),
        d if d < 59.5 => format!("{} days", whole(d.round())),
        d if d < 730.0 => format!("{} months", whole((d / 30.44).round())),
        d => format!("{} years", whole((d / 365.25).round())),
    }
}

/// A moment on the clock of UTC.
pub fn utc(moment: Timestamp) -> jiff::civil::DateTime {
    jiff::tz::Offset::UTC.to_datetime(moment)
}

/// `16 November 2026`, UTC.
pub fn date(moment: Timestamp) -> String {
    moment.strftime("%-d %B %Y").to_string()
}

/// The day with the year only where it is another than that of `now`: `16 November`.
pub fn day(moment: Timestamp, now: Timestamp) -> String {
    let format = if utc(moment).year() == utc(now).year() { "%-d %B" } else { "%-d %B %Y" };
    moment.strftime(format).to_string()
}

/// Bytes in hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The known word nearest to a mistyped one, if one is near enough.
pub fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|k| (strsim::jaro_winkler(word, k), k))
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, k)| k)
}

/// Text from the machine with everything visible and nothing active: control characters, escape sequences,
/// direction marks and invisible characters become `�`; line breaks and tabs become spaces.
pub fn harmless(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\r' | '\t' => ' ',
            c if c.is_control() || is_invisible(c) => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// The longest part of another's words in a sentence, in characters.
const SAID: usize = 200;

/// What a server or program said, fit for a sentence: one line, nothing active, short.
pub fn said(text: &str) -> String {
    // Cut before the work: the text may be a megabyte.
    let start: String = text.chars().take(SAID * 4).collect();
    let words = harmless(&start).split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() <= SAID { words } else { words.chars().take(SAID - 1).chain(['…']).collect() }
}

/// Marks that reorder or hide text: Unicode's bidirectional controls, zero-width characters, tags.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_say_them() {
        assert_eq!(thousands(386_120), "386,120");
        assert_eq!(count(1, "file", "files"), "1 file");
        assert_eq!([90, 121, 209].map(minutes), ["90 minutes", "2 hours", "3 hours"]);
        let now = Timestamp::from_second(1_000_000_000).unwrap();
        let back = |s: i64| Timestamp::from_second(1_000_000_000 - s).unwrap();
        assert_eq!(ago(back(30), now), "just now");
        assert_eq!(ago(back(100_000), now), "yesterday");
        assert_eq!(ago(back(3 * 86_400), now), "3 days ago");
    }

    #[test]
    fn sizes_are_said_in_the_unit_that_fits() {
        assert_eq!(size(500e9), "500 GB");
        assert_eq!(size(1.5e12), "1.5 TB");
        assert_eq!(size(28_300_000.0), "28 MB");
        assert_eq!(size(812_400.0), "812 KB");
        assert_eq!(size(12.0), "12 bytes");
    }

    #[test]
    fn escapes_and_direction_marks_become_visible() {
        assert_eq!(harmless("a\x1b[31mred\u{202e}b\nc"), "a\u{fffd}[31mred\u{fffd}b c");
    }

    #[test]
    fn a_near_miss_is_recognised() {
        assert_eq!(nearest("ssh-rot-login", ["ssh-root-login", "disk-full"].into_iter()), Some("ssh-root-login"));
        assert_eq!(nearest("zzz", ["ssh-root-login"].into_iter()), None);
    }

    #[test]
    fn the_words_of_a_server_are_tamed() {
        assert_eq!(said("550 no\r\n\x1b[31m\u{202e}such   user"), "550 no \u{fffd}[31m\u{fffd}such user");
        let long = said(&"ä ".repeat(500_000));
        assert!(long.chars().count() == SAID && long.ends_with('…'), "{long}");
    }
}
