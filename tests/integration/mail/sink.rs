//! A strict mail server of others (aiosmtpd), and Python's strict parser of mails.

use cleanbill::words::harmless;
use serde_json::Value;

use super::{certificates::Authority, *};
use crate::sink;

/// The mail server with STARTTLS and a login.
struct Sink {
    server: sink::Sink,
    authority: Authority,
    _files: tempfile::TempDir,
}

impl Sink {
    /// Nothing where Python is missing.
    fn start() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        let [certificate, key] = authority.sign("localhost", 2099).files(dir.path());
        let login = format!("{USER}:{PASSWORD}");
        let (certificate, key) = (certificate.display().to_string(), key.display().to_string());
        let server = sink::Sink::with(&["--starttls", &certificate, &key, "--auth", &login])?;
        Some(Sink { server, authority, _files: dir })
    }

    fn mode(&self, mode: &str) {
        self.server.mode(mode);
    }

    fn send(&self, letter: &Letter, password: &str) -> Tried {
        let mut server = server("localhost", self.server.port, Security::StartTls);
        server.login = Some((USER.to_owned(), Secret::new(password.to_owned())));
        server.ca_file = Some(self.authority.file());
        // Python, on a busy machine.
        server.timeout = STEP * 10;
        let mut moments = 0;
        let start = Instant::now();
        let outcome = send(&Way::Smtp(server), letter, &mut || {
            moments += 1;
            Ok::<(), String>(())
        });
        Tried { outcome, moments, heard: Heard::default(), took: start.elapsed() }
    }

    /// How many mails it has.
    fn count(&self) -> usize {
        self.server.count()
    }

    fn mail(&self, n: usize) -> Value {
        self.server.mails().swap_remove(n - 1)
    }
}

fn header<'a>(mail: &'a Value, name: &str) -> &'a str {
    let all: Vec<_> = mail["message"]["headers"].as_array().unwrap().iter().filter(|h| h[0] == name).collect();
    assert_eq!(all.len(), 1, "{name}: {mail}");
    all[0][1].as_str().unwrap()
}

/// The names of all fields, each once or more.
fn names(mail: &Value) -> Vec<&str> {
    mail["message"]["headers"].as_array().unwrap().iter().map(|h| h[0].as_str().unwrap()).collect()
}

#[test]
fn a_strict_server_and_a_strict_reader_find_nothing_wrong() {
    let Some(sink) = Sink::start() else { return };
    sink.send(&letter(), PASSWORD).sent();
    let mail = sink.mail(1);
    assert_eq!(mail["message"]["defects"], serde_json::json!([]), "{mail}");
    assert_eq!((&mail["encrypted"], &mail["login"]), (&true.into(), &USER.into()));
    assert_eq!(mail["message"]["header_is_ascii"], true);
    let own = std::fs::read(&sink.server.files("eml")[0]).unwrap();
    assert_eq!(own, letter().bytes);

    // DMARC: who stands in the letter is who stands on the envelope.
    let [from, envelope] =
        [&mail["message"]["from"][0][1], &mail["from"]].map(|a| a.as_str().unwrap().rsplit('@').next().unwrap());
    assert_eq!(from, envelope);
    assert_eq!(mail["to"], serde_json::json!(["anna@example.org"]));
    assert_eq!(mail["message"]["to"], serde_json::json!([["Anna", "anna@example.org"]]));

    assert_eq!(header(&mail, "Date"), "Mon, 16 Nov 2026 07:00:00 +0000");
    assert_eq!(header(&mail, "Message-ID"), "<weekly.2026-11-16@web01.example.org>");
    assert_eq!(header(&mail, "References"), "<thread@web01.example.org>");
    assert_eq!(header(&mail, "Auto-Submitted"), "auto-generated");
    assert_eq!(header(&mail, "List-Unsubscribe"), "<mailto:admin@example.org?subject=unsubscribe>");

    let tree = &mail["message"]["tree"];
    assert_eq!(tree["type"], "multipart/mixed");
    let [both, pdf] = [&tree["parts"][0], &tree["parts"][1]];
    assert_eq!((&both["type"], &pdf["type"]), (&"multipart/alternative".into(), &"application/pdf".into()));
    assert_eq!(
        (&pdf["filename"], &pdf["disposition"], &pdf["size"]),
        (&"web01.pdf".into(), &"attachment".into(), &11.into())
    );
    let [text, related] = [&both["parts"][0], &both["parts"][1]];
    assert_eq!(text["text"].as_str().unwrap().trim_end(), message().text.trim_end());
    assert_eq!(related["type"], "multipart/related");
    let [page, chart] = [&related["parts"][0], &related["parts"][1]];
    assert_eq!(page["text"].as_str().unwrap().trim_end(), message().html.unwrap().trim_end());
    assert_eq!(
        (&chart["cid"], &chart["disposition"], &chart["size"]),
        (&"<chart>".into(), &"inline".into(), &8.into())
    );
}

