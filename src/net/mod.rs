//! Lines to other machines, each step with an end in sight: looking up a name, connecting, reading and writing, locking.
//! What is said over a line is the matter of others; nothing here decides what to trust beside what this machine does.

pub(crate) mod tls;

use std::{
    io::{self, Read, Write},
    net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs as _},
    sync::mpsc,
    time::{Duration, Instant},
};

use rustls::{ClientConnection, StreamOwned};

use crate::words::said;

/// A socket whose reads and writes, however many, end at one moment. Encryption reads through it too, so a record that
/// arrives byte by byte has no more time than any other.
pub(crate) struct Timed {
    pub socket: TcpStream,
    pub end: Instant,
}

impl Timed {
    pub fn new(socket: TcpStream, end: Instant) -> Self {
        Timed { socket, end }
    }

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

/// Locks the line; false when the other end closed it before.
///
/// # Errors
/// What went wrong; with a certificate, a [`rustls::Error`] within.
pub(crate) fn shaken(tls: &mut StreamOwned<ClientConnection, Timed>) -> io::Result<bool> {
    while tls.conn.is_handshaking() {
        if let (0, 0) = tls.conn.complete_io(&mut tls.sock)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Connects to the first of these addresses that answers.
///
/// # Errors
/// The end of a sentence that starts with the name of the other end.
pub(crate) fn connect(addresses: &[SocketAddr], end: Instant) -> Result<TcpStream, String> {
    let mut why = "has no address".to_owned();
    for (tried, address) in addresses.iter().enumerate() {
        let share = share(addresses.len() - tried, end);
        if share.is_zero() {
            return Err(LATE.to_owned());
        }
        match TcpStream::connect_timeout(address, share) {
            Ok(socket) => {
                let _ = socket.set_nodelay(true);
                return Ok(socket);
            }
            Err(e) if e.kind() == io::ErrorKind::TimedOut => why = LATE.to_owned(),
            Err(e) => why = format!("could not be reached ({})", said(&e.to_string())),
        }
    }
    Err(why)
}

/// What is said of an address that did not answer.
const LATE: &str = "could not be reached in time";

/// How long one of so many addresses may take: one that is dead does not use up the time of the others.
pub(crate) fn share(addresses: usize, end: Instant) -> Duration {
    let left = end.saturating_duration_since(Instant::now());
    left / u32::try_from(addresses).unwrap_or(u32::MAX).max(1)
}

/// The addresses of a host. The system's own look-up knows no time limit: whoever asks may wait for long.
///
/// # Errors
/// The end of a sentence that starts with the name of the host.
pub(crate) fn look_up(host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let found = (host, port).to_socket_addrs().map(Iterator::collect::<Vec<_>>);
    found.map_err(|e| format!("was not found in the network ({})", said(&e.to_string())))
}

/// The same until that moment: it runs beside us and is left behind when it takes too long.
///
/// # Errors
/// The end of a sentence that starts with the name of the host.
pub(crate) fn look_up_beside(host: &str, port: u16, end: Instant) -> Result<Vec<SocketAddr>, String> {
    if host.parse::<IpAddr>().is_ok() {
        return look_up(host, port);
    }
    let (answer, answered) = mpsc::channel();
    let name = host.to_owned();
    std::thread::Builder::new()
        .name("look-up".to_owned())
        .spawn(move || {
            let _ = answer.send(look_up(&name, port));
        })
        .map_err(|e| format!("could not be looked up ({e})"))?;
    let found = answered.recv_timeout(end.saturating_duration_since(Instant::now()));
    found.unwrap_or_else(|_| Err("could not be looked up in time".to_owned()))
}
