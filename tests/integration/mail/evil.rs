//! A mail server that does what a script says, good or evil, and remembers what crossed the line in the clear.

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::Duration,
};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Longer than any test: a script that waits for us in vain ends all the same.
const SAFETY: Duration = Duration::from_secs(60);

/// Everything that a server heard.
#[derive(Default, Clone)]
pub struct Heard {
    /// What anyone on the way could read.
    pub plain: Vec<u8>,
    /// All of it, decrypted.
    pub all: Vec<u8>,
}

/// The server; it takes one line and ends.
pub struct Evil {
    pub port: u16,
    heard: Arc<Mutex<Heard>>,
    thread: JoinHandle<()>,
}

enum Stream {
    Plain(TcpStream),
    Locked(Box<StreamOwned<ServerConnection, TcpStream>>),
    Gone,
}

/// The server's end of the line.
pub struct Line {
    stream: Stream,
    unread: Vec<u8>,
    heard: Arc<Mutex<Heard>>,
}

impl Evil {
    pub fn new(script: impl FnOnce(&mut Line) -> io::Result<()> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Heard::default()));
        let ears = Arc::clone(&heard);
        let thread = std::thread::spawn(move || {
            let (socket, _) = listener.accept().unwrap();
            drop(listener);
            socket.set_read_timeout(Some(SAFETY)).unwrap();
            socket.set_write_timeout(Some(SAFETY)).unwrap();
            let _ = script(&mut Line { stream: Stream::Plain(socket), unread: Vec::new(), heard: ears });
        });
        Evil { port, heard, thread }
    }

    /// Waits for its end; what it heard.
    pub fn end(self) -> Heard {
        self.thread.join().unwrap();
        self.heard.lock().unwrap().clone()
    }
}

impl Line {
    fn read(&mut self) -> io::Result<usize> {
        let mut buffer = [0_u8; 8192];
        let n = match &mut self.stream {
            Stream::Plain(s) => s.read(&mut buffer)?,
            Stream::Locked(s) => s.read(&mut buffer)?,
            Stream::Gone => 0,
        };
        let mut heard = self.heard.lock().unwrap();
        heard.all.extend_from_slice(&buffer[..n]);
        if matches!(self.stream, Stream::Plain(_)) {
            heard.plain.extend_from_slice(&buffer[..n]);
        }
        self.unread.extend_from_slice(&buffer[..n]);
        Ok(n)
    }

    /// Any bytes.
    pub fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.stream {
            Stream::Plain(s) => s.write_all(bytes),
            Stream::Locked(s) => s.write_all(bytes).and_then(|()| s.flush()),
            Stream::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    pub fn say(&mut self, line: &str) -> io::Result<()> {
        self.raw(format!("{line}\r\n").as_bytes())
    }

    /// The next line, up to a text that it must end with.
    fn until(&mut self, end: &[u8]) -> io::Result<Vec<u8>> {
        loop {
            if let Some(at) = self.unread.windows(end.len()).position(|w| w == end) {
                return Ok(self.unread.drain(..at + end.len()).collect());
            }
            if self.read()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    pub fn hear(&mut self) -> io::Result<String> {
        let line = self.until(b"\r\n")?;
        Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
    }

    /// Hears a command and answers it.
    pub fn answer(&mut self, starts: &str, answer: &str) -> io::Result<()> {
        let line = self.hear()?;
        assert!(line.starts_with(starts), "{starts} was due, not {line}");
        self.say(answer)
    }

    /// The mail as it was before its dots were doubled.
    pub fn body(&mut self) -> io::Result<Vec<u8>> {
        let body = self.until(b"\r\n.\r\n")?;
        let text = String::from_utf8(body).unwrap();
        let text = text.strip_suffix(".\r\n").unwrap();
        Ok(text.split_inclusive("\r\n").map(|l| l.strip_prefix('.').unwrap_or(l)).collect::<String>().into_bytes())
    }

    /// So many bytes of what comes.
    pub fn some(&mut self, n: usize) -> io::Result<()> {
        while self.unread.len() < n && self.read()? > 0 {}
        Ok(())
    }

    /// Listens, and says nothing, until the other end closes.
    pub fn listen(&mut self) -> io::Result<()> {
        while self.read()? > 0 {}
        Ok(())
    }

    /// Locks the line from here on.
    pub fn lock(&mut self, config: &Arc<ServerConfig>) -> io::Result<()> {
        let Stream::Plain(socket) = std::mem::replace(&mut self.stream, Stream::Gone) else { panic!("locked twice") };
        let connection = ServerConnection::new(Arc::clone(config)).unwrap();
        let mut locked = StreamOwned::new(connection, socket);
        while locked.conn.is_handshaking() {
            if let (0, 0) = locked.conn.complete_io(&mut locked.sock)? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        self.stream = Stream::Locked(Box::new(locked));
        Ok(())
    }

    /// `220`, and the answer to EHLO with what the server offers.
    pub fn greet(&mut self, offers: &[&str]) -> io::Result<()> {
        self.say("220 evil.example ESMTP")?;
        self.offer(offers)
    }

    /// The answer to EHLO.
    pub fn offer(&mut self, offers: &[&str]) -> io::Result<()> {
        let mut lines = vec!["evil.example"];
        lines.extend(offers);
        let (last, rest) = lines.split_last().unwrap();
        let all: String = rest.iter().map(|l| format!("250-{l}\r\n")).collect();
        self.answer("EHLO", &format!("{all}250 {last}"))
    }

    /// The envelope, up to the mail itself.
    pub fn envelope(&mut self) -> io::Result<()> {
        self.answer("MAIL FROM:<cleanbill@web01.example.org>", "250 2.1.0 Ok")?;
        self.answer("RCPT TO:<anna@example.org>", "250 2.1.5 Ok")?;
        self.answer("DATA", "354 End with a dot")
    }

    /// Takes a mail as it should be.
    pub fn take(&mut self) -> io::Result<Vec<u8>> {
        self.envelope()?;
        let body = self.body()?;
        self.say("250 2.0.0 Ok: queued as 1")?;
        self.answer("QUIT", "221 Bye")?;
        Ok(body)
    }
}
