//! Releases that are refused, each with a sentence, while the program that was there stays.

use std::time::Instant;

use tar::EntryType;

use super::{
    release::{Content, OTHER},
    server::Answer,
    *,
};
use crate::mail::certificates::{Authority, Identity};

/// Tries to update, and must not.
fn refused(installed: &Installed, server: &Server) -> String {
    refused_from(installed, &source(server))
}

fn refused_from(installed: &Installed, source: &Source) -> String {
    let error = update(&installed.updater(), source).expect_err("it must be refused");
    installed.is_untouched();
    assert!(!error.hint().is_empty());
    error.to_string()
}

fn archive_path() -> String {
    format!("0.2.0/{}", name("0.2.0", X86))
}

/// A server with a good release.
fn with_release() -> (Server, Says, Vec<u8>) {
    let server = Server::start();
    let (says, bytes) = good("0.2.0", &script("0.2.0", "exit 0"));
    publish(&server, &says, &bytes);
    (server, says, bytes)
}

#[test]
fn what_a_server_says_must_be_signed_and_of_today() {
    let (server, says, bytes) = with_release();
    let installed = Installed::new();
    let unsigned = "what the server says about its releases was not signed by us, or it was changed on the way";
    let text = says.text();
    for signature in [signature(OTHER, text.as_bytes()), vec![], vec![0; 64], signature(OURS, b"something else")] {
        server.gives("stable.json.sig", signature);
        assert_eq!(refused(&installed, &server), unsigned);
    }
    server.forgets("stable.json.sig");
    assert_eq!(refused(&installed, &server), format!("the server localhost:{} has no stable.json.sig", server.port()));
    let says_now = |says: &Says| {
        publish(&server, says, &bytes);
        refused(&installed, &server)
    };
    let changed = |change: &dyn Fn(&mut Says)| {
        let mut other = says.clone();
        change(&mut other);
        says_now(&other)
    };
    let expired = changed(&|says| says.expires = "2026-11-30T00:00:00Z".to_owned());
    assert!(
        expired.starts_with(
            "the server says that 0.2.0 is the newest release, but that held only until 30 November 2026."
        ),
        "{expired}"
    );
    assert_eq!(
        changed(&|says| says.channel = "beta".to_owned()),
        "the server was asked for the channel `stable`, and answered with `beta`"
    );
    assert_eq!(
        changed(&|says| says.target = "aarch64-unknown-linux-gnu".to_owned()),
        "cleanbill 0.2.0 does not come for this kind of machine (x86_64-unknown-linux-gnu)"
    );
    let later = text.replace("\"format\":1", "\"format\":2");
    server.gives("stable.json", later.as_bytes());
    server.gives("stable.json.sig", signature(OURS, later.as_bytes()));
    assert!(refused(&installed, &server).contains("is for a newer cleanbill"));
    // Something else altogether, such as the page of a hotel.
    server.gives("stable.json", "<html>Welcome</html>");
    assert_eq!(refused(&installed, &server), unsigned);
}

#[test]
fn one_that_was_the_newest_is_not_shown_again() {
    let (server, says, bytes) = with_release();
    let installed = Installed::new();
    let mut newer = says.clone();
    (newer.version, newer.released) = ("0.3.0".to_owned(), "2026-11-28T00:00:00Z".to_owned());
    publish(&server, &newer, &bytes);
    installed.updater().find(&source(&server), &newest()).unwrap();
    publish(&server, &says, &bytes);
    let why = refused(&installed, &server);
    assert!(why.starts_with("the server says that 0.2.0 is the newest release, but 0.3.0 was there before."), "{why}");
    // What is remembered is no reason to stop where it was damaged.
    fs::write(installed.at("store/releases-seen.json"), "{").unwrap();
    assert!(update(&installed.updater(), &source(&server)).is_ok());
}

#[test]
fn no_bit_of_an_archive_can_be_changed() {
    let (server, says, bytes) = with_release();
    let installed = Installed::new();
    let shown = name("0.2.0", X86);
    let (announced, ours) = (
        format!("the archive {shown} is not the one that was announced, so it is not used"),
        format!("the archive {shown} was not signed by us under this name, or it was changed, so it is not used"),
    );
    let step = bytes.len() * 8 / 60;
    for bit in (0..bytes.len() * 8).step_by(step.max(1)) {
        let mut other = bytes.clone();
        other[bit / 8] ^= 1 << (bit % 8);
        publish(&server, &says, &other);
        assert_eq!(refused(&installed, &server), announced, "bit {bit}");
        // Even where a thief of what is said announced that very one.
        publish(&server, &Says::of("0.2.0", &other), &other);
        let why = refused(&installed, &server);
        assert!(why == ours || why.contains("is damaged"), "bit {bit}: {why}");
    }
}

