//! What goes wrong at each stage of a mail, and what is told of it.

use std::{thread::sleep, time::Duration};

use super::*;

#[test]
fn a_mail_arrives_byte_by_byte_as_it_was() {
    let tried = plain().with(|line| {
        line.greet(&["SIZE 1000000", "8BITMIME", "STARTTLS"])?;
        let body = line.take()?;
        assert_eq!(body, letter().bytes);
        Ok(())
    });
    tried.sent();
    let heard = String::from_utf8(tried.heard.plain).unwrap();
    assert!(heard.starts_with("EHLO web01.example.org\r\nMAIL FROM:<cleanbill@web01.example.org> SIZE="), "{heard}");
    assert!(heard.ends_with("\r\n.\r\nQUIT\r\n"), "{heard}");
}

#[test]
fn a_server_that_is_not_there_is_tried_later() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let way = Way::Smtp(server("127.0.0.1", port, Security::None));
    let outcome = send(&way, &letter(), &mut || -> Result<(), String> { panic!("nothing goes out") });
    let Outcome::Later { why } = outcome else { panic!("{outcome:?}") };
    assert!(why.starts_with("The mail server 127.0.0.1 could not be reached ("), "{why}");
}

#[test]
fn a_greeting_may_come_late_but_not_never() {
    let late = plain().with(|line| {
        sleep(STEP / 2);
        line.greet(&[])?;
        line.take().map(drop)
    });
    late.sent();
    let never = plain().with(|line| line.listen());
    never.later(0, "took too long before it said hello");
    never.within(3);
    assert!(never.heard.all.is_empty(), "nothing is said to a server that has not greeted");
}

#[test]
fn a_refusal_is_told_in_the_servers_words() {
    let refused = plain().with(|line| {
        line.say("554-5.7.1 No mail from here,\r\n554 5.7.1 go away\u{202e}\x1b[31m")?;
        line.answer("QUIT", "221 Bye")
    });
    refused.never(
        Cause::Settings,
        "The mail server 127.0.0.1 takes no mail from this machine (it said: 554 5.7.1 No mail from here, 5.7.1 go away\u{fffd}\u{fffd}[31m)",
    );
    let busy = plain().with(|line| {
        line.say("421 4.3.2 Too busy")?;
        line.answer("QUIT", "221 Bye")
    });
    busy.later(0, "421 4.3.2 Too busy");
}

/// What the server says at one stage, and what becomes of the mail.
fn at(stage: &'static str, answer: &'static str) -> Tried {
    plain().with(move |line| {
        let say = |here: &str, usual: &'static str| if stage == here { answer } else { usual };
        line.say("220 evil.example")?;
        line.answer("EHLO", say("EHLO", "250 evil.example"))?;
        for (command, usual) in [("MAIL", "250 Ok"), ("RCPT", "250 Ok"), ("DATA", "354 Go")] {
            if line.hear()? == "QUIT" {
                return line.say("221 Bye");
            }
            line.say(say(command, usual))?;
        }
        if stage != "DATA" {
            line.body()?;
            line.say(say("body", "250 Ok"))?;
        }
        line.answer("QUIT", "221 Bye")
    })
}

#[test]
fn a_no_is_for_good_and_says_what_must_change() {
    at("EHLO", "502 5.5.1 No").never(Cause::Settings, "did not like our hello, web01.example.org");
    at("MAIL", "550 5.1.8 Bad sender").never(Cause::Settings, "does not take mail from cleanbill@web01.example.org");
    at("MAIL", "552 5.3.4 Too big").never(Cause::Message, "552 5.3.4 Too big");
    at("RCPT", "550 5.1.1 Unknown").never(Cause::Recipient, "does not take mail for anna@example.org (it said: 550");
    at("RCPT", "554 5.7.1 Relay access denied").never(Cause::Settings, "Relay access denied");
    at("RCPT", "530 5.7.0 Authentication required").never(Cause::Settings, "Authentication required");
    at("DATA", "554 5.5.1 No").never(Cause::Message, "did not want the mail");
    let spam = at("body", "554 5.7.1 Spam");
    spam.never(Cause::Message, "did not take the mail (it said: 554 5.7.1 Spam)");
    assert_eq!(spam.moments, 1);
    at("body", "550 5.1.1 Unknown").never(Cause::Recipient, "Unknown");
}

#[test]
fn a_not_now_is_tried_later_at_any_stage() {
    for stage in ["EHLO", "MAIL", "RCPT", "DATA"] {
        at(stage, "421 4.3.2 Closing").later(0, "421 4.3.2 Closing");
        at(stage, "451-4.7.1 Greylisted\r\n451 4.7.1 Come again").later(0, "Greylisted 4.7.1 Come again");
    }
    at("body", "451 4.3.0 Disk full").later(1, "did not take the mail (it said: 451 4.3.0 Disk full)");
    at("body", "421 4.3.2 Closing").later(1, "421");
}

