//! One question to a name server by UDP (RFC 1035), and whether what comes back answers it. Who sends something else is
//! not listened to: an answer that anyone could have made up ends nothing.

use std::{
    hash::{BuildHasher as _, RandomState},
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use hickory_proto::{
    op::{Message, MessageType, OpCode, Query, ResponseCode},
    rr::{Name, RecordType},
};

use super::answer::{Failure, Kind};
use crate::{net::share, words::said};

/// What a name server said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Said {
    pub code: u16,
    pub took: Duration,
}

/// No answer by UDP is longer to one who does not say that it may be.
const LONGEST: usize = 4096;
/// A packet may get lost; then the question is asked once more after this time.
const AGAIN: Duration = Duration::from_secs(2);

/// Asks the first of these addresses that answers, until that moment. What it said counts even where it is not right.
pub(super) fn ask(
    addresses: &[SocketAddr],
    name: &Name,
    kind: RecordType,
    end: Instant,
) -> (Option<Said>, Option<Failure>) {
    let mut failure = Failure::new(Kind::Name, "has no address");
    for (tried, address) in addresses.iter().enumerate() {
        match one(*address, name, kind, Instant::now() + share(addresses.len() - tried, end)) {
            Ok((said, wrong)) => return (Some(said), wrong),
            Err(why) => failure = why,
        }
    }
    (None, Some(failure))
}

