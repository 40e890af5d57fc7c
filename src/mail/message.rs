//! One mail to one recipient: plain parts in, the bytes of RFC 5322 out.
//!
//! The layers are mixed(alternative(text, related(html, pictures)), attachments); a layer with nothing to hold together
//! is left out. Everything is seven-bit, in short lines; only the address of a recipient who has letters outside of
//! ASCII before the `@` stands in `To` as it is (RFC 6532), for there is no other way to write it.

use std::time::{Duration, UNIX_EPOCH};

use jiff::Timestamp;
use lettre::message::{
    Attachment as Part, MultiPart, SinglePart,
    header::{ContentTransferEncoding, ContentType, Date, Headers},
};

use super::{Address, Mailbox, MessageId, header, outcome::said};

/// What a mail is made of. Texts may hold anything: names, subject and file names are made harmless and cut
/// to a readable length.
#[derive(Debug, Clone)]
pub struct Message {
    /// From whom; needs a domain, which is also that of the envelope (so DMARC is aligned).
    pub from: Mailbox,
    /// To whom. A local name (`root`) gets the domain of `from` in the header.
    pub to: Mailbox,
    /// Who gets the answers, if not `from`.
    pub reply_to: Option<Mailbox>,
    /// The subject.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The page; without it the mail is only text.
    pub html: Option<String>,
    /// Pictures of the page.
    pub pictures: Vec<Picture>,
    /// Files that come with it.
    pub attachments: Vec<Attachment>,
    /// The moment it was written.
    pub date: Timestamp,
    /// Its id. The same mail to the same person should always have the same one.
    pub id: MessageId,
    /// The first mail of its thread.
    pub thread: Option<MessageId>,
    /// How to get no more of these.
    pub unsubscribe: Option<Unsubscribe>,
    /// The list it belongs to: a description, and a name in the form of a domain (`cleanbill.web01.example.org`).
    pub list: Option<(String, String)>,
}

/// A PNG that the page shows by `cid:`.
#[derive(Debug, Clone)]
pub struct Picture {
    /// Its name in the page: letters, digits, `.`, `-`, `_`, `@`.
    pub cid: String,
    /// The bytes of the PNG.
    pub png: Vec<u8>,
}

/// A file that comes with a mail.
#[derive(Debug, Clone)]
pub struct Attachment {
    /// Its name.
    pub name: String,
    /// Its type: `application/pdf`.
    pub kind: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// How a recipient gets no more of these mails; at least one of the two.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unsubscribe {
    /// A mail to this address.
    pub mail: Option<Address>,
    /// A page: `https://…`.
    pub web: Option<String>,
}

/// A finished mail in its envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The sender on the envelope, where bounces go.
    pub from: Address,
    /// The recipient on the envelope.
    pub to: Address,
    /// The mail, lines ended by CRLF.
    pub bytes: Vec<u8>,
}

/// Why no mail can be made of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// A local name as the sender.
    #[error("The sender '{0}' needs a domain, such as cleanbill@web01.example.org")]
    SenderDomain(Address),
    /// A sender whom not all servers understand.
    #[error("The sender '{0}' must have only plain letters before the @: many mail servers do not take others")]
    SenderLetters(Address),
    /// Pictures but no page.
    #[error("A picture belongs to a page, and this mail has none")]
    Picture,
    /// A picture's name.
    #[error("'{0}' cannot be the name of a picture")]
    Cid(String),
    /// A file's type.
    #[error("'{0}' is no type of file; one looks like application/pdf")]
    Kind(String),
    /// A link or address to unsubscribe.
    #[error("'{0}' is no way to unsubscribe: a mail address with a domain or an https address is")]
    Unsubscribe(String),
    /// A list's name.
    #[error("'{0}' is no name for a list; one looks like cleanbill.web01.example.org")]
    List(String),
    /// The result is no clean mail.
    #[error("The mail came out wrong: {0}")]
    Flaw(&'static str),
}