#[test]
fn hostile_names_arrive_as_text() {
    let Some(sink) = Sink::start() else { return };
    sink.send(&letter(), PASSWORD).sent();
    let usual = sink.mail(1);
    let long = "x".repeat(10_000);
    let wide = "語".repeat(10_000);
    let lossy = String::from_utf8_lossy(b"web\xff\xfe01").into_owned();
    let evil = [
        "web01\r\nBcc: eve@example.net\r\n\r\n<script>alert(1)</script>",
        "\u{202e}gro.elpmaxe\u{2066}web",
        "=?utf-8?b?DQpCY2M6IGV2ZQ==?=",
        "\"quoted\" \\ <eve@example.net>, (x) ; y:",
        "👩‍👩‍👧 Frau Müller — 語",
        "a,b;c",
        "\x1b[31mred\0",
        &lossy,
        &long,
        &wide,
    ];
    for (at, evil) in evil.iter().enumerate() {
        let mut message = message();
        message.subject = format!("{evil}: 2 new problems");
        for mailbox in [&mut message.from, &mut message.to] {
            mailbox.name = Some((*evil).to_owned());
        }
        message.text = format!("{evil}\n");
        message.attachments[0].name = format!("{evil}.pdf");
        sink.send(&message.build().unwrap(), PASSWORD).sent();
        let mail = sink.mail(at + 2);
        assert_eq!(mail["message"]["defects"], serde_json::json!([]), "{evil:?}: {mail}");
        assert_eq!((&mail["message"]["header_is_ascii"], names(&mail)), (&true.into(), names(&usual)), "{evil:?}");
        // It reads as it was written, with what is invisible made visible, up to a length.
        let seen = harmless(evil).split_whitespace().collect::<Vec<_>>().join(" ");
        let start: String = seen.chars().take(90).collect();
        let person = &mail["message"]["from"];
        assert_eq!(person.as_array().unwrap().len(), 1, "{evil:?}");
        assert_eq!(person[0][1], "cleanbill@web01.example.org");
        for field in
            [person[0][0].as_str().unwrap(), mail["message"]["to"][0][0].as_str().unwrap(), header(&mail, "Subject")]
        {
            assert!(field.starts_with(&start) && field.chars().count() <= 200, "{field:?} {start:?}");
        }
        let file = mail["message"]["tree"]["parts"][1]["filename"].as_str().unwrap();
        assert!(file.ends_with(".pdf") && file.chars().count() <= 100 && !file.contains(['/', '\\', '"']), "{file:?}");
        let text = mail["message"]["tree"]["parts"][0]["parts"][0]["text"].as_str().unwrap();
        assert!(text.len() + 4 >= evil.len(), "the text is whole");
    }
}

#[test]
fn a_wrong_password_is_refused_and_tells_nothing() {
    let Some(sink) = Sink::start() else { return };
    let tried = sink.send(&letter(), "wrong");
    tried.never(Cause::Settings, "The mail server localhost did not accept the password (it said: 535 5.7.8");
    assert_eq!((tried.moments, sink.count()), (0, 0));
}

#[test]
fn a_recipient_with_any_letters_arrives() {
    let Some(sink) = Sink::start() else { return };
    let to = "Jürgen <jürgen@bücher.example>".parse().unwrap();
    sink.send(&Message { to, ..message() }.build().unwrap(), PASSWORD).sent();
    assert_eq!(sink.mail(1)["to"], serde_json::json!(["jürgen@xn--bcher-kva.example"]));
}

#[test]
fn each_failure_of_the_server_is_told_for_what_it_is() {
    let Some(sink) = Sink::start() else { return };
    let with = |mode: &str| {
        sink.mode(mode);
        sink.send(&letter(), PASSWORD)
    };
    with("busy").later(0, "421 4.3.2");
    with("refuse").never(Cause::Settings, "554 5.7.1 No mail here");
    with("greylist").later(0, "Greylisted");
    with("no-recipient").never(Cause::Recipient, "550 5.1.1");
    with("drop-at-data").later(0, "closed the connection before the mail itself");
    with("later").later(1, "451 4.3.0");
    with("reject").never(Cause::Message, "554 5.6.0");
    with("lose-and-drop").unsure("closed the connection");
    assert_eq!(sink.count(), 0, "what is not taken has not arrived");
    with("keep-and-drop").unsure("closed the connection");
    assert_eq!(sink.count(), 1, "what is unsure may have arrived");
    with("greylist").sent();
    assert_eq!(sink.count(), 2);
}
