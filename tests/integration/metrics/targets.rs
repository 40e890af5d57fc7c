//! What should answer, against servers that do, that do not, and that do what no server should.

use std::{
    collections::BTreeMap,
    io::{Read as _, Write},
    net::{TcpListener, TcpStream, UdpSocket},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use cleanbill::{
    config::{Length, Metrics, Target},
    host::Host,
    metrics::{Collector, Wanted, With, since_start},
};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::mail::certificates::{Authority, Identity};

/// Time enough for whatever answers, little enough for what does not.
const TIME: u64 = 2;

/// What was measured of targets, and what was said of those that are not right.
struct Asked {
    told: BTreeMap<String, f64>,
    why: String,
}

impl Asked {
    fn of(&self, metric: &str, target: &str) -> Option<f64> {
        self.told.get(&format!("{metric}{{{target}}}")).copied()
    }

    /// What a failure was counted as.
    fn failure(&self, target: &str) -> Option<&str> {
        let name = format!("target.failures{{{target},");
        self.told.keys().find_map(|key| key.strip_prefix(&name)?.strip_suffix('}'))
    }
}

/// Asks each of them once.
fn ask(targets: &[(&str, String)]) -> Asked {
    let targets = targets.iter().map(|(name, url)| (*name, target(url))).collect::<Vec<_>>();
    ask_all(&targets)
}

fn target(url: &str) -> Target {
    Target {
        url: url.to_owned(),
        every: Length::seconds(3600),
        timeout: Length::seconds(TIME),
        status: None,
        ca_file: None,
    }
}

fn ask_all(targets: &[(&str, Target)]) -> Asked {
    let targets = targets.iter().map(|(name, target)| ((*name).to_owned(), target.clone())).collect();
    let with = With::new(Host::live().unwrap(), Metrics { targets, ..Metrics::default() });
    let mut collector = Collector::new(&with, &Wanted::Only(vec!["targets".to_owned()]));
    collector.sample(since_start());
    let values = collector.wait(Duration::from_secs(60));
    let told = values.values().iter().filter_map(|value| {
        let series = values.series(value.series)?;
        Some((format!("{}{{{}}}", series.metric.name, series.labels.join(",")), value.value?))
    });
    let told = told.collect();
    let why = collector.gaps().map(|(_, gap)| format!("{}: {}", gap.what, gap.why())).collect();
    Asked { told, why }
}

/// A server on loopback that does this with each connection; where it is.
fn serve(act: impl Fn(TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("127.0.0.1:{}", listener.local_addr().unwrap().port());
    let act = Arc::new(act);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let act = Arc::clone(&act);
            std::thread::spawn(move || act(stream));
        }
    });
    address
}

/// Reads a request to its end.
fn request(stream: &mut impl std::io::Read) -> String {
    let (mut text, mut byte) = (Vec::new(), [0]);
    while !text.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n > 0) {
        text.push(byte[0]);
    }
    String::from_utf8(text).unwrap()
}

/// A web server that answers this to everything.
fn answers(said: &'static [u8]) -> String {
    serve(move |mut stream| {
        request(&mut stream);
        let _ = stream.write_all(said);
    })
}

/// It writes the same until nobody listens.
fn without_end(mut stream: TcpStream, start: &[u8], again: &[u8], pause: Duration) {
    request(&mut stream);
    let _ = stream.write_all(start);
    while stream.write_all(again).is_ok() {
        std::thread::sleep(pause);
    }
}

const FINE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

