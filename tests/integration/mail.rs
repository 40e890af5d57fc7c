//! Mail under servers that are friendly, strict, broken and evil.

#[path = "mail/certificates.rs"]
pub mod certificates;
#[path = "mail/evil.rs"]
mod evil;
#[path = "mail/locked.rs"]
mod locked;
#[path = "mail/program.rs"]
mod program;
#[path = "mail/sink.rs"]
mod sink;
#[path = "mail/stages.rs"]
mod stages;

use std::{
    io,
    path::PathBuf,
    time::{Duration, Instant},
};

use base64ct::{Base64, Encoding as _};
use cleanbill::mail::{
    Attachment, Cause, Letter, Message, MessageId, Outcome, Picture, Secret, Security, Server, Unsubscribe, Way, send,
};
use evil::{Evil, Heard, Line};

const USER: &str = "anna";
const PASSWORD: &str = "correct horse battery";
/// The time for one step. The bounds of the tests are multiples of it.
const STEP: Duration = Duration::from_secs(1);

/// A mail with every part.
fn message() -> Message {
    Message {
        from: "cleanbill on web01 <cleanbill@web01.example.org>".parse().unwrap(),
        to: "Anna <anna@example.org>".parse().unwrap(),
        reply_to: Some("admin@example.org".parse().unwrap()),
        subject: "web01: 2 new problems".to_owned(),
        text: "Hello\n.\n..\n.hidden\nGrüße\n".to_owned(),
        html: Some("<p>Grüße <img src=\"cid:chart\"></p>\n".to_owned()),
        pictures: vec![Picture { cid: "chart".to_owned(), png: b"\x89PNG\r\n\x1a\n".to_vec() }],
        attachments: vec![Attachment {
            name: "web01.pdf".to_owned(),
            kind: "application/pdf".to_owned(),
            bytes: b"%PDF-1.7\n.\n".to_vec(),
        }],
        date: "2026-11-16T07:00:00Z".parse().unwrap(),
        id: MessageId::new("weekly.2026-11-16", "web01.example.org"),
        thread: Some(MessageId::new("thread", "web01.example.org")),
        unsubscribe: Some(Unsubscribe { mail: Some("admin@example.org".parse().unwrap()), web: None }),
        list: None,
    }
}

fn letter() -> Letter {
    message().build().unwrap()
}

/// A mail of so many bytes at least.
fn large(bytes: usize) -> Letter {
    let attachments =
        vec![Attachment { name: "x".to_owned(), kind: "application/x-x".to_owned(), bytes: vec![7; bytes / 4 * 3] }];
    Message { attachments, ..message() }.build().unwrap()
}

fn server(host: &str, port: u16, security: Security) -> Server {
    Server {
        host: host.to_owned(),
        port: Some(port),
        security,
        login: None,
        ca_file: None,
        hello: Some("web01.example.org".to_owned()),
        timeout: STEP,
    }
}

fn login() -> Option<(String, Secret)> {
    Some((USER.to_owned(), Secret::new(PASSWORD.to_owned())))
}

/// What became of one mail.
struct Tried {
    outcome: Outcome,
    /// How often the caller was told that the mail goes out.
    moments: usize,
    heard: Heard,
    took: Duration,
}

/// How the next mail is sent.
struct Try {
    security: Security,
    login: bool,
    ca_file: Option<PathBuf>,
    letter: Letter,
}

fn plain() -> Try {
    Try { security: Security::None, login: false, ca_file: None, letter: letter() }
}

impl Try {
    fn with(self, script: impl FnOnce(&mut Line) -> io::Result<()> + Send + 'static) -> Tried {
        let evil = Evil::new(script);
        let host = if self.security == Security::None { "127.0.0.1" } else { "localhost" };
        let mut server = server(host, evil.port, self.security);
        server.login = if self.login { login() } else { None };
        server.ca_file = self.ca_file;
        let mut moments = 0;
        let start = Instant::now();
        let outcome = send(&Way::Smtp(server), &self.letter, &mut || {
            moments += 1;
            Ok::<(), String>(())
        });
        let took = start.elapsed();
        let tried = Tried { outcome, moments, heard: evil.end(), took };
        if !(self.login && self.security == Security::None) {
            tried.no_password();
        }
        tried
    }
}

impl Tried {
    /// The password did not cross the line in the clear, in no form.
    fn no_password(&self) {
        let plain = String::from_utf8_lossy(&self.heard.plain);
        let both = Base64::encode_string(format!("\0{USER}\0{PASSWORD}").as_bytes());
        for form in [PASSWORD, &Base64::encode_string(PASSWORD.as_bytes()), &both, "AUTH"] {
            assert!(!plain.contains(form), "{plain}");
        }
    }

    /// What holds of every sentence.
    #[track_caller]
    fn sentence(&self, words: &str) {
        let sentence = self.outcome.sentence();
        assert!(sentence.contains(words), "{:?}", self.outcome);
        assert!(sentence.chars().count() < 500 && !sentence.contains(char::is_control), "{sentence:?}");
        assert!(!sentence.contains(PASSWORD), "{sentence}");
    }

    #[track_caller]
    fn sent(&self) {
        assert!(matches!(self.outcome, Outcome::Sent { .. }), "{:?}", self.outcome);
        assert_eq!(self.moments, 1);
        self.sentence("took the mail");
    }

    /// Not handed over, may be tried again; `moments` says whether the caller was told that it goes out.
    #[track_caller]
    fn later(&self, moments: usize, words: &str) {
        assert!(matches!(self.outcome, Outcome::Later { .. }), "{:?}", self.outcome);
        assert_eq!(self.moments, moments, "{:?}", self.outcome);
        self.sentence(words);
    }

    #[track_caller]
    fn never(&self, cause: Cause, words: &str) {
        assert!(matches!(self.outcome, Outcome::Never { cause: c, .. } if c == cause), "{:?}", self.outcome);
        self.sentence(words);
    }

    #[track_caller]
    fn unsure(&self, words: &str) {
        assert!(matches!(self.outcome, Outcome::Unsure { .. }), "{:?}", self.outcome);
        assert_eq!(self.moments, 1);
        self.sentence(words);
    }

    /// It ended in so many steps' time.
    #[track_caller]
    fn within(&self, steps: u32) {
        assert!(self.took < STEP * steps, "{:?}", self.took);
    }

    /// The last dot never crossed the line.
    #[track_caller]
    fn no_dot(&self) {
        assert!(!self.heard.all.windows(5).any(|w| w == b"\r\n.\r\n"), "{}", String::from_utf8_lossy(&self.heard.all));
    }
}
