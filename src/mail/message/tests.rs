use super::*;

fn simple() -> Message {
    Message {
        from: "cleanbill on web01 <cleanbill@web01.example.org>".parse().unwrap(),
        to: "Anna <anna@example.org>".parse().unwrap(),
        reply_to: None,
        subject: "web01: all is well".to_owned(),
        text: "Hello\n.\nFrom here on\n".to_owned(),
        html: None,
        pictures: Vec::new(),
        attachments: Vec::new(),
        date: "2026-11-16T07:00:00Z".parse().unwrap(),
        id: MessageId::new("weekly.2026-11-16", "web01.example.org"),
        thread: None,
        unsubscribe: None,
        list: None,
    }
}

fn full() -> Message {
    Message {
        reply_to: Some("root".parse().unwrap()),
        html: Some("<p>Grüße <img src=\"cid:chart@web01\"></p>".to_owned()),
        pictures: vec![Picture { cid: "chart@web01".to_owned(), png: vec![0, 255, 13, 10, 46] }],
        attachments: vec![Attachment {
            name: "report.pdf".to_owned(),
            kind: "application/pdf".to_owned(),
            bytes: b"%PDF-1.7\n\n.\n".to_vec(),
        }],
        thread: Some(MessageId::new("thread", "web01.example.org")),
        unsubscribe: Some(Unsubscribe {
            mail: Some("root+x%y@example.org".parse().unwrap()),
            web: Some("https://example.org/stop?who=1".to_owned()),
        }),
        list: Some(("Reports of web01".to_owned(), "cleanbill.web01.example.org".to_owned())),
        ..simple()
    }
}

fn text(letter: &Letter) -> String {
    String::from_utf8(letter.bytes.clone()).unwrap()
}

/// The names of the fields before the first empty line.
fn fields(letter: &Letter) -> Vec<String> {
    let text = text(letter);
    let head = text.split("\r\n\r\n").next().unwrap();
    head.split("\r\n").filter(|l| !l.starts_with(' ')).map(|l| l.split(':').next().unwrap().to_owned()).collect()
}

#[test]
fn a_text_is_a_single_part() {
    let letter = simple().build().unwrap();
    assert_eq!(
        text(&letter),
        "Date: Mon, 16 Nov 2026 07:00:00 +0000\r\n\
         From: cleanbill on web01\r\n <cleanbill@web01.example.org>\r\n\
         To: Anna\r\n <anna@example.org>\r\n\
         Subject: web01: all is well\r\n\
         Message-ID: <weekly.2026-11-16@web01.example.org>\r\n\
         Auto-Submitted: auto-generated\r\n\
         X-Auto-Response-Suppress: All\r\n\
         MIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: quoted-printable\r\n\
         \r\n\
         Hello\r\n.\r\nFrom here on\r\n\r\n"
    );
    assert_eq!(
        (letter.from.to_string(), letter.to.to_string()),
        ("cleanbill@web01.example.org".into(), "anna@example.org".into())
    );
    assert_eq!(simple().build().unwrap(), letter, "the same mail is the same bytes");
}

#[test]
fn layers_hold_what_belongs_together() {
    let kinds = |message: &Message| -> Vec<String> {
        let text = text(&message.build().unwrap());
        let kind = |l: &str| l.strip_prefix("Content-Type: ").map(|k| k.split(';').next().unwrap().to_owned());
        text.lines().filter_map(kind).collect()
    };
    let all = [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "application/pdf",
    ];
    assert_eq!(kinds(&full()), all);
    let no_files = Message { attachments: Vec::new(), ..full() };
    assert_eq!(kinds(&no_files), all[1..6]);
    let no_pictures = Message { pictures: Vec::new(), ..no_files };
    assert_eq!(kinds(&no_pictures), ["multipart/alternative", "text/plain", "text/html"]);
    let text_and_file = Message { attachments: full().attachments, ..simple() };
    assert_eq!(kinds(&text_and_file), ["multipart/mixed", "text/plain", "application/pdf"]);
}