#[test]
fn a_page_is_asked_for_as_any_visitor_would() {
    let elsewhere = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&elsewhere);
    let other = serve(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    let moved = serve(move |mut stream| {
        let said = request(&mut stream);
        assert!(said.starts_with("GET /a%20b?c=d HTTP/1.1\r\nHost: 127.0.0.1:"), "{said}");
        assert!(said.contains("\r\nConnection: close\r\n") && said.contains("User-Agent: cleanbill/"), "{said}");
        let _ = write!(stream, "HTTP/1.1 302 Found\r\nLocation: http://{other}/\r\nContent-Length: 0\r\n\r\n");
    });
    let busy = answers(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
    let mut wanted = target(&format!("http://{busy}/"));
    wanted.status = Some(503);
    let asked = ask_all(&[
        ("fine", target(&format!("http://{}/", answers(FINE)))),
        ("moved", target(&format!("http://{moved}/a b?c=d#e"))),
        ("busy", target(&format!("http://{busy}/"))),
        ("wanted", wanted),
    ]);
    let up = ["fine", "moved", "busy", "wanted"].map(|name| asked.of("target.up", name).unwrap());
    assert_eq!(up, [1.0, 1.0, 0.0, 1.0], "{}", asked.why);
    let status = ["fine", "moved", "busy"].map(|name| asked.of("http.response.status_code", name).unwrap());
    assert_eq!(status, [200.0, 302.0, 503.0]);
    assert_eq!(elsewhere.load(Ordering::Relaxed), 0, "nothing is followed");
    assert_eq!((asked.failure("busy"), asked.failure("fine")), (Some("status"), None));
    assert_eq!(asked.why, "that busy works: it answered with status 503");
    let parts: f64 = ["resolve", "connect", "processing", "transfer"]
        .map(|part| asked.told[&format!("http.client.request.phase.duration{{fine,{part}}}")])
        .iter()
        .sum();
    let whole = asked.of("http.client.request.duration", "fine").unwrap();
    assert!(parts > 0.0 && parts <= whole, "{parts} of {whole}");
    assert!(asked.of("http.client.request.duration", "busy").is_some(), "it did answer");
    assert!(!asked.told.keys().any(|name| name.contains("tls")), "{:?}", asked.told);
}

#[test]
fn servers_that_do_what_no_server_should_end_at_a_limit() {
    let silent = serve(|stream| {
        std::thread::sleep(Duration::from_secs(60));
        drop(stream);
    });
    let drips = serve(|stream| without_end(stream, b"HTTP/1.1 200 OK\r\nX: ", b"y", Duration::from_millis(300)));
    let drips_body = serve(|stream| without_end(stream, b"HTTP/1.1 200 OK\r\n\r\n", b"y", Duration::from_millis(300)));
    let headers = serve(|stream| without_end(stream, b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", Duration::ZERO));
    let body = serve(|stream| without_end(stream, b"HTTP/1.1 200 OK\r\n\r\n", &[b'x'; 64 << 10], Duration::ZERO));
    let chunks = b"Transfer-Encoding: chunked\r\n\r\n";
    let chunks = serve(|stream| {
        without_end(
            stream,
            &[b"HTTP/1.1 200 OK\r\n", &chunks[..]].concat(),
            &b"1\r\nx\r\n".repeat(9000),
            Duration::ZERO,
        )
    });
    let resets = serve(|stream| {
        // What was not read when a line is closed makes the kernel cut it.
        std::thread::sleep(Duration::from_millis(100));
        drop(stream);
    });
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let cases = [
        ("silent", silent, "timeout"),
        ("drips", drips, "timeout"),
        ("drips-body", drips_body, "timeout"),
        ("headers", headers, "protocol"),
        ("body", body, "protocol"),
        ("chunks", chunks, "protocol"),
        ("resets", resets, "protocol"),
        ("cut-off", answers(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello"), "protocol"),
        ("garbage", answers(b"\x00\x1b[31m\xff\xfe"), "protocol"),
        ("empty", answers(b""), "protocol"),
        ("ssh", serve(|mut stream| drop(stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n"))), "protocol"),
        ("closed", closed.to_string(), "connection"),
        ("nowhere", "no-such-host.invalid".to_owned(), "name_resolution"),
    ];
    let mut targets: Vec<(&str, String)> = cases.iter().map(|(n, a, _)| (*n, format!("http://{a}/"))).collect();
    targets.push(("fine", format!("http://{}/", answers(FINE))));
    let asked = ask(&targets);
    for (name, _, kind) in &cases {
        assert_eq!(asked.of("target.up", name), Some(0.0), "{name}");
        assert_eq!(asked.of("http.client.request.duration", name), None, "{name}");
        let failure = asked.failure(name);
        // A name server that does not answer in time is no proof of anything.
        assert!(failure == Some(kind) || (*name == "nowhere" && failure == Some("timeout")), "{name}: {failure:?}");
    }
    assert_eq!(asked.of("target.up", "fine"), Some(1.0));
    assert!(asked.why.contains("and 8 more work: "), "{}", asked.why);
    for (name, address, told) in [
        ("headers", &cases[3].1, "it sent more than 64 kB of headers"),
        ("body", &cases[4].1, "it sent an answer of more than 10 MB, and no more is read"),
        ("closed", &cases[11].1, "it could not be reached (Connection refused"),
        ("drips", &cases[1].1, "it took too long: its time was up in the middle of its answer"),
    ] {
        let why = ask(&[(name, format!("http://{address}/"))]).why;
        assert!(why.starts_with(&format!("that {name} works: {told}")), "{why}");
    }
}

/// An encrypted web server with that certificate.
fn encrypted(config: Arc<ServerConfig>) -> String {
    let address = serve(move |stream| {
        let Ok(connection) = ServerConnection::new(Arc::clone(&config)) else { return };
        let mut tls = StreamOwned::new(connection, stream);
        request(&mut tls);
        let _ = tls.write_all(FINE).and_then(|()| tls.flush());
        tls.conn.send_close_notify();
        let _ = tls.conn.complete_io(&mut tls.sock);
    });
    address.replace("127.0.0.1", "localhost")
}

#[test]
fn a_certificate_is_told_whether_it_is_believed_or_not() {
    let authority = Authority::new();
    let trusting = |address: &str, ca_file: &Path| {
        let mut target = target(&format!("https://{address}/"));
        target.ca_file = Some(ca_file.to_owned());
        target
    };
    let own = authority.file();
    let good = encrypted(authority.sign("localhost", 2100).config());
    let alone = Identity::alone("localhost");
    let [own_file, _] = alone.files(own.parent().unwrap());
    let alone = encrypted(alone.config());
    let folder = tempfile::tempdir().unwrap();
    let made = Identity::own_authority("localhost");
    let [made_file, _] = made.files(folder.path());
    let made = encrypted(made.config());
    let plain = serve(|mut stream| {
        let _ = stream.read(&mut [0; 5]);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let silent = serve(|stream| {
        std::thread::sleep(Duration::from_secs(60));
        drop(stream);
    });
    let closes = serve(drop);
    let nothing = own.with_extension("missing");
    let expired = authority.sign("localhost", 2020);
    let cases = [
        ("good", trusting(&good, &own), None, Some(1.0), ""),
        ("expired", trusting(&encrypted(expired.config()), &own), Some("certificate"), Some(0.0), "is out of date"),
        (
            "other",
            trusting(&encrypted(authority.sign("example.org", 2100).config()), &own),
            Some("certificate"),
            Some(0.0),
            "for another name",
        ),
        ("alone", trusting(&alone, &own), Some("certificate"), Some(0.0), "does not know"),
        ("named", trusting(&alone, &own_file), None, Some(1.0), ""),
        ("made", trusting(&made, &made_file), None, Some(1.0), ""),
        ("made-alone", trusting(&made, &own), Some("certificate"), Some(0.0), "that it signed itself"),
        (
            "made-for-other",
            trusting(&made.replace("localhost", "127.0.0.1"), &made_file),
            Some("certificate"),
            Some(0.0),
            "for another name",
        ),
        ("named-other", trusting(&good, &own_file), Some("certificate"), Some(0.0), "does not know"),
        ("unknown", target(&format!("https://{good}/")), Some("certificate"), Some(0.0), ""),
        ("no-file", trusting(&good, &nothing), Some("certificate"), Some(0.0), "missing cannot be read"),
        ("plain", trusting(&plain, &own), Some("tls"), None, "could not agree on encryption"),
        ("silent", trusting(&silent, &own), Some("timeout"), None, "before the line was locked"),
        ("closes", trusting(&closes, &own), Some("protocol"), None, "closed the connection before the line was locked"),
    ];
    let targets: Vec<(&str, Target)> = cases.iter().map(|(name, target, ..)| (*name, target.clone())).collect();
    let asked = ask_all(&targets);
    for (name, target, failure, trusted, told) in &cases {
        assert_eq!(asked.of("target.up", name), Some(f64::from(u8::from(failure.is_none()))), "{name}: {}", asked.why);
        assert_eq!(asked.failure(name), *failure, "{name}: {}", asked.why);
        assert_eq!(asked.of("tls.certificate.trusted", name), *trusted, "{name}");
        assert_eq!(asked.of("tls.certificate.days_left", name).is_some(), trusted.is_some(), "{name}");
        if failure.is_some() {
            let why = ask_all(&[(name, target.clone())]).why;
            assert!(why.contains(told), "{name}: {why}");
        }
    }
    assert!(asked.of("tls.certificate.days_left", "good").unwrap() > 10_000.0);
    assert!(asked.of("tls.certificate.days_left", "expired").unwrap() < -1000.0);
    assert!(asked.told.contains_key("http.client.request.phase.duration{good,tls}"));
    assert_eq!(asked.of("http.response.status_code", "good"), Some(200.0));
    assert_eq!(
        asked.of("http.response.status_code", "expired"),
        None,
        "nothing is asked of a server that is not believed"
    );
}

#[test]
fn a_port_is_only_knocked_at() {
    let heard = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&heard);
    let open = serve(move |mut stream| {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        count.fetch_add(bytes.len(), Ordering::Relaxed);
    });
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let asked = ask(&[("open", format!("tcp://{open}")), ("closed", format!("tcp://{closed}"))]);
    assert_eq!(["open", "closed"].map(|name| asked.of("target.up", name)), [Some(1.0), Some(0.0)]);
    assert!(asked.of("tcp.connect.duration", "open").is_some() && asked.of("tcp.connect.duration", "closed").is_none());
    assert_eq!(heard.load(Ordering::Relaxed), 0);
}

/// A name server that answers like this; where it is.
fn names(answer: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send + 'static) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let mut packet = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut packet) {
            for said in answer(&packet[..length]) {
                let _ = socket.send_to(&said, from);
            }
        }
    });
    address
}

/// The answer to a question: 192.0.2.1, with that code.
fn answer(question: &[u8], code: u8) -> Vec<u8> {
    let mut said = question.to_vec();
    said[2] |= 0x80;
    said[3] = 0x80 | code;
    if code == 0 {
        said[7] = 1;
        said.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1]);
    }
    said
}

/// The same under another number.
fn lie(question: &[u8]) -> Vec<u8> {
    let mut said = answer(question, 0);
    said[0] ^= 0x55;
    said
}

#[test]
fn name_servers_that_answer_refuse_lie_and_say_nothing() {
    let none = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let cases = [
        ("good", names(|q| vec![answer(q, 0)]), None, Some(0.0), ""),
        ("after-lies", names(|q| vec![lie(q), b"junk".to_vec(), answer(q, 0)]), None, Some(0.0), ""),
        ("refuses", names(|q| vec![answer(q, 5)]), Some("status"), Some(5.0), "refused to answer"),
        ("unknown", names(|q| vec![answer(q, 3)]), Some("status"), Some(3.0), "does not know that name"),
        ("fails", names(|q| vec![answer(q, 2)]), Some("status"), Some(2.0), "SERVFAIL"),
        ("lies", names(|q| vec![lie(q)]), Some("protocol"), None, "an answer with the wrong number"),
        ("junk", names(|_| vec![vec![0xff; 600]]), Some("protocol"), None, "something that is no answer"),
        ("echo", names(|q| vec![q.to_vec()]), Some("protocol"), None, "an answer with the wrong number"),
        ("silent", names(|_| vec![]), Some("timeout"), None, "before it answered"),
        ("none", none, Some("connection"), None, "could not be reached"),
    ];
    let asked = ask(&cases.each_ref().map(|(name, address, ..)| (*name, format!("dns://{address}/example.org"))));
    for (name, address, failure, code, told) in &cases {
        assert_eq!(asked.failure(name), *failure, "{name}: {}", asked.why);
        assert_eq!(asked.of("target.up", name), Some(f64::from(u8::from(failure.is_none()))), "{name}");
        assert_eq!(asked.of("dns.response.code", name), *code, "{name}");
        assert_eq!(asked.of("dns.lookup.duration", name).is_some(), code.is_some(), "{name}");
        if failure.is_some() {
            let why = ask(&[(name, format!("dns://{address}/example.org/A"))]).why;
            assert!(why.contains(told), "{name}: {why}");
        }
    }
    // What is there, but not of that kind, is not there.
    let other = ask(&[("other", format!("dns://{}/example.org/AAAA", cases[0].1))]);
    assert!(other.why.contains("knows no AAAA entry of that name"), "{}", other.why);
}

#[test]
fn a_packet_that_got_lost_is_sent_again() {
    let lost = AtomicUsize::new(0);
    let address = names(move |question| {
        let first = lost.fetch_add(1, Ordering::Relaxed) == 0;
        if first { Vec::new() } else { vec![answer(question, 0)] }
    });
    let mut target = target(&format!("dns://{address}/example.org"));
    target.timeout = Length::seconds(20);
    let asked = ask_all(&[("names", target)]);
    assert_eq!(asked.of("target.up", "names"), Some(1.0), "{}", asked.why);
}
