//! The form of the lines of an access log, as pieces: texts that are the same in each line, and values between them. A line
//! is read from left to right and every text is looked for once, so that no line takes long. Values that visitors choose
//! are only passed over; both servers write a quotation mark within them with a backslash or as `\x22`.

use memchr::memmem::Finder;

/// What a line says.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Line {
    pub status: u16,
    pub bytes: u64,
    /// How long the answer took, in seconds.
    pub seconds: Option<f64>,
}

/// A part of a line.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece {
    /// The same in each line.
    Text(String),
    /// Something that is of no interest.
    Skip,
    /// The status of the answer.
    Status,
    /// Its length.
    Bytes,
    /// How long it took; how many seconds one of it is.
    Time(f64),
}

/// The form of a line.
#[derive(Debug, Clone)]
pub(super) struct Form {
    /// How a line begins.
    begin: Vec<u8>,
    /// The values, each with the text behind it; the last goes on to the end of the line where there is none.
    values: Vec<(Piece, Option<Text>)>,
}

#[derive(Debug, Clone)]
struct Text {
    finder: Finder<'static>,
    length: usize,
    /// Whether it begins with a quotation mark, which counts only without a backslash.
    quote: bool,
}

impl Text {
    fn new(text: &str) -> Self {
        Text { finder: Finder::new(text.as_bytes()).into_owned(), length: text.len(), quote: text.starts_with('"') }
    }

    fn find(&self, line: &[u8]) -> Option<usize> {
        let mut from = 0;
        loop {
            let at = from + self.finder.find(line.get(from..)?)?;
            let before = line.get(..at).unwrap_or_default();
            let escaped = self.quote && before.iter().rev().take_while(|b| **b == b'\\').count() % 2 == 1;
            if !escaped {
                return Some(at);
            }
            from = at + 1;
        }
    }
}

impl Form {
    /// The form of these pieces; none where they do not tell the status, or where two values cannot be told apart.
    pub fn new(pieces: Vec<Piece>) -> Option<Self> {
        let mut begin = Vec::new();
        let mut values: Vec<(Piece, Option<String>)> = Vec::new();
        for piece in pieces {
            match (piece, values.last_mut()) {
                (Piece::Text(text), None) => begin.extend_from_slice(text.as_bytes()),
                (Piece::Text(text), Some((_, behind))) => behind.get_or_insert_default().push_str(&text),
                (Piece::Skip, Some((Piece::Skip, None))) => {}
                (_, Some((_, None))) => return None,
                (value, _) => values.push((value, None)),
            }
        }
        // What stands behind the last value that is wanted need not be looked at.
        let last = values.iter().rposition(|(value, _)| *value != Piece::Skip)?;
        values.truncate(last + 1);
        let one_status = values.iter().filter(|(value, _)| *value == Piece::Status).count() == 1;
        let text = |behind: Option<String>| behind.filter(|text| !text.is_empty()).map(|text| Text::new(&text));
        let values = values.into_iter().map(|(value, behind)| (value, text(behind))).collect();
        one_status.then_some(Form { begin, values })
    }

    /// How much it tells of a line.
    pub fn detail(&self) -> usize {
        self.values.len()
    }

    /// Whether it tells how long an answer took.
    pub fn has_time(&self) -> bool {
        self.values.iter().any(|(value, _)| matches!(value, Piece::Time(_)))
    }

    /// Reads a line, and tells whether all of it has this form; none where it is of another.
    pub fn read(&self, line: &[u8]) -> Option<(Line, bool)> {
        let mut rest = line.strip_prefix(self.begin.as_slice())?;
        let mut read = Line::default();
        let mut whole = true;
        for (value, behind) in &self.values {
            let (text, next) = match behind {
                Some(behind) => match behind.find(rest) {
                    Some(at) => (rest.get(..at)?, rest.get(at + behind.length..)?),
                    None => {
                        // It was cut off behind what counts.
                        whole = false;
                        break;
                    }
                },
                None => (rest, &[][..]),
            };
            match value {
                Piece::Status => read.status = status(text)?,
                Piece::Bytes => match number(text) {
                    Some(bytes) => read.bytes = bytes,
                    None => whole = false,
                },
                Piece::Time(unit) => match seconds(text) {
                    Some(n) => read.seconds = Some(n * unit),
                    None => whole &= text == b"-",
                },
                Piece::Skip | Piece::Text(_) => {}
            }
            rest = next;
        }
        (read.status > 0).then_some((read, whole))
    }
}

fn status(text: &[u8]) -> Option<u16> {
    let [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] = text else { return None };
    Some([a, b, c].into_iter().fold(0, |n, digit| n * 10 + u16::from(digit - b'0')))
}

/// A number; Apache writes nothing as `-`.
pub(super) fn number(text: &[u8]) -> Option<u64> {
    if text == b"-" {
        return Some(0);
    }
    let digits = !text.is_empty() && text.len() <= 18 && text.iter().all(u8::is_ascii_digit);
    digits.then(|| text.iter().fold(0, |n, digit| n * 10 + u64::from(digit - b'0')))
}