#[test]
fn cut_off_at_every_kilobyte_it_is_refused() {
    let server = Server::start();
    let installed = Installed::new();
    // Something that cannot be packed, so that there are many kilobytes.
    let mut noise = Vec::new();
    let mut state = 1u32;
    noise.resize_with(40 << 10, || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    });
    let content = Content::new("0.2.0", X86)
        .file("share/doc/cleanbill/noise", &noise)
        .file("bin/cleanbill", script("0.2.0", "exit 0").as_bytes())
        .file("bin/cleanbill-daemon", b"#!/bin/sh\n");
    let bytes = signed(OURS, &name("0.2.0", X86), &content.done());
    let says = Says::of("0.2.0", &bytes);
    for at in (0..bytes.len()).step_by(1 << 10) {
        // A shorter file; one that breaks off; one that was announced as it is.
        publish(&server, &says, &bytes[..at]);
        let why = refused(&installed, &server);
        assert!(why.contains(&format!("has {at} bytes, and {} were announced", bytes.len())), "{at}: {why}");
        server.says(&archive_path(), Answer::Cut(bytes.clone(), at));
        let why = refused(&installed, &server);
        assert!(why.contains("broke off") || why.contains("could not be "), "{at}: {why}");
        publish(&server, &Says::of("0.2.0", &bytes[..at]), &bytes[..at]);
        let why = refused(&installed, &server);
        assert!(why.contains("was not signed by us") || why.contains("is damaged"), "{at}: {why}");
    }
    publish(&server, &says, &bytes);
    update(&installed.updater(), &source(&server)).unwrap();
}

#[test]
fn archives_are_not_exchanged_for_each_other() {
    let (server, ..) = with_release();
    let installed = Installed::new();
    let wrong = |bytes: &[u8]| {
        publish(&server, &Says { bytes: bytes.len(), ..Says::of("0.2.0", bytes) }, bytes);
        let why = refused(&installed, &server);
        assert!(why.contains("was not signed by us under this name"), "{why}");
    };
    let plain = archive("0.2.0", X86, script("0.2.0", "exit 0").as_bytes());
    // Without a signature; by someone else; of another release; for another platform.
    wrong(&plain);
    wrong(&signed(OTHER, &name("0.2.0", X86), &plain));
    wrong(&good("0.1.5", &script("0.1.5", "exit 0")).1);
    wrong(&signed(OURS, &name("0.2.0", "aarch64-unknown-linux-gnu"), &plain));
}

#[test]
fn even_what_is_signed_holds_nothing_but_plain_files() {
    let (server, ..) = with_release();
    let installed = Installed::new();
    let program = script("0.2.0", "exit 0");
    let content = || {
        Content::new("0.2.0", X86)
            .file("bin/cleanbill", program.as_bytes())
            .file("bin/cleanbill-daemon", b"#!/bin/sh\n")
    };
    let top = format!("cleanbill-0.2.0-{X86}");
    let refuse = |archive: Vec<u8>, why: &str| {
        let bytes = signed(OURS, &name("0.2.0", X86), &archive);
        publish(&server, &Says::of("0.2.0", &bytes), &bytes);
        let said = refused(&installed, &server);
        assert!(said.contains(why), "{said}");
    };
    let (elsewhere, neither) = ("holds a file that belongs elsewhere", "neither a file nor a folder");
    let below = |path: &str| format!("{top}/{path}");
    refuse(content().odd("../evil", EntryType::Regular, "", b"x").done(), elsewhere);
    refuse(content().odd(&below("../../evil"), EntryType::Regular, "", b"x").done(), elsewhere);
    refuse(content().odd("/etc/cron.d/evil", EntryType::Regular, "", b"x").done(), elsewhere);
    refuse(content().odd("other/file", EntryType::Regular, "", b"x").done(), elsewhere);
    refuse(content().odd(&below("share/link"), EntryType::Symlink, "/etc", b"").done(), neither);
    refuse(content().odd(&below("bin/more"), EntryType::Link, "/etc/shadow", b"").done(), neither);
    refuse(content().odd(&below("device"), EntryType::Block, "", b"").done(), neither);
    refuse(content().odd(&below("pipe"), EntryType::Fifo, "", b"").done(), neither);
    refuse(content().bomb("share/huge"), "holds more than any release does");
    refuse(Content::new("0.2.0", X86).file("bin/cleanbill", b"x").done(), "holds no cleanbill-daemon");
    refuse(Content::new("0.2.0", X86).done(), "holds no cleanbill");
    let link = Content::new("0.2.0", X86).odd(&below("bin/cleanbill"), EntryType::Symlink, "/bin/true", b"");
    refuse(link.file("bin/cleanbill-daemon", b"x").done(), neither);
    assert!(!installed.at("evil").exists());
}

