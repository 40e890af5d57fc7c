//! Encryption and logins: the password goes to the right server over a locked line, or nowhere.

use super::{
    certificates::{Authority, Identity},
    *,
};

/// A login over STARTTLS with a server of our own authority.
fn starttls(authority: &Authority) -> Try {
    Try { security: Security::StartTls, login: true, ca_file: Some(authority.file()), ..plain() }
}

/// The plain part of a line that goes on encrypted.
fn begin(line: &mut Line, identity: &Identity) -> io::Result<()> {
    line.greet(&["STARTTLS", "AUTH PLAIN LOGIN"])?;
    line.answer("STARTTLS", "220 Go")?;
    line.lock(&identity.config())
}

fn plain_login() -> String {
    format!("AUTH PLAIN {}", Base64::encode_string(format!("\0{USER}\0{PASSWORD}").as_bytes()))
}

#[test]
fn the_password_crosses_only_a_locked_line() {
    let authority = Authority::new();
    let identity = authority.sign("localhost", 2099);
    let tried = starttls(&authority).with(move |line| {
        begin(line, &identity)?;
        line.offer(&["AUTH PLAIN LOGIN"])?;
        line.answer(&plain_login(), "235 2.7.0 Welcome")?;
        assert_eq!(line.take()?, letter().bytes);
        Ok(())
    });
    tried.sent();
    assert_eq!(String::from_utf8_lossy(&tried.heard.plain), "EHLO web01.example.org\r\nSTARTTLS\r\n");
}

#[test]
fn tls_from_the_first_byte() {
    let authority = Authority::new();
    let identity = authority.sign("localhost", 2099);
    let tried = Try { security: Security::Tls, ..starttls(&authority) }.with(move |line| {
        line.lock(&identity.config())?;
        line.greet(&["AUTH PLAIN"])?;
        line.answer(&plain_login(), "235 Ok")?;
        line.take().map(drop)
    });
    tried.sent();
    assert!(tried.heard.plain.is_empty());
}

#[test]
fn a_plain_server_where_tls_is_due_is_tried_later() {
    let authority = Authority::new();
    let tried = Try { security: Security::Tls, ..starttls(&authority) }.with(|line| {
        line.say("220 plain.example")?;
        line.listen()
    });
    tried.later(0, "while encryption was set up");
    tried.within(3);
}

#[test]
fn without_starttls_nothing_is_sent() {
    let authority = Authority::new();
    let none = starttls(&authority).with(|line| {
        line.greet(&["AUTH PLAIN LOGIN"])?;
        line.answer("QUIT", "221 Bye")
    });
    none.never(Cause::Settings, "offers no encryption (STARTTLS), and without it nothing is sent");
    let not_now = starttls(&authority).with(|line| {
        line.greet(&["STARTTLS"])?;
        line.answer("STARTTLS", "454 4.7.0 TLS not available")?;
        line.answer("QUIT", "221 Bye")
    });
    not_now.later(0, "offers encryption but did not start it (it said: 454");
    let refused = starttls(&authority).with(|line| {
        line.greet(&["STARTTLS"])?;
        line.answer("STARTTLS", "502 No")?;
        line.answer("QUIT", "221 Bye")
    });
    refused.never(Cause::Settings, "502 No");
}

#[test]
fn a_lock_that_does_not_close_is_tried_later() {
    let authority = Authority::new();
    let after = |bytes: &'static [u8], more: bool| {
        starttls(&authority).with(move |line| {
            line.greet(&["STARTTLS"])?;
            line.answer("STARTTLS", "220 Go")?;
            line.raw(bytes)?;
            if more { line.listen() } else { Ok(()) }
        })
    };
    after(b"", false).later(0, "closed the connection while encryption was set up");
    let silent = after(b"", true);
    silent.later(0, "took too long while encryption was set up");
    silent.within(3);
    // One record of 16,000 bytes, a byte at a time: each read gets something, the whole never comes.
    let drip = starttls(&authority).with(|line| {
        line.greet(&["STARTTLS"])?;
        line.answer("STARTTLS", "220 Go")?;
        line.raw(&[22, 3, 3, 62, 128])?;
        loop {
            line.raw(b"\x02")?;
            std::thread::sleep(STEP / 20);
        }
    });
    drip.later(0, "while encryption was set up");
    drip.within(3);
}

