//! One request for a page (RFC 9112) and its whole answer, thrown away as it comes: what counts is the status and how long
//! it took. Nothing is followed, nothing kept, and whatever the server sends ends at a limit of size and of time.

use std::{
    io::{self, Read, Write},
    time::Instant,
};

use memchr::memmem;

use super::{
    address::{Address, Asked},
    answer::{Answer, Failure, Kind, Part},
};

/// The longest head of an answer, with those that come before it.
const HEAD: usize = 64 << 10;
/// The most headers.
const HEADERS: usize = 256;
/// The longest answer that is read.
const BODY: u64 = 10 << 20;
/// The longest line between two chunks.
const CHUNK_LINE: usize = 4 << 10;

/// When a line broke.
const BEFORE: &str = "before it answered";
const WITHIN: &str = "in the middle of its answer";

/// Asks for the page over a line that is open.
pub(super) fn exchange(
    stream: &mut (impl Read + Write),
    address: &Address,
    wanted: Option<u16>,
    answer: &mut Answer,
) -> Result<(), Failure> {
    let Asked::Page { path, authority, .. } = &address.asked else {
        return Err(Failure::new(Kind::Internal, "is no page"));
    };
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: cleanbill/{}\r\nAccept: */*\r\nAccept-Encoding: identity\r\n\
         Connection: close\r\n\r\n",
        env!("CARGO_PKG_VERSION")
    );
    let begun = Instant::now();
    stream.write_all(request.as_bytes()).and_then(|()| stream.flush()).map_err(|e| Failure::broken(&e, BEFORE))?;
    let mut reader = Reader { stream, unread: Vec::new(), used: 0, read: 0, first: None };
    let (status, length) = reader.head()?;
    answer.status = Some(status);
    let first = reader.first.unwrap_or(begun);
    answer.parts.push((Part::Processing, first.saturating_duration_since(begun)));
    reader.body(length)?;
    answer.parts.push((Part::Transfer, first.elapsed()));
    let right = wanted.map_or((200..400).contains(&status), |wanted| wanted == status);
    if right { Ok(()) } else { Err(Failure::new(Kind::Status, format!("answered with status {status}"))) }
}

/// How the end of an answer is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    /// So many bytes.
    Bytes(u64),
    /// Pieces that each say how long they are.
    Chunks,
    /// Until the server closes the line.
    Open,
}

struct Reader<'a, S> {
    stream: &'a mut S,
    /// What came and was not thrown away yet; the first `used` bytes of it are done with.
    unread: Vec<u8>,
    used: usize,
    /// How much came in all.
    read: u64,
    /// When the first byte came.
    first: Option<Instant>,
}

fn nonsense(what: &str) -> Failure {
    Failure::new(Kind::Protocol, what)
}

/// What is said of an answer without an end.
fn too_long() -> Failure {
    nonsense("sent an answer of more than 10 MB, and no more is read")
}

impl<S: Read> Reader<'_, S> {
    /// What came and is not used yet.
    fn rest(&self) -> &[u8] {
        self.unread.get(self.used..).unwrap_or_default()
    }

    /// Reads more; false at the end.
    fn more(&mut self, when: &str) -> Result<bool, Failure> {
        let mut buffer = [0; 16 << 10];
        self.unread.drain(..self.used.min(self.unread.len()));
        self.used = 0;
        if self.read > BODY {
            return Err(too_long());
        }
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return Ok(false),
                Ok(n) => {
                    self.first.get_or_insert_with(Instant::now);
                    self.read += n as u64;
                    self.unread.extend_from_slice(buffer.get(..n).unwrap_or_default());
                    return Ok(true);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                // Many servers close an encrypted line without a goodbye.
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
                Err(e) => return Err(Failure::broken(&e, when)),
            }
        }
    }

    /// Reads more of an answer that is not at its end.
    fn rest_of_it(&mut self) -> Result<(), Failure> {
        if self.more(WITHIN)? { Ok(()) } else { Err(Failure::closed(WITHIN)) }
    }

    /// The status, and how the end of what follows is told. Answers that only announce another are passed over.
    fn head(&mut self) -> Result<(u16, Length), Failure> {
        let mut before = 0;
        loop {
            let mut looked = 0;
            let end = loop {
                let rest = self.rest();
                // Something else that speaks on this port need not be waited for.
                if !b"HTTP/".starts_with(rest.get(..rest.len().min(5)).unwrap_or_default()) {
                    return Err(nonsense("sent something that is no answer of a web server"));
                }
                if let Some(end) = blank(rest, looked) {
                    break end;
                }
                looked = rest.len().saturating_sub(3);
                if before + rest.len() > HEAD {
                    return Err(nonsense("sent more than 64 kB of headers"));
                }
                let when = if rest.is_empty() { BEFORE } else { WITHIN };
                if !self.more(when)? {
                    return Err(Failure::closed(when));
                }
            };
            before += end;
            let found = parse(self.rest().get(..end).unwrap_or_default())?;
            self.used += end;
            match found {
                (101, _) => return Err(nonsense("switched to another language")),
                (status, _) if status < 200 => {}
                found => return Ok(found),
            }
        }
    }

    /// Reads what follows, and forgets it.
    fn body(&mut self, length: Length) -> Result<(), Failure> {
        match length {
            Length::Bytes(bytes) if bytes > BODY => Err(too_long()),
            Length::Bytes(bytes) => self.pass(bytes),
            Length::Open => {
                self.used = self.unread.len();
                while self.more(WITHIN)? {
                    self.used = self.unread.len();
                }
                Ok(())
            }
            Length::Chunks => loop {
                match self.chunk()? {
                    0 => return self.trailer(),
                    size if size > BODY => return Err(too_long()),
                    size => self.pass(size)?,
                }
                if self.line()? > 2 {
                    return Err(nonsense("sent an answer that is mixed up"));
                }
            },
        }
    }

    /// Passes over so many bytes.
    fn pass(&mut self, mut bytes: u64) -> Result<(), Failure> {
        loop {
            let there = (self.rest().len() as u64).min(bytes);
            self.used += usize::try_from(there).unwrap_or(0);
            bytes -= there;
            if bytes == 0 {
                return Ok(());
            }
            self.rest_of_it()?;
        }
    }

    /// The size of the next chunk.
    fn chunk(&mut self) -> Result<u64, Failure> {
        loop {
            match httparse::parse_chunk_size(self.rest()) {
                Ok(httparse::Status::Complete((end, size))) => {
                    self.used += end;
                    return Ok(size);
                }
                Ok(httparse::Status::Partial) if self.rest().len() < CHUNK_LINE => self.rest_of_it()?,
                _ => return Err(nonsense("sent an answer that is mixed up")),
            }
        }
    }

    /// Passes over a line, and tells how long it was with its end.
    fn line(&mut self) -> Result<usize, Failure> {
        loop {
            if let Some(end) = memchr::memchr(b'\n', self.rest()) {
                self.used += end + 1;
                return Ok(end + 1);
            }
            if self.rest().len() > CHUNK_LINE {
                return Err(nonsense("sent an answer that is mixed up"));
            }
            self.rest_of_it()?;
        }
    }

    /// Passes over what may follow the last chunk.
    fn trailer(&mut self) -> Result<(), Failure> {
        for _ in 0..HEADERS {
            if self.line()? <= 2 {
                return Ok(());
            }
        }
        Err(nonsense("sent more than 256 headers"))
    }
}

/// Where the first empty line ends, in what is new from `from` on.
fn blank(bytes: &[u8], from: usize) -> Option<usize> {
    let new = bytes.get(from..)?;
    let ends = [memmem::find(new, b"\n\r\n").map(|at| at + 3), memmem::find(new, b"\n\n").map(|at| at + 2)];
    ends.into_iter().flatten().min().map(|end| from + end)
}

/// What a head says.
fn parse(head: &[u8]) -> Result<(u16, Length), Failure> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let mut lenient = httparse::ParserConfig::default();
    lenient.allow_spaces_after_header_name_in_responses(true);
    lenient.allow_obsolete_multiline_headers_in_responses(true);
    match lenient.parse_response(&mut response, head) {
        Ok(httparse::Status::Complete(_)) => {}
        Err(httparse::Error::TooManyHeaders) => return Err(nonsense("sent more than 256 headers")),
        _ => return Err(nonsense("sent something that is no answer of a web server")),
    }
    let status = response.code.unwrap_or_default();
    if status < 100 {
        return Err(nonsense("sent something that is no answer of a web server"));
    }
    if status < 200 || status == 204 || status == 304 {
        return Ok((status, Length::Bytes(0)));
    }
    let named = |name: &'static str| {
        let of = response.headers.iter().filter(move |h| h.name.eq_ignore_ascii_case(name));
        of.map(|h| h.value.trim_ascii())
    };
    // The last of its codings says how the end is told.
    if let Some(coding) = named("transfer-encoding").next_back() {
        let last = coding.rsplit(|b| *b == b',').next().unwrap_or_default().trim_ascii();
        let chunked = last.eq_ignore_ascii_case(b"chunked");
        return Ok((status, if chunked { Length::Chunks } else { Length::Open }));
    }
    let mut lengths = named("content-length");
    let Some(first) = lengths.next() else { return Ok((status, Length::Open)) };
    let bytes = std::str::from_utf8(first).ok().filter(|n| n.bytes().all(|b| b.is_ascii_digit()));
    match bytes.and_then(|n| n.parse().ok()) {
        Some(bytes) if lengths.all(|other| other == first) => Ok((status, Length::Bytes(bytes))),
        _ => Err(nonsense("sent an answer that says two things about its length")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A server that says this, a few bytes at a time.
    struct Says<'a>(&'a [u8], usize);

    impl Read for Says<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let n = self.1.min(self.0.len()).min(buffer.len());
            buffer[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }

    impl Write for Says<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The status, or what was wrong.
    fn asked(said: &[u8], at_once: usize) -> Result<u16, String> {
        let address = Address::parse("http://example.org/").unwrap();
        let mut answer = Answer::default();
        let result = exchange(&mut Says(said, at_once), &address, None, &mut answer);
        result.map(|()| answer.status.unwrap()).map_err(|failure| failure.why)
    }

    #[test]
    fn an_answer_is_read_to_its_end_however_it_is_told() {
        for (said, expected) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Ok(200)),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", Err("middle of its answer")),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\n\r\n", Ok(200)),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n", Ok(200)),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n", Err("middle of its answer")),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello world\r\n", Err("mixed up")),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", Err("mixed up")),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff\r\n", Err("10 MB")),
            ("HTTP/1.0 200 OK\r\n\r\nuntil the end", Ok(200)),
            ("HTTP/1.1 204 No\r\n\r\n", Ok(204)),
            ("HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", Ok(301)),
            ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", Ok(200)),
            ("HTTP/1.1 101 Switching\r\n\r\n", Err("another language")),
            ("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", Err("status 503")),
            ("HTTP/1.1 404\r\n\r\n", Err("status 404")),
            ("HTTP/1.1 200 OK\nContent-Length: 1\n\nx", Ok(200)),
            ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy", Err("two things")),
            ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", Err("two things")),
            ("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", Err("10 MB")),
            ("HTTP/1.1 200 OK\r\nContent-Le", Err("middle of its answer")),
            ("HTTP/1.1 99 No\r\n\r\n", Err("no answer of a web server")),
            ("HTTP/1.1 2 No\r\n\r\n", Err("no answer of a web server")),
            ("SSH-2.0-OpenSSH_9.2\r\n", Err("no answer of a web server")),
            ("H", Err("middle of its answer")),
            ("", Err("before it answered")),
        ] {
            for at_once in [1, 3, 10_000] {
                match (asked(said.as_bytes(), at_once), expected) {
                    (Ok(status), Ok(expected)) => assert_eq!(status, expected, "{said}"),
                    (Err(why), Err(expected)) => assert!(why.contains(expected), "{said}: {why}"),
                    (got, _) => panic!("{said}: {got:?}"),
                }
            }
        }
    }

    #[test]
    fn what_has_no_end_is_bounded() {
        let headers = format!("HTTP/1.1 200 OK\r\n{}", "X: yyyyyyyyyyyy\r\n".repeat(10_000));
        assert!(asked(headers.as_bytes(), 1000).unwrap_err().contains("64 kB"));
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(300));
        assert!(asked(many.as_bytes(), 1000).unwrap_err().contains("256 headers"));
        let announced = "HTTP/1.1 100 Continue\r\n\r\n".repeat(10_000);
        assert!(asked(announced.as_bytes(), 10_000).unwrap_err().contains("64 kB"));
        let body = [b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'x'; 11 << 20]].concat();
        assert!(asked(&body, 1 << 20).unwrap_err().contains("10 MB"));
        let chunks =
            [&b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"[..], &b"1\r\nx\r\n".repeat(3_000_000)].concat();
        assert!(asked(&chunks, 16 << 10).unwrap_err().contains("10 MB"));
        let line = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;{}", "x".repeat(100_000));
        assert!(asked(line.as_bytes(), 1000).unwrap_err().contains("mixed up"));
    }

    #[test]
    fn the_status_that_is_wanted_may_be_any() {
        let address = Address::parse("http://example.org/").unwrap();
        let said = b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n";
        let ask = |wanted| exchange(&mut Says(said, 100), &address, wanted, &mut Answer::default());
        assert_eq!(ask(Some(401)), Ok(()));
        assert!(ask(Some(200)).is_err() && ask(None).is_err());
    }

    proptest! {
        #[test]
        fn no_server_makes_it_stumble(
            junk in proptest::collection::vec(any::<u8>(), 0..400),
            head in "HTTP/1\\.[01] [0-9]{1,4}[ -~]{0,20}(\r\n[A-Za-z-]{1,20}:[ -~]{0,30}){0,5}\r\n(Transfer-Encoding: chunked\r\n)?\r\n",
            at_once in 1_usize..50,
        ) {
            let _ = asked(&junk, at_once);
            let _ = asked(&[head.as_bytes(), &junk].concat(), at_once);
        }
    }
}
