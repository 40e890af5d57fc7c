//! The line to a mail server: plain or encrypted, every read and write with an end in sight.

use std::{
    io::{self, Read as _, Write as _},
    net::IpAddr,
    sync::Arc,
    time::Instant,
};

use rustls::{ClientConfig, ClientConnection, StreamOwned, pki_types::ServerName};

use super::{
    super::outcome::said,
    reply::{LINE, LINES, Reply, line},
};
use crate::net::{Timed, connect, look_up_beside, shaken, tls::disbelief};

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
        let addresses = look_up_beside(host, port, end)?;
        let socket = connect(&addresses, end)?;
        Ok(Wire { stream: Stream::Plain(Timed::new(socket, end)), unread: Vec::new() })
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
        if !shaken(&mut tls)? {
            return Err(Broken::Closed);
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_name_that_is_not_there_is_told() {
        let end = Instant::now() + Duration::from_secs(20);
        let why = Wire::connect("no-such-host.invalid", 25, end).err().unwrap();
        assert!(why.starts_with("was not found") || why.contains("in time"), "{why}");
    }
}