#[test]
fn what_was_said_before_the_lock_is_not_believed_after_it() {
    let authority = Authority::new();
    let identity = authority.sign("localhost", 2099);
    let injected = starttls(&authority).with(move |line| {
        line.greet(&["STARTTLS"])?;
        line.answer("STARTTLS", "220 Go\r\n250-evil\r\n250 AUTH PLAIN")?;
        line.lock(&identity.config())?;
        line.listen()
    });
    injected.later(0, "spoke in the clear where encryption should have begun");
    let garbage = starttls(&authority).with(|line| {
        line.greet(&["STARTTLS"])?;
        line.answer("STARTTLS", "220 Go")?;
        line.some(200)?;
        line.raw(b"250 this is no TLS at all, is it?\r\n")?;
        line.listen()
    });
    garbage.later(0, "while encryption was set up");
}

#[test]
fn a_server_that_is_not_the_right_one_gets_nothing() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    for (identity, words) in [
        (authority.sign("other.example", 2099), "localhost has a certificate for another name"),
        (authority.sign("localhost", 2020), "localhost has a certificate that is out of date"),
        (Identity::alone("localhost"), "from an authority that this machine does not know"),
        (stranger.sign("localhost", 2099), "from an authority that this machine does not know"),
    ] {
        let config = identity.config();
        let first = std::sync::Arc::clone(&config);
        let after = starttls(&authority).with(move |line| {
            line.greet(&["STARTTLS", "AUTH PLAIN"])?;
            line.answer("STARTTLS", "220 Go")?;
            line.lock(&config)?;
            line.listen()
        });
        after.never(Cause::Settings, words);
        let before = Try { security: Security::Tls, ..starttls(&authority) }.with(move |line| {
            line.lock(&first)?;
            line.listen()
        });
        before.never(Cause::Settings, words);
        assert!(before.heard.all.is_empty() && before.moments == 0);
    }
}

#[test]
fn a_file_of_authorities_that_is_missing_is_told() {
    let mut server = server("localhost", 9, Security::Tls);
    server.ca_file = Some("/nonexistent/ca.pem".into());
    let outcome = send(&Way::Smtp(server), &letter(), &mut || Ok::<(), String>(()));
    let Outcome::Never { why, cause: Cause::Settings } = outcome else { panic!("{outcome:?}") };
    assert!(why.contains("The file of certificates /nonexistent/ca.pem cannot be read"), "{why}");
}

/// A login to a server on this machine without encryption, which is allowed.
fn here() -> Try {
    Try { login: true, ..plain() }
}

/// Answers a login, and says goodbye.
fn told(answer: &'static str) -> Tried {
    here().with(move |line| {
        line.greet(&["AUTH PLAIN"])?;
        line.answer("AUTH PLAIN ", answer)?;
        line.answer("QUIT", "221 Bye")
    })
}

#[test]
fn a_wrong_password_is_told_in_a_sentence() {
    told("535 5.7.8 Authentication failed").never(
        Cause::Settings,
        "The mail server 127.0.0.1 did not accept the password (it said: 535 5.7.8 Authentication failed)",
    );
    told("534 5.7.9 Too weak").never(Cause::Settings, "did not accept the password");
    told("454 4.7.0 Try again").later(0, "cannot check the password now (it said: 454 4.7.0 Try again)");
    told("535 'correct horse battery' is wrong").never(Cause::Settings, "535 '…' is wrong");
}

#[test]
fn a_login_that_is_not_offered_is_not_tried() {
    for (offers, words) in [
        (&[][..], "offers no login; PLAIN or LOGIN is needed"),
        (&["AUTH CRAM-MD5 XOAUTH2"], "offers only logins that are not known here (CRAM-MD5, XOAUTH2)"),
    ] {
        let tried = here().with(move |line| {
            line.greet(offers)?;
            line.answer("QUIT", "221 Bye")
        });
        tried.never(Cause::Settings, words);
        tried.no_password();
    }
}

#[test]
fn the_old_ways_of_a_login_work() {
    let [user, password] = [USER, PASSWORD].map(|t| Base64::encode_string(t.as_bytes()));
    let old = here().with(move |line| {
        line.greet(&["AUTH=LOGIN"])?;
        line.answer("AUTH LOGIN", "334 VXNlcm5hbWU6")?;
        line.answer(&user, "334 UGFzc3dvcmQ6")?;
        line.answer(&password, "235 Ok")?;
        line.take().map(drop)
    });
    old.sent();
    let twice = here().with(|line| {
        line.greet(&["AUTH PLAIN"])?;
        line.answer("AUTH PLAIN", "334 ")?;
        line.hear()?;
        line.say("235 Ok")?;
        line.take().map(drop)
    });
    twice.sent();
}

#[test]
fn a_line_that_breaks_at_the_login_is_tried_later() {
    let tried = here().with(|line| {
        line.greet(&["AUTH PLAIN"])?;
        line.hear().map(drop)
    });
    tried.later(0, "closed the connection at the login");
}