impl Message {
    /// The finished mail.
    ///
    /// # Errors
    /// [`BuildError`], a sentence, where something that the program or its settings chose does not fit in a mail. Text
    /// from the machine is never the reason.
    pub fn build(&self) -> Result<Letter, BuildError> {
        let from = &self.from.address;
        let domain = from.domain().ok_or_else(|| BuildError::SenderDomain(from.clone()))?;
        if from.needs_utf8() {
            return Err(BuildError::SenderLetters(from.clone()));
        }
        let mut bytes = self.headers(domain)?.to_string().into_bytes();
        bytes.extend(self.content()?);
        let letter = Letter { from: from.clone(), to: self.to.address.clone(), bytes };
        match letter.flaw() {
            None if letter.bytes.is_ascii() || letter.to.needs_utf8() => Ok(letter),
            flaw => Err(BuildError::Flaw(flaw.unwrap_or("it is not all ASCII"))),
        }
    }

    fn headers(&self, domain: &str) -> Result<Headers, BuildError> {
        let mut headers = Headers::new();
        // The calendar of lettre starts in 1970.
        let since = Duration::from_secs(u64::try_from(self.date.as_second()).unwrap_or(0));
        headers.set(Date::new(UNIX_EPOCH + since));
        headers.insert_raw(header::mailbox("From", &self.from, domain));
        headers.insert_raw(header::mailbox("To", &self.to, domain));
        if let Some(reply_to) = &self.reply_to {
            headers.insert_raw(header::mailbox("Reply-To", reply_to, domain));
        }
        headers.insert_raw(header::subject(&self.subject));
        headers.insert_raw(header::ids("Message-ID", std::slice::from_ref(&self.id)));
        if let Some(root) = self.thread.as_ref().filter(|root| **root != self.id) {
            headers.insert_raw(header::ids("In-Reply-To", std::slice::from_ref(root)));
            headers.insert_raw(header::ids("References", std::slice::from_ref(root)));
        }
        if let Some((description, wanted)) = &self.list {
            let id = super::address::domain_part(wanted).ok().filter(|id| id.contains('.') && !id.starts_with('['));
            let id = id.ok_or_else(|| BuildError::List(said(wanted)))?;
            headers.insert_raw(header::list_id(description, &id));
        }
        if let Some(unsubscribe) = &self.unsubscribe {
            headers.insert_raw(header::links("List-Unsubscribe", &unsubscribe.links()?));
        }
        headers.insert_raw(header::fixed("Auto-Submitted", "auto-generated"));
        headers.insert_raw(header::fixed("X-Auto-Response-Suppress", "All"));
        headers.insert_raw(header::fixed("MIME-Version", "1.0"));
        Ok(headers)
    }

    /// The parts, from the inside out.
    fn content(&self) -> Result<Vec<u8>, BuildError> {
        let text = words(ContentType::TEXT_PLAIN, &self.text);
        let Some(html) = &self.html else {
            return match (self.pictures.is_empty(), self.attachments.is_empty()) {
                (false, _) => Err(BuildError::Picture),
                (true, true) => Ok(text.formatted()),
                (true, false) => Ok(self.attach(self.layer("mixed")?.singlepart(text))?.formatted()),
            };
        };
        let page = words(ContentType::TEXT_HTML, html);
        let both = self.layer("alternative")?.singlepart(text);
        let both = if self.pictures.is_empty() {
            both.singlepart(page)
        } else {
            let mut related = self.layer("related")?.singlepart(page);
            for picture in &self.pictures {
                related = related.singlepart(picture.part()?);
            }
            both.multipart(related)
        };
        if self.attachments.is_empty() {
            return Ok(both.formatted());
        }
        Ok(self.attach(self.layer("mixed")?.multipart(both))?.formatted())
    }

    fn attach(&self, mut layer: MultiPart) -> Result<MultiPart, BuildError> {
        for attachment in &self.attachments {
            layer = layer.singlepart(attachment.part()?);
        }
        Ok(layer)
    }

