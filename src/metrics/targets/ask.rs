//! Asks one target once, step by step, all of it within one time limit.

use std::{
    io::{Read, Write},
    sync::Arc,
    time::{Duration, Instant},
};

use rustls::{ClientConnection, StreamOwned, pki_types::ServerName};

use super::{
    address::{Address, Asked},
    answer::{Answer, Failure, Kind, Part},
    dns, http,
    trust::Trust,
};
use crate::net::{Timed, connect, look_up, shaken};

/// A target with all that is needed to ask it.
#[derive(Debug)]
pub(super) struct Target {
    /// What its owner calls it.
    pub name: String,
    pub address: Address,
    pub every: Duration,
    /// How long all of it may take.
    pub timeout: Duration,
    /// Of a page: the status that is right.
    pub status: Option<u16>,
    pub trust: Arc<Trust>,
}

/// Asks it. The look-up of its name may take longer than its time; nothing else does.
pub(super) fn ask(target: &Target, begun: Instant) -> Answer {
    let mut answer = Answer::default();
    match steps(target, begun, &mut answer) {
        Ok(()) => answer.whole = Some(begun.elapsed()),
        // It came to its end, only not as it should.
        Err(failure) => {
            if failure.kind == Kind::Status {
                answer.whole = Some(begun.elapsed());
            }
            answer.failure = Some(failure);
        }
    }
    answer
}

fn steps(target: &Target, begun: Instant, answer: &mut Answer) -> Result<(), Failure> {
    let end = begun + target.timeout;
    let Address { host, port, asked } = &target.address;
    let addresses = look_up(host, *port).map_err(|why| Failure::new(Kind::Name, why))?;
    if Instant::now() >= end {
        return Err(Failure::late(LOOKING));
    }
    answer.parts.push((Part::Resolve, begun.elapsed()));
    if let Asked::Name { name, kind } = asked {
        let (said, failure) = dns::ask(&addresses, name, *kind, end);
        answer.name = said.map(|said| (said.took, said.code));
        return failure.map_or(Ok(()), Err);
    }
    let begun = Instant::now();
    let socket = connect(&addresses, end).map_err(|why| {
        let kind = if Instant::now() >= end { Kind::Timeout } else { Kind::Connection };
        Failure::new(kind, why)
    })?;
    answer.parts.push((Part::Connect, begun.elapsed()));
    let mut line = Timed::new(socket, end);
    match asked {
        Asked::Page { encrypted: true, .. } => {
            let mut line = lock(line, target, answer)?;
            let result = page(&mut line, target, answer);
            // A goodbye, where the server still listens; nothing depends on it.
            line.conn.send_close_notify();
            let _ = line.conn.write_tls(&mut line.sock);
            result
        }
        Asked::Page { .. } => page(&mut line, target, answer),
        Asked::Port | Asked::Name { .. } => Ok(()),
    }
}

/// What the time was used up with when a name was not found.
pub(super) const LOOKING: &str = "while its name was looked up";

fn page(line: &mut (impl Read + Write), target: &Target, answer: &mut Answer) -> Result<(), Failure> {
    http::exchange(line, &target.address, target.status, answer)
}

/// Locks the line; what the server showed is kept whether it is believed or not.
fn lock(line: Timed, target: &Target, answer: &mut Answer) -> Result<StreamOwned<ClientConnection, Timed>, Failure> {
    let begun = Instant::now();
    let internal = |why: String| Failure::new(Kind::Internal, format!("could not be asked ({why})"));
    let (config, witness) = target.trust.line().map_err(internal)?;
    let name = ServerName::try_from(target.address.host.clone()).map_err(|e| internal(e.to_string()))?;
    let connection = ClientConnection::new(config, name).map_err(|e| internal(e.to_string()))?;
    let mut line = StreamOwned::new(connection, line);
    let shaken = shaken(&mut line);
    answer.certificate = witness.seen();
    let when = "before the line was locked";
    match shaken {
        Ok(true) => {
            answer.parts.push((Part::Tls, begun.elapsed()));
            Ok(line)
        }
        Ok(false) => Err(Failure::closed(when)),
        Err(error) => {
            let failure = Failure::broken(&error, when);
            match witness.blind() {
                Some(why) if failure.kind == Kind::Certificate => {
                    Err(Failure::new(Kind::Certificate, format!("cannot be believed. {why}")))
                }
                _ => Err(failure),
            }
        }
    }
}
