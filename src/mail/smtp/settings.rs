//! What must be known about a mail server.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use super::super::{Secret, address::domain_part};

/// A mail server and how to speak to it.
#[derive(Debug)]
pub struct Server {
    /// Its name or address. With encryption its certificate must be for this name.
    pub host: String,
    /// Its port; else 587 for STARTTLS, 465 for TLS, 25 without encryption.
    pub port: Option<u16>,
    /// How the line is locked. What is asked for is required: nothing is sent over a weaker line.
    pub security: Security,
    /// Name and password. They never cross a line that is not encrypted, except to this machine itself.
    pub login: Option<(String, Secret)>,
    /// Certificates (PEM) to trust besides those of this machine: for a private authority.
    pub ca_file: Option<PathBuf>,
    /// How this machine names itself; a name that no machine can have is replaced by the address.
    pub hello: Option<String>,
    /// The longest time for one step: to connect, to get a whole answer, to write 64 kB. The answer to the mail itself
    /// may take five times as long. All steps up to the mail take at most five times as long together, and the mail
    /// is written at 16 kB a second or faster; so one sending takes at most twelve times as long, and the time of
    /// writing. An hour is the most.
    pub timeout: Duration,
}

/// How the line to a mail server is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// Plain at first, then encrypted; refused when the server does not offer it.
    StartTls,
    /// Encrypted from the first byte.
    Tls,
    /// Not at all.
    None,
}

impl Server {
    /// The port, given or usual.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.security {
            Security::StartTls => 587,
            Security::Tls => 465,
            Security::None => 25,
        })
    }

    /// The longest time for one step.
    pub(super) fn step(&self) -> Duration {
        self.timeout.min(Duration::from_secs(3600))
    }

    /// What makes these settings unusable whatever the server says, as a sentence.
    pub fn wrong(&self) -> Option<String> {
        let Some(host) = self.network_host() else {
            return Some(format!("'{}' is no name of a mail server", super::super::outcome::said(&self.host)));
        };
        if let Some((name, password)) = &self.login {
            if self.security == Security::None && !is_here(&host) {
                return Some(format!(
                    "The password for the mail server {host} is not sent over a line that is not encrypted; choose starttls or tls"
                ));
            }
            if name.is_empty() || name.contains('\0') || password.expose().contains('\0') {
                return Some(format!("The login for the mail server {host} needs a name, and no zero bytes in it"));
            }
        }
        None
    }

    /// The host as DNS and certificates name it.
    pub(super) fn network_host(&self) -> Option<String> {
        let host = self.host.trim().trim_end_matches('.');
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        match bare.parse::<IpAddr>() {
            Ok(ip) => Some(ip.to_string()),
            Err(_) => domain_part(host).ok(),
        }
    }
}

/// Whether a host is this machine by its name alone; the address is looked at too, once it is known.
fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(host: &str, security: Security, login: bool) -> Server {
        Server {
            host: host.to_owned(),
            port: None,
            security,
            login: login.then(|| ("anna".to_owned(), Secret::new("hunter2".to_owned()))),
            ca_file: None,
            hello: None,
            timeout: Duration::from_secs(1),
        }
    }

    #[test]
    fn a_password_needs_a_locked_line_or_this_machine() {
        for host in ["mail.example.org", "192.0.2.1", "localhost.example.org", "127.0.0.1.example.org"] {
            let wrong = server(host, Security::None, true).wrong().unwrap();
            assert!(wrong.contains("not encrypted") && !wrong.contains("hunter2"), "{wrong}");
            assert_eq!(server(host, Security::None, false).wrong(), None);
            assert_eq!(server(host, Security::StartTls, true).wrong(), None);
        }
        for host in ["localhost", "LocalHost.", "127.0.0.1", "127.9.9.9", "[::1]", "::1"] {
            assert_eq!(server(host, Security::None, true).wrong(), None, "{host}");
        }
    }

    #[test]
    fn a_host_is_named_as_the_network_names_it() {
        assert_eq!(server("bücher.example", Security::Tls, false).network_host().unwrap(), "xn--bcher-kva.example");
        for host in ["", "a b", "smtp.example.org\r\nX", "smtp://x"] {
            assert!(server(host, Security::Tls, false).wrong().is_some(), "{host}");
        }
        assert_eq!(
            [Security::StartTls, Security::Tls, Security::None].map(|s| server("x", s, false).port()),
            [587, 465, 25]
        );
        assert!(!format!("{:?}", server("x", Security::Tls, true)).contains("hunter2"));
    }
}