    /// An empty layer. Its boundary follows from the id, and holds `=_`, which no encoded line does.
    fn layer(&self, kind: &str) -> Result<lettre::message::MultiPartBuilder, BuildError> {
        let hash = &blake3::hash(format!("{kind} {}", self.id).as_bytes()).to_hex()[..32];
        let what = if kind == "related" { "; type=\"text/html\"" } else { "" };
        let kind = format!("multipart/{kind}; boundary=\"=_{hash}\"{what}");
        let kind = ContentType::parse(&kind).map_err(|_| BuildError::Flaw("a boundary does not fit"))?;
        Ok(MultiPart::builder().header(kind))
    }
}

/// A part of text, quoted-printable whatever it is: no line too long, nothing that a server might change.
fn words(kind: ContentType, text: &str) -> SinglePart {
    let lines = text.replace("\r\n", "\n");
    let mut clean: String = lines
        .chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            '\r' => '\n',
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect();
    if !clean.ends_with('\n') {
        clean.push('\n');
    }
    SinglePart::builder().header(kind).header(ContentTransferEncoding::QuotedPrintable).body(clean)
}

impl Picture {
    fn part(&self) -> Result<SinglePart, BuildError> {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"-_.@".contains(&b);
        if self.cid.is_empty() || self.cid.len() > 100 || !self.cid.bytes().all(fits) {
            return Err(BuildError::Cid(said(&self.cid)));
        }
        binary(Part::new_inline(self.cid.clone()), "image/png", &self.png)
    }
}

impl Attachment {
    fn part(&self) -> Result<SinglePart, BuildError> {
        binary(Part::new(header::file_name(&self.name)), &self.kind, &self.bytes)
    }
}

fn binary(part: Part, kind: &str, bytes: &[u8]) -> Result<SinglePart, BuildError> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"/-+.".contains(&b);
    let parsed = ContentType::parse(kind).ok().filter(|_| kind.len() <= 100 && kind.bytes().all(fits));
    let kind = parsed.ok_or_else(|| BuildError::Kind(said(kind)))?;
    // Always base64: bytes are not to be taken for lines of text.
    let body = lettre::message::Body::new_with_encoding(bytes.to_vec(), ContentTransferEncoding::Base64)
        .map_err(|_| BuildError::Flaw("a file cannot be encoded"))?;
    Ok(part.body(body, kind))
}

impl Unsubscribe {
    fn links(&self) -> Result<Vec<String>, BuildError> {
        let mut links = Vec::new();
        if let Some(mail) = &self.mail {
            if mail.is_local() || mail.needs_utf8() {
                return Err(BuildError::Unsubscribe(mail.to_string()));
            }
            let percent = |c: char| {
                if c.is_ascii_alphanumeric() || "-._~@".contains(c) {
                    c.to_string()
                } else {
                    format!("%{:02X}", u32::from(c))
                }
            };
            links.push(format!(
                "mailto:{}?subject=unsubscribe",
                mail.to_string().chars().map(percent).collect::<String>()
            ));
        }
        if let Some(web) = &self.web {
            let fits = |b: u8| b.is_ascii_graphic() && !b"<>\"\\^`{|},".contains(&b);
            if !web.starts_with("https://") || web.len() > 500 || !web.bytes().all(fits) {
                return Err(BuildError::Unsubscribe(said(web)));
            }
            links.push(web.clone());
        }
        if links.is_empty() { Err(BuildError::Unsubscribe(String::new())) } else { Ok(links) }
    }
}

impl Letter {
    /// What a mail server could take for something else: a line break of half a kind, a line too long. A mail of
    /// [`Message::build`] has none; one that comes back from a file may.
    pub fn flaw(&self) -> Option<&'static str> {
        let mut rest = self.bytes.as_slice();
        if !rest.ends_with(b"\r\n") {
            return Some("its last line has no end");
        }
        while let Some(end) = memchr::memchr2(b'\r', b'\n', rest) {
            let (line, tail) = rest.split_at(end);
            let Some(next) = tail.strip_prefix(b"\r\n") else { return Some("a line ends in half a line break") };
            if line.len() > 998 {
                return Some("a line is longer than mail allows");
            }
            if line.contains(&0) {
                return Some("it holds a zero byte");
            }
            rest = next;
        }
        None
    }
}

#[cfg(test)]
mod tests;
