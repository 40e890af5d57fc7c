//! What came of asking a target once: how long each part took, what the other end showed of itself, and what was wrong.

use std::{io, time::Duration};

use jiff::Timestamp;

use crate::{net::tls::disbelief, words::said};

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Answer {
    /// How long the parts took that were gone through, in their order.
    pub parts: Vec<(Part, Duration)>,
    /// How long all of it took; none where it did not come to its end.
    pub whole: Option<Duration>,
    /// Of a page: its status.
    pub status: Option<u16>,
    /// Of an encrypted line: what the server showed.
    pub certificate: Option<Shown>,
    /// Of a name server: how long its answer took, and its code.
    pub name: Option<(Duration, u16)>,
    /// Why it is not right.
    pub failure: Option<Failure>,
}

/// A part of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Finding the address that belongs to a name.
    Resolve,
    /// Opening a connection.
    Connect,
    /// Locking it.
    Tls,
    /// Waiting for the first byte of the answer.
    Processing,
    /// Reading the rest.
    Transfer,
}

impl Part {
    pub fn name(self) -> &'static str {
        match self {
            Part::Resolve => "resolve",
            Part::Connect => "connect",
            Part::Tls => "tls",
            Part::Processing => "processing",
            Part::Transfer => "transfer",
        }
    }
}

/// The certificate that a server showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shown {
    /// When it ends; none where it cannot be read.
    pub ends: Option<Timestamp>,
    /// Whether it was believed.
    pub trusted: bool,
}

/// Why a target is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub kind: Kind,
    /// The rest of a sentence that starts with "it".
    pub why: String,
}

/// What kind of failure it is: a label, so there are few.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Its name has no address.
    Name,
    /// Nobody is there.
    Connection,
    /// It took too long.
    Timeout,
    /// Its certificate is not believed.
    Certificate,
    /// The line could not be locked.
    Tls,
    /// What it said is no answer, or not a whole one.
    Protocol,
    /// It answered that it cannot.
    Status,
    /// Not its fault: this machine could not ask.
    Internal,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Name => "name_resolution",
            Kind::Connection => "connection",
            Kind::Timeout => "timeout",
            Kind::Certificate => "certificate",
            Kind::Tls => "tls",
            Kind::Protocol => "protocol",
            Kind::Status => "status",
            Kind::Internal => "internal",
        }
    }
}

impl Failure {
    pub fn new(kind: Kind, why: impl Into<String>) -> Self {
        Failure { kind, why: why.into() }
    }

    /// A line that broke; `when` is such as "before it answered".
    pub fn broken(error: &io::Error, when: &str) -> Self {
        if let Some(tls) = error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>()) {
            return match disbelief(tls) {
                Some(why) => Failure::new(Kind::Certificate, why),
                None => Failure::new(Kind::Tls, format!("could not agree on encryption ({})", said(&tls.to_string()))),
            };
        }
        match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Failure::late(when),
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::WriteZero => Failure::closed(when),
            _ => Failure::new(Kind::Connection, format!("broke off {when} ({})", said(&error.to_string()))),
        }
    }

    /// It took too long.
    pub fn late(when: &str) -> Self {
        Failure::new(Kind::Timeout, format!("took too long: its time was up {when}"))
    }

    /// The other end closed the line.
    pub fn closed(when: &str) -> Self {
        Failure::new(Kind::Protocol, format!("closed the connection {when}"))
    }
}

impl Answer {
    /// Of two answers since the last sample the worse one is told.
    pub fn worse(self, other: Self) -> Self {
        let rank = |answer: &Answer| (answer.failure.is_some(), answer.whole);
        if rank(&self) > rank(&other) { self } else { other }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worse_of_two_answers_is_told() {
        let took = |ms| Answer { whole: Some(Duration::from_millis(ms)), ..Answer::default() };
        let failed = || Answer { failure: Some(Failure::late("x")), ..Answer::default() };
        assert_eq!(took(5).worse(took(9)), took(9));
        assert_eq!(took(9).worse(took(5)), took(9));
        assert_eq!(failed().worse(took(5)), failed());
        assert_eq!(took(5).worse(failed()), failed());
    }
}
