//! The form of a log that no settings declare, worked out from its first lines: it must look like the common log format,
//! with more behind it; among that the time of an answer is looked for. What cannot be told for sure is not guessed.

use super::form::{Form, Piece, number, seconds};

/// So many lines are looked at.
pub(super) const LINES: usize = 50;
/// What a time is called where it has a name.
const NAMES: [&[u8]; 8] =
    [b"rt", b"request_time", b"req_time", b"reqtime", b"time", b"duration", b"took", b"response_time"];
/// Times without a point are told from other numbers only where there are so many.
const ENOUGH: usize = 20;

/// The form that most of these lines have.
pub(super) fn form(lines: &[Vec<u8>]) -> Option<Form> {
    let tails: Vec<Vec<Token<'_>>> = lines.iter().filter_map(|line| tail(line)).collect();
    if tails.is_empty() || tails.len() * 2 < lines.len() {
        return None;
    }
    let text = |text: &str| Piece::Text(text.to_owned());
    let mut pieces = vec![Piece::Skip, text("] \""), Piece::Skip, text("\" "), Piece::Status, text(" "), Piece::Bytes];
    let Some((place, unit)) = time(&tails) else {
        pieces.extend([text(" "), Piece::Skip]);
        // Without anything behind it, the length ends with the line.
        if tails.iter().all(Vec::is_empty) {
            pieces.truncate(7);
        }
        return Form::new(pieces);
    };
    let example = tails.first()?;
    for token in example.get(..place)? {
        if token.is_quoted() {
            pieces.extend([text(" \""), Piece::Skip, text("\"")]);
        } else {
            pieces.extend([text(" "), Piece::Skip]);
        }
    }
    let token = example.get(place)?;
    let begin = format!(" {}{}", String::from_utf8_lossy(token.name()), if token.has_quotes() { "\"" } else { "" });
    pieces.extend([Piece::Text(begin), Piece::Time(unit)]);
    if token.has_quotes() {
        pieces.push(text("\""));
    } else if tails.iter().any(|tail| tail.len() > place + 1) {
        pieces.push(text(" "));
    }
    Form::new(pieces)
}

/// A word behind the length of the answer: `"…"`, `rt=0.120`, `rt="0.120"`, `0.120`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Token<'a>(&'a [u8]);

impl<'a> Token<'a> {
    fn is_quoted(self) -> bool {
        self.0.first() == Some(&b'"')
    }

    /// The name in front of its value, with the sign between.
    fn name(self) -> &'a [u8] {
        let at = if self.is_quoted() { None } else { memchr::memchr(b'=', self.0) };
        at.and_then(|at| self.0.get(..=at)).unwrap_or_default()
    }

    fn value(self) -> &'a [u8] {
        let value = self.0.get(self.name().len()..).unwrap_or_default();
        value.strip_prefix(b"\"").and_then(|v| v.strip_suffix(b"\"")).unwrap_or(value)
    }

    fn has_quotes(self) -> bool {
        self.0.get(self.name().len()) == Some(&b'"')
    }
}

/// What stands behind the length; none where the line has another form.
fn tail(line: &[u8]) -> Option<Vec<Token<'_>>> {
    let at = memchr::memmem::find(line, b"] \"")?;
    let rest = line.get(at + 3..)?;
    let rest = rest.get(quote_end(rest)? + 1..)?.strip_prefix(b" ")?;
    let (status, rest) = rest.split_at_checked(3)?;
    if !status.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let rest = rest.strip_prefix(b" ")?;
    let end = memchr::memchr(b' ', rest).unwrap_or(rest.len());
    number(rest.get(..end)?)?;
    let mut rest = rest.get(end..)?;
    let mut tokens = Vec::new();
    while let Some(token) = rest.strip_prefix(b" ") {
        let mut length = 0;
        while let Some(byte) = token.get(length).filter(|byte| **byte != b' ') {
            length += 1;
            if *byte == b'"' {
                length += quote_end(token.get(length..)?).map_or(token.len(), |end| end + 1);
            }
        }
        tokens.push(Token(token.get(..length.min(token.len()))?));
        rest = token.get(length.min(token.len())..)?;
    }
    Some(tokens)
}

/// Where the quotation mark is that ends a text.
fn quote_end(text: &[u8]) -> Option<usize> {
    let mut escaped = false;
    text.iter().position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    })
}

/// Which token is the time of the answer, and how many seconds one of it is.
fn time(tails: &[Vec<Token<'_>>]) -> Option<(usize, f64)> {
    let shortest = tails.iter().map(Vec::len).min()?;
    // The tokens of one place in all lines, when they are of one kind.
    let of = |place: usize| -> Option<Vec<Token<'_>>> {
        let tokens: Vec<Token<'_>> = tails.iter().filter_map(|tail| tail.get(place).copied()).collect();
        let first = *tokens.first()?;
        let same = |t: &Token<'_>| t.name() == first.name() && t.has_quotes() == first.has_quotes();
        (tokens.len() == tails.len() && tokens.iter().all(same)).then_some(tokens)
    };
    let named = |place: &usize| {
        of(*place).is_some_and(|tokens| {
            let name = tokens.first().map(|token| token.name()).unwrap_or_default();
            let name = name.strip_suffix(b"=").unwrap_or_default().to_ascii_lowercase();
            NAMES.contains(&name.as_slice())
        })
    };
    if let Some(place) = (0..shortest).find(named) {
        return Some((place, unit(&of(place)?)?));
    }
    let plain = |place: &usize| {
        of(*place).is_some_and(|tokens| tokens.iter().all(|t| t.name().is_empty()) && unit(&tokens) == Some(1.0))
            && of(*place).is_some_and(|tokens| tokens.iter().any(|token| token.value().contains(&b'.')))
    };
    if let Some(place) = (0..shortest).find(plain) {
        return Some((place, 1.0));
    }
    // One number behind the program of the visitor; with two they are bytes that came and went.
    let last = shortest.checked_sub(1)?;
    let alone = tails.iter().all(|tail| tail.len() == shortest)
        && of(last)?.iter().all(|token| !token.has_quotes() && token.name().is_empty())
        && last.checked_sub(1).is_none_or(|before| of(before).is_some_and(|t| t.iter().all(|t| t.is_quoted())));
    if alone { Some((last, unit(&of(last)?)?)) } else { None }
}

