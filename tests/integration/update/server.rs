//! A server of releases on loopback, with a certificate of an authority of our own, which answers as it is told.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::mail::certificates::{Authority, Identity};

/// What is answered.
#[derive(Debug, Clone)]
pub enum Answer {
    /// A file.
    File(Vec<u8>),
    /// Somewhere else.
    Redirect(String),
    /// A status without content.
    Status(u16),
    /// So many bytes of a file, and then the line is cut.
    Cut(Vec<u8>, usize),
    /// A file, a byte at a time.
    Drip(Vec<u8>, Duration),
    /// Zeros without end.
    Endless,
    /// Nothing at all, until the other end goes away.
    Silence,
}

type Files = Arc<Mutex<BTreeMap<String, Answer>>>;

/// The server, as long as it lives.
pub struct Server {
    pub url: String,
    pub authority: Authority,
    port: u16,
    files: Files,
}

impl Server {
    pub fn start() -> Self {
        let authority = Authority::new();
        let identity = authority.sign("localhost", 2099);
        Server::with(authority, &identity)
    }

    pub fn with(authority: Authority, identity: &Identity) -> Self {
        let files = Files::default();
        let port = listen(identity.config(), Arc::clone(&files));
        Server { url: format!("https://localhost:{port}"), authority, port, files }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn says(&self, path: &str, answer: Answer) {
        self.files.lock().unwrap().insert(format!("/{path}"), answer);
    }

    pub fn gives(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.says(path, Answer::File(bytes.into()));
    }

    pub fn forgets(&self, path: &str) {
        self.files.lock().unwrap().remove(&format!("/{path}"));
    }
}

fn listen(config: Arc<ServerConfig>, files: Files) -> u16 {
    let listener = TcpListener::bind("localhost:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let (config, files) = (Arc::clone(&config), Arc::clone(&files));
            std::thread::spawn(move || {
                let _ = answer(socket, config, &files);
            });
        }
    });
    port
}

fn answer(socket: TcpStream, config: Arc<ServerConfig>, files: &Files) -> std::io::Result<()> {
    socket.set_read_timeout(Some(Duration::from_secs(20)))?;
    let cut = socket.try_clone()?;
    let line = StreamOwned::new(ServerConnection::new(config).map_err(std::io::Error::other)?, socket);
    let mut line = BufReader::new(line);
    let mut first = String::new();
    line.read_line(&mut first)?;
    loop {
        let mut header = String::new();
        if line.read_line(&mut header)? == 0 || header.trim().is_empty() {
            break;
        }
    }
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let found = files.lock().unwrap().get(&path).cloned().unwrap_or(Answer::Status(404));
    let mut out = line.into_inner();
    let head = |out: &mut StreamOwned<ServerConnection, TcpStream>, length: usize| {
        write!(out, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")
    };
    match found {
        Answer::File(bytes) => {
            head(&mut out, bytes.len())?;
            out.write_all(&bytes)?;
        }
        Answer::Redirect(to) => {
            write!(out, "HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
        }
        Answer::Status(code) => {
            write!(out, "HTTP/1.1 {code} Well\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
        }
        Answer::Cut(bytes, at) => {
            head(&mut out, bytes.len())?;
            out.write_all(&bytes[..at])?;
            out.flush()?;
            cut.shutdown(Shutdown::Both)?;
        }
        Answer::Drip(bytes, pause) => {
            head(&mut out, bytes.len())?;
            for byte in bytes {
                out.write_all(&[byte])?;
                out.flush()?;
                std::thread::sleep(pause);
            }
        }
        Answer::Endless => {
            write!(out, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            while out.write_all(&[0; 4096]).is_ok() {}
        }
        Answer::Silence => {
            let _ = out.read(&mut [0; 1]);
        }
    }
    out.conn.send_close_notify();
    out.flush()
}

/// A proxy that leads to where it is asked, and says to where; its address.
pub fn proxy() -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("localhost:0").unwrap();
    let address = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    let (asked, told) = mpsc::channel();
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let asked = asked.clone();
            std::thread::spawn(move || lead(socket, &asked));
        }
    });
    (address, told)
}

fn lead(socket: TcpStream, asked: &mpsc::Sender<String>) -> Option<()> {
    let mut reader = BufReader::new(socket.try_clone().ok()?);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header).ok()? == 0 || header.trim().is_empty() {
            break;
        }
    }
    let to = first.strip_prefix("CONNECT ")?.split(' ').next()?.to_owned();
    let _ = asked.send(to.clone());
    let there = TcpStream::connect(&to).ok()?;
    let mut socket = socket;
    socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
    let (mut to_there, mut from_there) = (there.try_clone().ok()?, there);
    let back = std::thread::spawn({
        let mut back = socket.try_clone().ok()?;
        move || {
            let _ = std::io::copy(&mut from_there, &mut back);
            let _ = back.shutdown(Shutdown::Both);
        }
    });
    let _ = std::io::copy(&mut reader, &mut to_there);
    let _ = to_there.shutdown(Shutdown::Both);
    back.join().ok()
}
