//! The line to a mail server: plain or encrypted, every read and write with an end in sight.

use std::{
    io::{self, Read, Write},
    net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs as _},
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use rustls::{ClientConfig, ClientConnection, StreamOwned, pki_types::ServerName};

use super::{
    super::outcome::said,
    reply::{LINE, LINES, Reply, line},
    tls::disbelief,
};

/// Why nothing more comes from a server.
#[derive(Debug)]
pub(super) enum Broken {
    /// It closed the line.
    Closed,
    /// It took too long.
    Slow,
    /// Something that is no answer.
    Nonsense,
    /// Its certificate; the rest of a sentence.
    NotBelieved(String),
    /// Anything else, in the words of the system.
    Other(String),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        if let Some(tls) = error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>()) {
            return disbelief(tls).map_or_else(|| Broken::Other(said(&tls.to_string())), Broken::NotBelieved);
        }
        match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Broken::Slow,
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::WriteZero => Broken::Closed,
            _ => Broken::Other(said(&error.to_string())),
        }
    }
}

/// A socket whose reads and writes, however many, end at one moment. Encryption reads through it too, so a record that
/// arrives byte by byte has no more time than any other.
struct Timed {
    socket: TcpStream,
    end: Instant,
}

impl Timed {
    fn left(&self) -> io::Result<Duration> {
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(Some(self.left()?))?;
        self.socket.read(buffer)
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(Some(self.left()?))?;
        self.socket.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

enum Stream {
    Plain(Timed),
    Encrypted(Box<StreamOwned<ClientConnection, Timed>>),
}

/// The line, and what has been read of it but not yet used.
pub(super) struct Wire {
    stream: Stream,
    unread: Vec<u8>,
}

impl Wire {
    /// Finds the host and connects to the first of its addresses that answers.
    ///
    /// # Errors
    /// The end of a sentence that starts with the server's name.
    pub fn connect(host: &str, port: u16, end: Instant) -> Result<Wire, String> {
        let addresses = resolve(host, port, end)?;
        let mut why = "has no address".to_owned();
        for (tried, address) in addresses.iter().enumerate() {
            let left = end.saturating_duration_since(Instant::now());
            // One dead address does not use up the time of the others.
            let share = left / u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
            if share.is_zero() {
                return Err("could not be reached in time".to_owned());
            }
            match TcpStream::connect_timeout(address, share) {
                Ok(socket) => {
                    let _ = socket.set_nodelay(true);
                    return Ok(Wire { stream: Stream::Plain(Timed { socket, end }), unread: Vec::new() });
                }
                Err(e) if e.kind() == io::ErrorKind::TimedOut => why = "could not be reached in time".to_owned(),
                Err(e) => why = format!("could not be reached ({})", said(&e.to_string())),
            }
        }
        Err(why)
    }

    fn timed(&mut self) -> &mut Timed {
        match &mut self.stream {
            Stream::Plain(timed) => timed,
            Stream::Encrypted(tls) => &mut tls.sock,
        }
    }

    /// Whether the other end is this machine.
    pub fn is_here(&mut self) -> bool {
        self.timed().socket.peer_addr().is_ok_and(|a| a.ip().to_canonical().is_loopback())
    }

    pub fn is_encrypted(&self) -> bool {
        matches!(self.stream, Stream::Encrypted(_))
    }

    /// Our own end.
    pub fn own_ip(&mut self) -> Option<IpAddr> {
        self.timed().socket.local_addr().ok().map(|a| a.ip().to_canonical())
    }

    /// Whether something came that nobody asked for.
    pub fn has_unread(&self) -> bool {
        !self.unread.is_empty()
    }

    /// Locks the line and looks at the server's certificate.
    pub fn encrypt(self, config: &Arc<ClientConfig>, host: &str, end: Instant) -> Result<Wire, Broken> {
        let Stream::Plain(mut timed) = self.stream else { return Err(Broken::Nonsense) };
        timed.end = end;
        let name = ServerName::try_from(host.to_owned()).map_err(|e| Broken::Other(e.to_string()))?;
        let connection = ClientConnection::new(Arc::clone(config), name).map_err(|e| Broken::Other(e.to_string()))?;
        let mut tls = StreamOwned::new(connection, timed);
        while tls.conn.is_handshaking() {
            if let (0, 0) = tls.conn.complete_io(&mut tls.sock)? {
                return Err(Broken::Closed);
            }
        }
        Ok(Wire { stream: Stream::Encrypted(Box::new(tls)), unread: Vec::new() })
    }

    /// Writes all of it.
    pub fn write(&mut self, bytes: &[u8], end: Instant) -> Result<(), Broken> {
        self.timed().end = end;
        match &mut self.stream {
            Stream::Plain(timed) => timed.write_all(bytes)?,
            Stream::Encrypted(tls) => {
                tls.write_all(bytes)?;
                tls.flush()?;
            }
        }
        Ok(())
    }

    /// Reads one whole answer.
    pub fn reply(&mut self, end: Instant) -> Result<Reply, Broken> {
        self.timed().end = end;
        let mut reply: Option<Reply> = None;
        loop {
            let (code, more, words) = line(&self.line()?).ok_or(Broken::Nonsense)?;
            let reply = reply.get_or_insert_with(|| Reply { code, lines: Vec::new() });
            if reply.code != code || reply.lines.len() >= LINES {
                return Err(Broken::Nonsense);
            }
            reply.lines.push(words);
            if !more {
                return Ok(reply.clone());
            }
        }
    }

    /// One line without its end.
    fn line(&mut self) -> Result<Vec<u8>, Broken> {
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.unread) {
                let mut line: Vec<u8> = self.unread.drain(..=end).collect();
                line.truncate(end);
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return if line.len() > LINE { Err(Broken::Nonsense) } else { Ok(line) };
            }
            if self.unread.len() > LINE {
                return Err(Broken::Nonsense);
            }
            let mut buffer = [0_u8; 4096];
            let read = match &mut self.stream {
                Stream::Plain(timed) => timed.read(&mut buffer),
                Stream::Encrypted(tls) => tls.read(&mut buffer),
            };
            match read {
                Ok(0) => return Err(Broken::Closed),
                Ok(n) => self.unread.extend_from_slice(&buffer[..n]),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e.into()),
            }
        }
    }
}

/// The addresses of a host. The system's own look-up knows no time limit, so it runs beside us and is left behind when
/// it takes too long.
fn resolve(host: &str, port: u16, end: Instant) -> Result<Vec<SocketAddr>, String> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let (answer, answered) = mpsc::channel();
    let name = host.to_owned();
    std::thread::Builder::new()
        .name("look-up".to_owned())
        .spawn(move || {
            let found = (name.as_str(), port).to_socket_addrs().map(Iterator::collect::<Vec<_>>);
            let _ = answer.send(found);
        })
        .map_err(|e| format!("could not be looked up ({e})"))?;
    match answered.recv_timeout(end.saturating_duration_since(Instant::now())) {
        Ok(Ok(addresses)) => Ok(addresses),
        Ok(Err(e)) => Err(format!("was not found in the network ({})", said(&e.to_string()))),
        Err(_) => Err("could not be looked up in time".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_not_there_is_told() {
        let end = Instant::now() + Duration::from_secs(20);
        let why = Wire::connect("no-such-host.invalid", 25, end).err().unwrap();
        assert!(why.starts_with("was not found") || why.contains("in time"), "{why}");
    }
}
