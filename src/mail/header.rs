//! Values of header fields: any text in, printable ASCII in short lines out.
//!
//! Nothing that comes from outside can end a field or add one: control characters and line breaks are made visible
//! first, and all that is not plainly ASCII becomes encoded words (RFC 2047).

use base64ct::{Base64, Encoding as _};
use lettre::message::header::{HeaderName, HeaderValue};

use super::{Mailbox, MessageId};
use crate::words::harmless;

/// The longest subject, in characters: what any list of mails shows, and a bound for hostile names in it.
const SUBJECT: usize = 200;
/// The longest name of a person or machine before an address.
const NAME: usize = 100;
/// The longest file name of an attachment.
const FILE: usize = 100;
/// The longest line with an encoded word in it (RFC 2047).
const LINE: usize = 76;

/// One visible line of at most so many characters.
fn one_line(text: &str, max: usize) -> String {
    // Cut before the work: a name may have any length.
    let start: String = text.chars().take(max.saturating_mul(4)).collect();
    let words = harmless(&start).split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() <= max && start.len() == text.len() {
        return words;
    }
    let kept: String = words.chars().take(max.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// ASCII that stays as it is: no word that needs a longer line, nothing that a reader would decode.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| (b' '..=b'~').contains(&b)) && !text.contains("=?") && text.split(' ').all(|w| w.len() <= 60)
}

/// The text as encoded words, one a line; `used` columns of the first line are taken.
fn encoded_words(text: &str, used: usize) -> String {
    const AROUND: usize = "=?utf-8?b??=".len();
    let room = |used: usize| LINE.saturating_sub(used + AROUND + 1) / 4 * 3;
    let mut words = Vec::new();
    let (mut chunk, mut limit) = (String::new(), room(used));
    for c in text.chars() {
        if !chunk.is_empty() && chunk.len() + c.len_utf8() > limit {
            words.push(std::mem::take(&mut chunk));
            limit = room(1);
        }
        chunk.push(c);
    }
    words.push(chunk);
    let encoded: Vec<_> =
        words.iter().map(|w| format!("=?utf-8?b?{}?=", Base64::encode_string(w.as_bytes()))).collect();
    encoded.join("\r\n ")
}

fn ready(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::dangerous_new_pre_encoded(HeaderName::new_from_ascii_str(name), String::new(), value)
}

/// A field that the program itself writes, in ASCII.
pub(super) fn fixed(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// The subject.
pub(super) fn subject(text: &str) -> HeaderValue {
    let text = one_line(text, SUBJECT);
    if is_plain(&text) { fixed("Subject", &text) } else { ready("Subject", encoded_words(&text, "Subject: ".len())) }
}

/// `From`, `To`, `Reply-To`: the address without a domain gets that one.
pub(super) fn mailbox(field: &'static str, mailbox: &Mailbox, domain: &str) -> HeaderValue {
    let address = mailbox.address.at(domain);
    let name = mailbox.name.as_deref().map(|n| one_line(n, NAME)).filter(|n| !n.is_empty());
    let value = match name {
        None => address.to_string(),
        Some(name) => format!("{}\r\n <{address}>", phrase(&name, field.len() + 2)),
    };
    ready(field, value)
}

/// A name as it stands before an address.
fn phrase(name: &str, used: usize) -> String {
    if !is_plain(name) || name.len() > 60 {
        encoded_words(name, used)
    } else if name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b' ' || b == b'-') {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

/// `List-Id`: a description and a name in the form of a domain.
pub(super) fn list_id(description: &str, id: &str) -> HeaderValue {
    let description = one_line(description, NAME);
    let before = if description.is_empty() { String::new() } else { phrase(&description, "List-Id: ".len()) };
    ready("List-Id", format!("{before}\r\n <{id}>").trim_start().to_owned())
}

/// Message ids, one a line.
pub(super) fn ids(field: &'static str, ids: &[MessageId]) -> HeaderValue {
    ready(field, ids.iter().map(ToString::to_string).collect::<Vec<_>>().join("\r\n "))
}

/// Links in `<…>`, one a line; the caller has checked them.
pub(super) fn links(field: &'static str, links: &[String]) -> HeaderValue {
    ready(field, links.iter().map(|l| format!("<{l}>")).collect::<Vec<_>>().join(",\r\n "))
}

/// A file name that is only a name, of bounded length; its ending is kept.
pub(super) fn file_name(name: &str) -> String {
    let tame = |text: &str, max| one_line(&text.replace(['/', '\\', '"', '<', '>', ':', '|', '?', '*'], "_"), max);
    let name = match name.rsplit_once('.') {
        Some((stem, end)) if (1..=10).contains(&end.chars().count()) => {
            format!("{}.{}", tame(stem, FILE - 11), tame(end, 10))
        }
        _ => tame(name, FILE),
    };
    let name = name.trim_matches(['.', ' ']);
    if name.is_empty() { "attachment".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use lettre::message::header::Headers;
    use proptest::prelude::*;

    use super::*;

    fn line(value: HeaderValue) -> String {
        let mut headers = Headers::new();
        headers.insert_raw(value);
        headers.to_string()
    }

    #[test]
    fn plain_text_stays_readable() {
        assert_eq!(line(subject("web01: 2 new problems")), "Subject: web01: 2 new problems\r\n");
        let anna: Mailbox = "Anna Example <anna@example.org>".parse().unwrap();
        assert_eq!(line(mailbox("To", &anna, "x.example")), "To: Anna Example\r\n <anna@example.org>\r\n");
        let root: Mailbox = "root".parse().unwrap();
        assert_eq!(line(mailbox("To", &root, "web01.example.org")), "To: root@web01.example.org\r\n");
        let odd: Mailbox = r#"A. "B" \ C <a@example.org>"#.parse().unwrap();
        assert_eq!(line(mailbox("To", &odd, "")), "To: \"A. \\\"B\\\" \\\\ C\"\r\n <a@example.org>\r\n");
    }

    #[test]
    fn what_a_reader_would_decode_is_encoded() {
        let spoof = line(subject("=?utf-8?b?DQpCY2M6IGV2ZQ==?="));
        assert!(!spoof.contains("DQpCY2M6"), "{spoof}");
    }

    #[test]
    fn a_file_name_is_no_path_and_keeps_its_ending() {
        assert_eq!(file_name("report.pdf"), "report.pdf");
        assert_eq!(file_name("../../etc/pass\"wd"), "_.._etc_pass_wd");
        assert_eq!(file_name("..."), "attachment");
        assert_eq!(file_name("a\r\nX: y.pdf"), "a X_ y.pdf");
        let long = file_name(&format!("{}.pdf", "ä".repeat(10_000)));
        assert!(long.chars().count() <= FILE && long.ends_with("….pdf"), "{long}");
    }

    proptest! {
        #[test]
        fn no_text_breaks_a_field(text in "(?s).{0,400}", tail in "[\\r\\n\u{202e}\u{0}<>\"=?]{0,20}") {
            let hostile = format!("{text}{tail}");
            let name = Mailbox { name: Some(hostile.clone()), address: "a@example.org".parse().unwrap() };
            for value in [
                line(subject(&hostile)),
                line(mailbox("From", &name, "example.org")),
                line(list_id(&hostile, "cleanbill.example.org")),
            ] {
                let body = value.strip_suffix("\r\n").unwrap();
                for (at, part) in body.split("\r\n").enumerate() {
                    prop_assert!(part.len() <= 76, "{} {part}", part.len());
                    prop_assert!(part.bytes().all(|b| (b' '..=b'~').contains(&b)), "{part:?}");
                    prop_assert!((at == 0) != part.starts_with(' ') && !part.trim().is_empty(), "{value:?}");
                }
            }
        }
    }
}