fn one(address: SocketAddr, name: &Name, kind: RecordType, end: Instant) -> Result<(Said, Option<Failure>), Failure> {
    let query = Query::query(name.clone(), kind);
    // The number cannot be guessed, nor can the port, which the kernel chooses: only who sees the question can answer it.
    let number = RandomState::new().hash_one(address).to_le_bytes();
    let id = u16::from_le_bytes([number[0], number[1]]);
    let mut message = Message::new(id, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(query.clone());
    let cannot = |e: &dyn std::fmt::Display| Failure::new(Kind::Internal, format!("could not be asked ({e})"));
    let question = message.to_vec().map_err(|e| cannot(&e))?;

    let any: SocketAddr = match address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let unreached =
        |e: &io::Error| Failure::new(Kind::Connection, format!("could not be reached ({})", said(&e.to_string())));
    let socket = UdpSocket::bind(any).map_err(|e| cannot(&e))?;
    // The kernel lets in only what comes from there, and tells when nobody is.
    socket.connect(address).map_err(|e| unreached(&e))?;
    let begun = Instant::now();
    socket.send(&question).map_err(|e| unreached(&e))?;
    let mut again = Some(begun + AGAIN);
    let mut strange = None;
    let mut buffer = [0; LONGEST];
    loop {
        let now = Instant::now();
        let left = end.saturating_duration_since(now);
        if left.is_zero() {
            return Err(strange.unwrap_or_else(|| Failure::late("before it answered")));
        }
        if again.is_some_and(|at| at <= now) {
            again = None;
            let _ = socket.send(&question);
        }
        let wait = again.map_or(left, |at| left.min(at.saturating_duration_since(now)));
        socket.set_read_timeout(Some(wait.max(Duration::from_millis(1)))).map_err(|e| cannot(&e))?;
        let length = match socket.recv(&mut buffer) {
            Ok(length) => length,
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => continue,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(unreached(&e)),
        };
        match judge(buffer.get(..length).unwrap_or_default(), id, &query) {
            Ok((code, wrong)) => return Ok((Said { code, took: begun.elapsed() }, wrong)),
            Err(why) => strange = Some(Failure::new(Kind::Protocol, why)),
        }
    }
}

/// What an answer says: its code, and whether it is what was wanted.
///
/// # Errors
/// When it is no answer to that question.
fn judge(packet: &[u8], id: u16, query: &Query) -> Result<(u16, Option<Failure>), String> {
    let message = Message::from_vec(packet).map_err(|_| "sent something that is no answer".to_owned())?;
    if message.metadata.message_type != MessageType::Response || message.metadata.id != id {
        return Err("sent an answer with the wrong number".to_owned());
    }
    if message.queries.as_slice() != [query.clone()] {
        return Err("answered another question".to_owned());
    }
    let code = message.metadata.response_code;
    let kind = query.query_type();
    let wrong = match code {
        ResponseCode::NoError => {
            let has = message.metadata.truncation || message.answers.iter().any(|a| a.record_type() == kind);
            (!has).then(|| format!("knows no {kind} entry of that name"))
        }
        ResponseCode::NXDomain => Some("does not know that name".to_owned()),
        ResponseCode::Refused => Some("refused to answer".to_owned()),
        ResponseCode::ServFail => Some("could not find the answer (SERVFAIL)".to_owned()),
        other => Some(format!("answered with error {}", u16::from(other))),
    };
    Ok((u16::from(code), wrong.map(|why| Failure::new(Kind::Status, why))))
}

#[cfg(test)]
mod tests {
    use hickory_proto::rr::{RData, Record, rdata};
    use proptest::prelude::*;

    use super::*;

    fn query() -> Query {
        Query::query(Name::from_ascii("Example.org.").unwrap(), RecordType::A)
    }

    fn answer(id: u16, change: impl Fn(&mut Message)) -> Vec<u8> {
        let mut message = Message::new(id, MessageType::Response, OpCode::Query);
        // A server may write a name in other letters.
        message.add_query(Query::query(Name::from_ascii("eXample.org.").unwrap(), RecordType::A));
        let address = RData::A(rdata::A::new(192, 0, 2, 1));
        message.add_answer(Record::from_rdata(Name::from_ascii("example.org.").unwrap(), 60, address));
        change(&mut message);
        message.to_vec().unwrap()
    }

    #[test]
    fn only_an_answer_to_our_question_counts() {
        assert_eq!(judge(&answer(7, |_| ()), 7, &query()), Ok((0, None)));
        let wrong = |packet: &[u8]| judge(packet, 7, &query()).unwrap_err();
        assert!(wrong(&answer(8, |_| ())).contains("wrong number"));
        assert!(wrong(&answer(7, |m| m.metadata.message_type = MessageType::Query)).contains("wrong number"));
        let other = Query::query(Name::from_ascii("evil.org.").unwrap(), RecordType::A);
        assert!(wrong(&answer(7, |m| m.queries = vec![other.clone()])).contains("another question"));
        assert!(wrong(&answer(7, |m| m.queries.clear())).contains("another question"));
        assert!(wrong(b"HTTP/1.1 200 OK").contains("no answer"));
        assert!(wrong(&[]).contains("no answer"));
    }

    #[test]
    fn what_a_server_says_is_told_in_words() {
        for (code, told) in [
            (ResponseCode::NXDomain, "does not know"),
            (ResponseCode::Refused, "refused"),
            (ResponseCode::ServFail, "SERVFAIL"),
            (ResponseCode::NotImp, "error 4"),
        ] {
            let (said, failure) = judge(&answer(7, |m| m.metadata.response_code = code), 7, &query()).unwrap();
            assert_eq!(said, u16::from(code));
            assert!(failure.unwrap().why.contains(told));
        }
        let (_, failure) = judge(&answer(7, |m| m.answers.clear()), 7, &query()).unwrap();
        assert!(failure.unwrap().why.contains("no A entry"));
        let cut = answer(7, |m| {
            m.answers.clear();
            m.metadata.truncation = true;
        });
        assert_eq!(judge(&cut, 7, &query()), Ok((0, None)), "it answered, only not whole");
    }

    proptest! {
        #[test]
        fn no_packet_makes_it_stumble(packet in proptest::collection::vec(any::<u8>(), 0..600), at in 0_usize..60, byte: u8) {
            let _ = judge(&packet, 7, &query());
            let mut good = answer(7, |_| ());
            let at = at % good.len();
            good[at] = byte;
            let _ = judge(&good, 7, &query());
        }
    }
}