/// How many seconds one of these is: with a point they are seconds, without one large ones are millionths.
fn unit(tokens: &[Token<'_>]) -> Option<f64> {
    let values: Vec<&[u8]> = tokens.iter().map(|token| token.value()).filter(|value| *value != b"-").collect();
    let numbers: Vec<f64> = values.iter().filter_map(|value| seconds(value)).collect();
    if numbers.is_empty() || numbers.len() < values.len() {
        return None;
    }
    if values.iter().all(|value| value.contains(&b'.')) {
        return Some(1.0);
    }
    if values.iter().any(|value| value.contains(&b'.')) {
        return None;
    }
    let most = numbers.iter().copied().fold(0.0, f64::max);
    if numbers.len() < ENOUGH {
        return None;
    }
    match most {
        most if most <= 60.0 => Some(1.0),
        most if most >= 1000.0 => Some(0.000_001),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::form::Line, *};

    const REQUEST: &str = "192.0.2.1 - - [26/Nov/2026:11:00:00 +0000] \"GET /a HTTP/1.1\" 200 512";

    fn lines(tails: &[&str]) -> Vec<Vec<u8>> {
        tails.iter().map(|tail| format!("{REQUEST}{tail}").into_bytes()).collect()
    }

    /// What is read of the last line by the form of all of them.
    fn last(tails: &[&str]) -> Line {
        let lines = lines(tails);
        let (line, whole) = form(&lines).unwrap().read(lines.last().unwrap()).unwrap();
        assert!(whole, "{tails:?}");
        line
    }

    #[test]
    fn usual_forms_are_found_with_their_times() {
        let agent = " \"-\" \"Mozilla/5.0 (X11; Linux) \\\" rt=7\"";
        for (tail, expected) in [
            ("", None),
            (agent, None),
            (" \"-\" \"x\" rt=0.120", Some(0.12)),
            (" \"-\" \"x\" 0.120", Some(0.12)),
            (" \"-\" \"x\" \"0.120\"", Some(0.12)),
            (" \"-\" \"x\" 0.120 0.119 .", Some(0.12)),
            (" \"-\" \"x\" \"203.0.113.5\" rt=0.120 uct=\"0.001\" uht=\"-\"", Some(0.12)),
            (" \"-\" \"x\" 2000 request_time=\"0.120\"", Some(0.12)),
            (" \"-\" \"x\" 1500", None),
            (" \"-\" \"x\" 700 1500", None),
            (" \"-\" \"x\" v1.2.3", None),
        ] {
            let line = last(&[tail]);
            assert_eq!((line.status, line.bytes, line.seconds), (200, 512, expected), "{tail}");
        }
        let vhost = format!("shop.example.org:443 {REQUEST}{agent}").into_bytes();
        assert_eq!(form(std::slice::from_ref(&vhost)).unwrap().read(&vhost).unwrap().0.bytes, 512);
    }

    #[test]
    fn whole_numbers_are_told_apart_only_where_there_are_enough() {
        let tails = |numbers: &[u32]| -> Vec<String> { numbers.iter().map(|n| format!(" \"-\" \"x\" {n}")).collect() };
        let seconds = |tails: Vec<String>| last(&tails.iter().map(String::as_str).collect::<Vec<_>>()).seconds;
        assert_eq!(seconds(tails(&[vec![90; 20], vec![1500]].concat())), Some(0.0015));
        assert_eq!(seconds(tails(&[vec![0; 20], vec![2]].concat())), Some(2.0));
        assert_eq!(seconds(tails(&[vec![0; 20], vec![300]].concat())), None);
        assert_eq!(seconds(tails(&[0, 0, 2])), None);
    }

    #[test]
    fn what_is_no_access_log_is_not_taken_for_one() {
        for text in
            ["", "Nov 26 11:00:00 web01 sshd[1]: x", "{\"status\":200}", "a [b] \"GET /\" 20 1", "a [b] \"GET / 200 1"]
        {
            assert!(form(&[text.as_bytes().to_vec()]).is_none(), "{text}");
        }
        // A few lines of another kind do not matter.
        let mixed = [lines(&["", "", ""]), vec![b"junk".to_vec()]].concat();
        assert!(form(&mixed).is_some());
    }

    proptest! {
        #[test]
        fn no_lines_make_it_stumble(
            junk in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 0..5),
            tails in proptest::collection::vec("[ \"0-9a-z.=\\\\-]{0,30}", 0..5),
        ) {
            let _ = form(&junk);
            let tails: Vec<&str> = tails.iter().map(String::as_str).collect();
            let lines = lines(&tails);
            if let Some(form) = form(&lines) {
                for line in &lines {
                    let _ = form.read(line);
                }
            }
        }
    }
}