#[test]
fn a_server_cannot_keep_us_or_fill_the_disk() {
    let (server, says, bytes) = with_release();
    let installed = Installed::new();
    let host = format!("the server localhost:{}", server.port());
    // More would be waited for than a test can.
    let silence = Duration::from_secs(2);
    let patience = Patience { connect: Duration::from_secs(20), silence, pace: 1 << 10 };
    let hurried = Source { patience, ..source(&server) };
    let answers = |path: &str, answer: Answer, why: &str| {
        publish(&server, &says, &bytes);
        server.says(path, answer);
        let start = Instant::now();
        let said = refused_from(&installed, &hurried);
        assert!(said.starts_with(&host) && said.contains(why), "{said}");
        assert!(start.elapsed() < Duration::from_secs(60), "it went on for {:?}", start.elapsed());
    };
    let slow = Duration::from_millis(60);
    for path in ["stable.json", "stable.json.sig"] {
        answers(path, Answer::Endless, "sends more than");
        answers(path, Answer::Silence, "did not answer in time");
        answers(path, Answer::File(vec![b' '; 1 << 20]), "sends more than");
        answers(path, Answer::Drip(vec![b' '; 2000], slow), "is too slow");
        answers(path, Answer::Status(500), "did not give");
        answers(path, Answer::Status(401), "does not let this machine in");
    }
    let path = archive_path();
    answers(&path, Answer::Endless, "sends more than");
    answers(&path, Answer::Silence, "did not answer in time");
    answers(&path, Answer::Drip(bytes.clone(), slow), "is too slow");
    answers(&path, Answer::Status(404), "has no 0.2.0/cleanbill-0.2.0");
    // One that stops in the middle, and says nothing more.
    answers(&path, Answer::Drip(bytes.clone(), Duration::from_secs(8)), "nothing came for too long");
    // What is announced as larger than any release is not even asked for.
    let mut huge = says.clone();
    huge.bytes = 10 << 30;
    publish(&server, &huge, &bytes);
    assert!(refused(&installed, &server).contains("an archive has 10737418240 bytes"));
}

#[test]
fn only_locked_lines_are_followed() {
    let (server, says, bytes) = with_release();
    let (other, ..) = with_release();
    let installed = Installed::new();
    let path = archive_path();
    let plain = format!("http://localhost:{}/{path}", server.port());
    for (path, to) in [("stable.json", plain.clone()), (&path, plain)] {
        publish(&server, &says, &bytes);
        server.says(path, Answer::Redirect(to));
        let why = refused(&installed, &server);
        assert!(why.contains("sends to an address that is not encrypted (http://localhost"), "{why}");
    }
    publish(&server, &says, &bytes);
    server.says(&path, Answer::Redirect(format!("{}/{path}", server.url)));
    assert!(refused(&installed, &server).contains("from one address to the next without end"));
    server.says(&path, Answer::Redirect("file:///etc/passwd".to_owned()));
    refused(&installed, &server);
    // A server whom nobody knows; a certificate for another name, and one that is out of date.
    let stranger = Source { ca_file: Some(other.authority.file()), ..source(&server) };
    let error = installed.updater().find(&stranger, &newest()).unwrap_err().to_string();
    assert!(error.contains("an authority that this machine does not know"), "{error}");
    for (name, until, why) in [("elsewhere.example", 2099, "for another name"), ("localhost", 2020, "out of date")] {
        let authority = Authority::new();
        let identity: Identity = authority.sign(name, until);
        let server = Server::with(authority, &identity);
        publish(&server, &says, &bytes);
        let said = refused(&installed, &server);
        assert!(said.contains(why), "{said}");
    }
    let http = Source { url: server.url.replace("https", "http"), ..source(&server) };
    let error = installed.updater().find(&http, &newest()).unwrap_err();
    assert!(error.to_string().contains("is no address of a server of releases"), "{error}");
    // A release that is only moved is taken.
    publish(&server, &says, &bytes);
    server.says(&path, Answer::Redirect(format!("{}/elsewhere", server.url)));
    server.gives("elsewhere", bytes);
    update(&installed.updater(), &source(&server)).unwrap();
}

#[test]
fn what_does_not_work_here_does_not_take_the_place_of_what_does() {
    let server = Server::start();
    let installed = Installed::new();
    let fails = |program: &str, why: &str| {
        let (says, bytes) = good("0.2.0", program);
        publish(&server, &says, &bytes);
        let said = refused(&installed, &server);
        let told =
            format!("cleanbill 0.2.0 was tried before it took the place of this one, and does not work here: {why}");
        assert!(said.starts_with(&told), "{said}");
    };
    fails(&script("0.2.0", "echo The history cannot be read. >&2; exit 3"), "The history cannot be read");
    fails(&script("0.2.0", "kill -SEGV $$"), "it ended without a word");
    fails(&script("0.1.9", "exit 0"), "it says that it is cleanbill 0.1.9");
    fails("#!/bin/sh\necho hello\n", "it is no cleanbill: it says `hello`");
    fails("\x7fELF of another machine", "it cannot be started (");
    fails("", "it cannot be started (");
    // It works where it is tried, and not in its place.
    let here = "case \"$0\" in */.cleanbill.update/*) ;; *) exit 9 ;; esac";
    let program = script("0.2.0", "exit 0").replace("#!/bin/sh\n", &format!("#!/bin/sh\n{here}\n"));
    let (says, bytes) = good("0.2.0", &program);
    publish(&server, &says, &bytes);
    assert_eq!(
        refused(&installed, &server),
        "cleanbill 0.2.0 did not work in its place: it ended without a word. The former one is back"
    );
}