/// A length of time; neither less than nothing nor longer than ten years.
pub(super) fn seconds(text: &[u8]) -> Option<f64> {
    let plain = text.len() <= 18 && text.iter().all(|b| b.is_ascii_digit() || *b == b'.');
    let n: f64 = std::str::from_utf8(text).ok().filter(|_| plain)?.parse().ok()?;
    (n.is_finite() && n >= 0.0).then_some(n)
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(text: &str) -> Piece {
        Piece::Text(text.to_owned())
    }

    /// nginx's `combined` with the time at the end.
    fn timed() -> Form {
        let quoted = [text(" \""), Piece::Skip, text("\"")];
        let mut pieces =
            vec![Piece::Skip, text("] \""), Piece::Skip, text("\" "), Piece::Status, text(" "), Piece::Bytes];
        pieces.extend(quoted.iter().chain(&quoted).cloned());
        pieces.extend([text(" rt="), Piece::Time(1.0)]);
        Form::new(pieces).unwrap()
    }

    #[test]
    fn a_line_is_read_whatever_visitors_write() {
        let read = |line: &str| timed().read(line.as_bytes());
        let good = |status, bytes, seconds| Some((Line { status, bytes, seconds }, true));
        let line = |request: &str, agent: &str| {
            format!("::1 - - [26/Nov/2026:11:00:00 +0000] \"{request}\" 200 512 \"-\" \"{agent}\" rt=0.250")
        };
        assert_eq!(read(&line("GET / HTTP/1.1", "curl/8")), good(200, 512, Some(0.25)));
        for evil in
            [r#"\" 500 1 \"x"#, r"\x22 500 1 \x22", "] [ ] rt=9", r##"\\\" 500 1 rt=7"##, "\u{1b}[31m\u{fffd}", ""]
        {
            assert_eq!(read(&line(evil, evil)), good(200, 512, Some(0.25)), "{evil}");
        }
        assert_eq!(read(&line(r"\\", "x")), good(200, 512, Some(0.25)), "a backslash that is escaped ends nothing");
        assert_eq!(read("::1 - - [x] \"\" 400 0 \"-\" \"-\" rt=0.000"), good(400, 0, Some(0.0)));
        let cut = Some((Line { status: 400, bytes: 7, seconds: None }, false));
        assert_eq!(read("::1 - - [x] \"\" 400 7 \"-\" \"-\""), cut);
        assert_eq!(read("::1 - - [x] \"GET /\" 99 7 \"-\" \"-\" rt=1"), None);
        assert_eq!(read("::1 - - [x] \"GET /\" 2000 7 \"-\" \"-\" rt=1"), None);
        assert_eq!(read(""), None);
        let odd = read("::1 - - [x] \"\" 200 - \"-\" \"-\" rt=-1").unwrap();
        assert_eq!((odd.0.bytes, odd.0.seconds, odd.1), (0, None, false));
    }

    #[test]
    fn a_form_without_a_status_or_with_values_side_by_side_is_none() {
        assert!(Form::new(vec![]).is_none());
        assert!(Form::new(vec![Piece::Skip, text("x")]).is_none());
        assert!(Form::new(vec![Piece::Status, Piece::Bytes]).is_none());
        assert!(Form::new(vec![Piece::Skip, Piece::Status]).is_none());
        assert!(Form::new(vec![Piece::Status, text(" "), Piece::Status]).is_none());
        assert!(Form::new(vec![text("x"), Piece::Skip, Piece::Skip, text(" "), Piece::Status]).is_some());
    }

    /// What a slow reader makes of a line: all ways to cut it, the first that fits.
    fn slow(line: &str) -> Option<(u16, u64, f64)> {
        let quoted = |text: &str| -> Option<usize> {
            // Where the text within quotation marks ends.
            let mut escaped = false;
            for (at, c) in text.char_indices() {
                match c {
                    '\\' if !escaped => escaped = true,
                    '"' if !escaped => return Some(at),
                    _ => escaped = false,
                }
            }
            None
        };
        let (_, rest) = line.split_once("] \"")?;
        let rest = rest.get(quoted(rest)?..)?.strip_prefix("\" ")?;
        let mut words = rest.splitn(3, ' ');
        let (status, bytes, rest) = (words.next()?, words.next()?, words.next()?);
        let rest = rest.strip_prefix('"')?;
        let rest = rest.get(quoted(rest)?..)?.strip_prefix("\" \"")?;
        let rest = rest.get(quoted(rest)?..)?.strip_prefix("\" rt=")?;
        Some((status.parse().ok()?, bytes.parse().ok()?, rest.parse().ok()?))
    }

    proptest! {
        #[test]
        fn no_line_makes_it_stumble(line in proptest::collection::vec(any::<u8>(), 0..200), tail in "[\\]\" 0-9a-z.=\\\\-]{0,80}") {
            let _ = timed().read(&line);
            let _ = timed().read(&[b"x [y] \"".as_slice(), tail.as_bytes(), &line].concat());
        }

        #[test]
        fn it_agrees_with_a_slow_reader(
            user in "[a-z \\[\\]]{0,12}",
            words in proptest::collection::vec("([ -!#-\\[\\]-~]|\\\\x22|\\\\\"|\\\\\\\\){0,40}", 3),
            status in 100_u16..=599, bytes in 0_u64..u64::from(u32::MAX), milliseconds in 0_u32..100_000,
        ) {
            let [request, referer, agent] = words.as_slice() else { panic!() };
            let time = f64::from(milliseconds) / 1000.0;
            let line = format!(
                "192.0.2.1 - {user} [26/Nov/2026:11:00:00 +0000] \"{request}\" {status} {bytes} \"{referer}\" \"{agent}\" rt={time:.3}"
            );
            prop_assert_eq!(slow(&line), Some((status, bytes, time)));
            let (read, whole) = timed().read(line.as_bytes()).unwrap();
            prop_assert_eq!((read.status, read.bytes, read.seconds, whole), (status, bytes, Some(time), true));
        }
    }
}