#[test]
fn an_answer_that_does_not_belong_is_no_success() {
    for answer in ["hello", "199 what", "250-ok\r\n251 two codes", "\u{fffd}", "25"] {
        at("RCPT", answer).later(0, "is not the language of mail servers");
        at("body", answer).unsure("is not the language of mail servers");
    }
    at("DATA", "250 Ok").later(0, "did not want the mail");
    at("body", "354 More").unsure("does not belong there");
}

#[test]
fn a_line_that_breaks_before_the_mail_is_tried_later() {
    for (stage, words) in [
        (0, "closed the connection before it said hello"),
        (1, "closed the connection after our hello"),
        (2, "closed the connection when it heard the sender"),
        (3, "closed the connection when it heard the recipient"),
        (4, "closed the connection before the mail itself"),
    ] {
        let tried = plain().with(move |line| {
            for (at, answer) in ["220 evil", "250 evil", "250 Ok", "250 Ok"].iter().enumerate() {
                if at == stage {
                    return Ok(());
                }
                line.say(answer)?;
                line.hear()?;
            }
            Ok(())
        });
        tried.later(0, words);
        tried.no_dot();
    }
}

#[test]
fn a_line_that_breaks_within_the_mail_is_tried_later() {
    let big = Try { letter: large(8 << 20), ..plain() };
    let tried = big.with(|line| {
        line.greet(&[])?;
        line.envelope()?;
        line.some(100_000)
    });
    tried.later(1, "while the mail was written, before its end");
    tried.no_dot();
}

#[test]
fn a_server_that_stops_reading_is_left() {
    let big = Try { letter: large(16 << 20), ..plain() };
    let tried = big.with(|line| {
        line.greet(&[])?;
        line.envelope()?;
        sleep(STEP * 6);
        Ok(())
    });
    tried.later(1, "took too long while the mail was written");
    tried.within(5);
    tried.no_dot();
}

#[test]
fn a_server_that_says_no_within_the_mail_is_heard() {
    let big = Try { letter: large(1 << 20), ..plain() };
    let tried = big.with(|line| {
        line.greet(&[])?;
        line.envelope()?;
        line.say("552 5.3.4 Enough")?;
        line.listen()
    });
    tried.never(Cause::Message, "552 5.3.4 Enough");
}

#[test]
fn without_an_answer_to_the_mail_nobody_knows() {
    let dropped = plain().with(|line| {
        line.greet(&[])?;
        line.envelope()?;
        line.body().map(drop)
    });
    dropped.unsure(
        "closed the connection before it said whether it took it. It may have arrived, so it is not sent again",
    );
    let silent = plain().with(|line| {
        line.greet(&[])?;
        line.envelope()?;
        line.body()?;
        line.listen()
    });
    silent.unsure("took too long before it said whether it took it");
    silent.within(8);
    let half = plain().with(|line| {
        line.greet(&[])?;
        line.envelope()?;
        line.body()?;
        line.raw(b"250-2.0.0 Ok\r\n250")
    });
    half.unsure("closed the connection");
}

#[test]
fn after_a_yes_the_goodbye_does_not_matter() {
    for goodbye in ["", "500 What?\r\n", "\0\0\0"] {
        let tried = plain().with(move |line| {
            line.greet(&[])?;
            line.envelope()?;
            line.body()?;
            line.say("250 2.0.0 Ok: queued as 4711")?;
            line.raw(goodbye.as_bytes())
        });
        tried.sent();
        tried.sentence("(it said: 250 2.0.0 Ok: queued as 4711)");
    }
    let silent = plain().with(|line| {
        line.greet(&[])?;
        line.envelope()?;
        line.body()?;
        line.say("250 Ok")?;
        line.listen()
    });
    silent.sent();
    silent.within(4);
}

/// Says something again and again until nobody listens.
fn for_ever(line: &mut Line, bytes: &[u8], pause: Duration) -> io::Result<()> {
    loop {
        line.raw(bytes)?;
        sleep(pause);
    }
}

#[test]
fn nothing_goes_on_for_ever() {
    let drip = plain().with(|line| for_ever(line, b"2", STEP / 20));
    drip.later(0, "before it said hello");
    drip.within(3);
    let endless = plain().with(|line| {
        line.say("220 evil")?;
        line.hear()?;
        for_ever(line, b"250-more\r\n", Duration::ZERO)
    });
    endless.later(0, "is not the language of mail servers after our hello");
    endless.within(3);
    let slow_lines = plain().with(|line| {
        line.say("220 evil")?;
        line.hear()?;
        for_ever(line, b"250-more\r\n", STEP / 20)
    });
    slow_lines.later(0, "took too long after our hello");
    slow_lines.within(3);
    let wide = plain().with(|line| {
        line.raw(b"220 ")?;
        line.raw(&vec![b'x'; 1 << 20])?;
        line.listen()
    });
    wide.later(0, "is not the language of mail servers before it said hello");
    let late_drip = plain().with(|line| {
        line.greet(&[])?;
        line.envelope()?;
        line.body()?;
        for_ever(line, b"2", STEP / 10)
    });
    late_drip.unsure("before it said whether it took it");
    late_drip.within(8);
}

