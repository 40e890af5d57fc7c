//! Answers a scrape on an address of this machine. It knows one question, and whoever asks slowly or oddly is hung up on.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::Builder,
    time::{Duration, Instant},
};

use super::{Format, Values, text::Last};

/// How long a question and its answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest question.
const LONGEST: usize = 8 << 10;
/// Questions that are answered at the same time.
const MOST: usize = 8;

/// What answers.
#[derive(Debug)]
pub struct Served {
    address: SocketAddr,
    last: Arc<Mutex<Last>>,
    over: Arc<AtomicBool>,
}

impl Served {
    /// Takes the address.
    pub(super) fn start(place: &str) -> io::Result<Self> {
        let wrong =
            || io::Error::new(io::ErrorKind::InvalidInput, format!("{place} is no address such as 127.0.0.1:9469"));
        let address = place.to_socket_addrs().map_err(|_| wrong())?.next().ok_or_else(wrong)?;
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let (last, over) = (Arc::new(Mutex::new(Last::default())), Arc::new(AtomicBool::new(false)));
        Builder::new().name("scrape".to_owned()).stack_size(256 << 10).spawn({
            let (last, over) = (Arc::clone(&last), Arc::clone(&over));
            move || listen(&listener, &last, &over)
        })?;
        Ok(Served { address, last, over })
    }

    /// Shows these values from now on.
    pub(super) fn show(&self, values: &Values) {
        if let Ok(mut last) = self.last.lock() {
            last.take(values);
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Whoever listens is woken by a caller.
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
    }
}

fn listen(listener: &TcpListener, last: &Arc<Mutex<Last>>, over: &AtomicBool) {
    let busy = Arc::new(AtomicUsize::new(0));
    for caller in listener.incoming() {
        if over.load(Ordering::Relaxed) {
            return;
        }
        let Ok(caller) = caller else {
            // Too many open files, say: it must not run in circles.
            std::thread::sleep(Duration::from_millis(100));
            continue;
        };
        if busy.fetch_add(1, Ordering::Relaxed) >= MOST {
            busy.fetch_sub(1, Ordering::Relaxed);
            continue;
        }
        let (last, counted) = (Arc::clone(last), Arc::clone(&busy));
        let answered = Builder::new().stack_size(256 << 10).spawn(move || {
            let _ = answer(caller, &last);
            counted.fetch_sub(1, Ordering::Relaxed);
        });
        if answered.is_err() {
            busy.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

fn answer(mut caller: TcpStream, last: &Mutex<Last>) -> io::Result<()> {
    let end = Instant::now() + PATIENCE;
    caller.set_write_timeout(Some(PATIENCE))?;
    let mut question = Vec::new();
    let mut piece = [0; 1024];
    while !question.windows(4).any(|w| w == b"\r\n\r\n") {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() || question.len() > LONGEST {
            return Ok(());
        }
        caller.set_read_timeout(Some(left))?;
        let read = caller.read(&mut piece)?;
        if read == 0 {
            return Ok(());
        }
        question.extend_from_slice(piece.get(..read).unwrap_or_default());
    }
    let question = String::from_utf8_lossy(&question);
    let mut words = question.split_ascii_whitespace();
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = path.split('?').next().unwrap_or_default();
    let (status, kind, body) = match (method, path) {
        ("GET" | "HEAD", "/metrics") => {
            let open = question.to_ascii_lowercase().contains("application/openmetrics-text");
            let (format, kind) = if open {
                (Format::OpenMetrics, "application/openmetrics-text; version=1.0.0; charset=utf-8")
            } else {
                (Format::Prometheus, "text/plain; version=0.0.4; charset=utf-8")
            };
            let text = last.lock().map(|last| last.text(format)).unwrap_or_default();
            ("200 OK", kind, text)
        }
        ("GET" | "HEAD", _) => ("404 Not Found", "text/plain", "The values are at /metrics\n".to_owned()),
        _ => ("405 Method Not Allowed", "text/plain", "GET /metrics is all there is\n".to_owned()),
    };
    let body_of_answer = if method == "HEAD" { "" } else { body.as_str() };
    write!(
        caller,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body_of_answer}",
        body.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Better, Kind, Metric};

    static A: Metric = Metric {
        name: "a.b",
        title: "A",
        unit: "By",
        kind: Kind::Gauge,
        about: "A.",
        labels: &[],
        decimals: 0,
        better: Better::Neither,
        says: None,
    };

    fn ask(address: SocketAddr, question: &str) -> String {
        let mut line = TcpStream::connect(address).unwrap();
        line.write_all(question.as_bytes()).unwrap();
        let mut answer = String::new();
        let _ = line.read_to_string(&mut answer);
        answer
    }

    #[test]
    fn a_scrape_is_answered_and_nothing_else() {
        let served = Served::start("127.0.0.1:0").unwrap();
        let mut values = Values::default();
        values.gauge(&A, &[], 7.0);
        served.show(&values);
        let at = served.address;
        let plain = ask(at, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(plain.starts_with("HTTP/1.1 200 OK\r\n") && plain.ends_with("\na_b_bytes 7\n"), "{plain}");
        let open = ask(at, "GET /metrics?x=1 HTTP/1.1\r\nAccept: application/openmetrics-text; version=1.0.0\r\n\r\n");
        assert!(open.contains("Content-Type: application/openmetrics-text") && open.ends_with("# EOF\n"), "{open}");
        assert!(ask(at, "GET /etc/passwd HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404"));
        assert!(ask(at, "POST /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405"));
        assert!(ask(at, "HEAD /metrics HTTP/1.1\r\n\r\n").ends_with("\r\n\r\n"));
        assert_eq!(ask(at, &"x".repeat(LONGEST * 3)), "");
        // Those who say nothing keep nobody else from an answer.
        let silent: Vec<_> = (0..MOST - 2).map(|_| TcpStream::connect(at).unwrap()).collect();
        assert!(ask(at, "GET /metrics HTTP/1.1\r\n\r\n").contains("a_b_bytes 7"));
        drop(silent);
        assert!(Served::start(&at.to_string()).is_err(), "it is taken");
        assert!(Served::start("nonsense").is_err());
    }
}