#[test]
fn fields_are_there_once() {
    let letter = full().build().unwrap();
    assert_eq!(
        fields(&letter),
        [
            "Date",
            "From",
            "To",
            "Reply-To",
            "Subject",
            "Message-ID",
            "In-Reply-To",
            "References",
            "List-Id",
            "List-Unsubscribe",
            "Auto-Submitted",
            "X-Auto-Response-Suppress",
            "MIME-Version",
            "Content-Type"
        ]
    );
    let text = text(&letter);
    for line in [
        "Reply-To: root@web01.example.org\r\n",
        "List-Id: Reports of web01\r\n <cleanbill.web01.example.org>\r\n",
        "List-Unsubscribe: <mailto:root%2Bx%25y@example.org?subject=unsubscribe>,\r\n <https://example.org/stop?who=1>\r\n",
        "In-Reply-To: <thread@web01.example.org>\r\n",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let first = Message { thread: Some(full().id), ..full() }.build().unwrap();
    assert!(!fields(&first).contains(&"References".to_owned()), "the first of a thread answers nothing");
}

#[test]
fn hostile_text_adds_no_field() {
    let plain = fields(&full().build().unwrap());
    let long = "x".repeat(10_000);
    let wide = "語".repeat(10_000);
    for evil in [
        "a\r\nBcc: eve@example.net",
        "a\r\n\r\n<script>alert(1)</script>",
        "\n",
        "\r",
        "",
        "=?utf-8?b?DQpCY2M6IGV2ZQ==?=",
        "\u{202e}gro.elpmaxe\u{2066}",
        "\"; filename=\"x.exe",
        "👩‍👩‍👧 \0\x1b[31m",
        "--=_x\r\n",
        &String::from_utf8_lossy(b"\xff\xfe\r\nX: y"),
        &long,
        &wide,
    ] {
        let mut message = full();
        message.from.name = Some(evil.to_owned());
        message.to.name = Some(evil.to_owned());
        message.reply_to = Some(Mailbox { name: Some(evil.to_owned()), address: message.from.address.clone() });
        message.subject = evil.to_owned();
        message.text = evil.to_owned();
        message.html = Some(evil.to_owned());
        message.attachments[0].name = evil.to_owned();
        message.list = Some((evil.to_owned(), "a.example".to_owned()));
        message.id = MessageId::new(evil, evil);
        let letter = message.build().unwrap_or_else(|e| panic!("{evil:?}: {e}"));
        assert_eq!(fields(&letter), plain, "{evil:?}");
        assert!(letter.bytes.is_ascii() && letter.flaw().is_none());
        assert!(text(&letter).split("\r\n").all(|l| l.len() <= 280), "{evil:?}");
    }
}

#[test]
fn what_does_not_fit_is_told() {
    let error = |change: &dyn Fn(&mut Message)| {
        let mut message = full();
        change(&mut message);
        message.build().unwrap_err().to_string()
    };
    assert!(error(&|m| m.from = "root".parse().unwrap()).contains("needs a domain"));
    assert!(error(&|m| m.from = "jürgen@example.org".parse().unwrap()).contains("plain letters"));
    assert!(error(&|m| m.html = None).contains("has none"));
    assert!(error(&|m| m.pictures[0].cid = "a>\r\nX: y".to_owned()).contains("name of a picture"));
    assert!(error(&|m| m.attachments[0].kind = "text/html\r\nX: y".to_owned()).contains("type of file"));
    assert!(error(&|m| m.unsubscribe = Some(Unsubscribe::default())).contains("unsubscribe"));
    assert!(error(&|m| m.list = Some((String::new(), "x>\r\ny".to_owned()))).contains("for a list"));
    for web in ["http://example.org", "https://a b", "https://x>\r\nX: y", "javascript:alert(1)"] {
        let change = |m: &mut Message| m.unsubscribe = Some(Unsubscribe { mail: None, web: Some(web.to_owned()) });
        assert!(error(&change).contains("unsubscribe"), "{web}");
    }
}

#[test]
fn only_the_recipient_may_have_letters_beyond_ascii() {
    let letter = Message { to: "Jürgen <jürgen@bücher.example>".parse().unwrap(), ..simple() }.build().unwrap();
    let text = text(&letter);
    assert!(text.contains("<jürgen@xn--bcher-kva.example>\r\n"), "{text}");
    let without: String = text.split("<jürgen@").collect();
    assert!(without.is_ascii());
}

#[test]
fn a_damaged_mail_is_seen() {
    let letter = simple().build().unwrap();
    let with = |bytes: &[u8]| Letter { bytes: [letter.bytes.as_slice(), bytes].concat(), ..letter.clone() }.flaw();
    assert_eq!(with(b"fine\r\n"), None);
    for wrong in
        [&b"a\nb\r\n"[..], b"a\rb\r\n", b"no end", b"a\0\r\n", &[&[b'x'; 999][..], b"\r\n"].concat(), b"\r\n.\n\r\n"]
    {
        assert!(with(wrong).is_some(), "{:?}", String::from_utf8_lossy(wrong));
    }
}