#[test]
fn all_steps_together_have_an_end_too() {
    let tried = Try { login: true, ..plain() }.with(|line| {
        sleep(STEP * 4 / 5);
        line.say("220 evil")?;
        for answer in
            ["250-evil\r\n250 AUTH LOGIN", "334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "235 Ok", "250 Ok", "250 Ok"]
        {
            line.hear()?;
            sleep(STEP * 4 / 5);
            line.say(answer)?;
        }
        line.listen()
    });
    tried.later(0, "took too long");
    tried.within(7);
}

#[test]
fn letters_beyond_ascii_need_a_server_that_takes_them() {
    let jürgen = || {
        let to = "Jürgen <jürgen@bücher.example>".parse().unwrap();
        Try { letter: Message { to, ..message() }.build().unwrap(), ..plain() }
    };
    let taken = jürgen().with(|line| {
        line.greet(&["8BITMIME", "SMTPUTF8"])?;
        line.answer("MAIL FROM:<cleanbill@web01.example.org> BODY=8BITMIME SMTPUTF8", "250 Ok")?;
        line.answer("RCPT TO:<jürgen@xn--bcher-kva.example>", "250 Ok")?;
        line.answer("DATA", "354 Go")?;
        line.body()?;
        line.say("250 Ok")?;
        line.answer("QUIT", "221 Bye")
    });
    taken.sent();
    for offers in [&[][..], &["8BITMIME"]] {
        let refused = jürgen().with(move |line| {
            line.greet(offers)?;
            line.answer("QUIT", "221 Bye")
        });
        refused.never(Cause::Recipient, "takes no addresses with other than plain letters before the @ (SMTPUTF8)");
    }
}

#[test]
fn a_name_that_no_machine_has_is_not_said() {
    for hello in [None, Some("web01\r\nMAIL FROM:<eve@example.net>"), Some("<script>"), Some("")] {
        let evil = Evil::new(|line| line.greet(&[]));
        let mut server = server("127.0.0.1", evil.port, Security::None);
        server.hello = hello.map(str::to_owned);
        send(&Way::Smtp(server), &letter(), &mut || Ok::<(), String>(()));
        let heard = String::from_utf8(evil.end().all).unwrap();
        assert!(heard.starts_with("EHLO [127.0.0.1]\r\n") && !heard.contains("eve"), "{heard}");
    }
}

#[test]
fn a_mail_that_is_too_large_is_not_begun() {
    let tried = plain().with(|line| {
        line.greet(&["SIZE 100"])?;
        line.answer("QUIT", "221 Bye")
    });
    tried.never(Cause::Message, "takes mails of at most 100 bytes, and this one has");
}

#[test]
fn what_cannot_be_written_down_is_not_sent() {
    let evil = Evil::new(|line| {
        line.greet(&[])?;
        line.envelope()?;
        line.listen()
    });
    let way = Way::Smtp(server("127.0.0.1", evil.port, Security::None));
    let outcome = send(&way, &letter(), &mut || Err("the disk is full"));
    let Outcome::Later { why } = outcome else { panic!("{outcome:?}") };
    assert!(why.contains("so it was not sent (the disk is full)"), "{why}");
    let heard = String::from_utf8(evil.end().all).unwrap();
    assert!(heard.ends_with("DATA\r\n"), "not even a goodbye, which would be part of the mail: {heard}");
}

#[test]
fn what_cannot_go_to_a_server_is_told_before() {
    let nobody = || {
        let mut server = server("mail.invalid", 25, Security::None);
        server.timeout = Duration::from_millis(1);
        Way::Smtp(server)
    };
    let ask =
        |way: &Way, letter: &Letter| send(way, letter, &mut || -> Result<(), String> { panic!("nothing goes out") });
    let root = Message { to: "root".parse().unwrap(), ..message() }.build().unwrap();
    let outcome = ask(&nobody(), &root);
    assert!(
        matches!(&outcome, Outcome::Never { why, cause: Cause::Recipient } if why.contains("root@example.org")),
        "{outcome:?}"
    );
    let damaged = Letter { bytes: b"Subject: x\r\n\r\na\n.\r\n".to_vec(), ..letter() };
    let outcome = ask(&nobody(), &damaged);
    assert!(matches!(&outcome, Outcome::Never { cause: Cause::Message, .. }), "{outcome:?}");
    let mut open = server("mail.example.org", 25, Security::None);
    open.login = login();
    let outcome = ask(&Way::Smtp(open), &letter());
    assert!(
        matches!(&outcome, Outcome::Never { why, cause: Cause::Settings } if why.contains("not encrypted")),
        "{outcome:?}"
    );
}
