//! One mail over one line, stage by stage, and what became of it.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use base64ct::{Base64, Encoding as _};
use rustls::ClientConfig;
use zeroize::Zeroizing;

use super::{
    super::{
        Cause, Letter, Outcome, Secret,
        address::{Address, domain_part},
        outcome::said,
    },
    Security, Server,
    reply::{Offers, Reply},
    wire::{Broken, Wire},
};
use crate::{net::tls, words::thousands};

/// How long the goodbye may take: nothing depends on it.
const GOODBYE: Duration = Duration::from_secs(2);
/// How much longer than other answers that to the mail itself may take: the server looks for spam and stores it.
const PATIENCE: u32 = 5;
/// The slowest line on which a mail is written, in bytes a second.
const SLOWEST: u64 = 16 << 10;
/// How much of a mail is one step, in bytes.
const CHUNK: usize = 64 << 10;

/// Sends one mail. `before_body` is called once at most: when the server waits for the mail, before its first byte.
pub(in super::super) fn send(
    server: &Server,
    letter: &Letter,
    before_body: &mut dyn FnMut() -> Result<(), String>,
) -> Outcome {
    if let Some(wrong) = server.wrong() {
        return Outcome::never(Cause::Settings, wrong);
    }
    for (address, cause) in [(&letter.from, Cause::Settings), (&letter.to, Cause::Recipient)] {
        if address.is_local() {
            return Outcome::never(
                cause,
                format!(
                    "'{address}' is a name on this machine only; a mail server needs an address with a domain, such as {address}@example.org"
                ),
            );
        }
    }
    match Session::open(server).and_then(|mut session| {
        let result = session.hand_over(letter, before_body);
        session.goodbye();
        result
    }) {
        Ok(outcome) | Err(outcome) => outcome,
    }
}

struct Session<'a> {
    server: &'a Server,
    /// The host as DNS and certificates name it.
    host: String,
    wire: Wire,
    offers: Offers,
    /// When all that comes before the mail must be done.
    end: Instant,
    /// Whether the server listens to commands.
    listens: bool,
}

/// A stage, as the end of "closed the connection …".
type When = &'static str;

impl<'a> Session<'a> {
    /// Connects, greets, locks the line and logs in.
    fn open(server: &'a Server) -> Result<Self, Outcome> {
        let host = server.network_host().unwrap_or_default();
        let config = match server.security {
            Security::None => None,
            Security::StartTls | Security::Tls => {
                let config = tls::config(server.ca_file.as_deref());
                Some(config.map_err(|why| Outcome::never(Cause::Settings, why))?)
            }
        };
        let end = Instant::now() + server.step() * 5;
        let wire = Wire::connect(&host, server.port(), end.min(Instant::now() + server.step()))
            .map_err(|why| Outcome::later(format!("The mail server {host} {why}")))?;
        let mut session = Session { server, host, wire, offers: Offers::default(), end, listens: false };
        if let (Security::Tls, Some(config)) = (server.security, &config) {
            session = session.lock(config)?;
        }
        let result = session.greet().and_then(|()| session.hello());
        session.or_goodbye(result)?;
        if let (Security::StartTls, Some(config)) = (server.security, &config) {
            let result = session.starttls();
            session.or_goodbye(result)?;
            session = session.lock(config)?;
            let result = session.hello();
            session.or_goodbye(result)?;
        }
        if let Some((user, password)) = &server.login {
            let result = session.log_in(user, password);
            session.or_goodbye(result)?;
        }
        Ok(session)
    }

    fn or_goodbye(&mut self, result: Result<(), Outcome>) -> Result<(), Outcome> {
        result.inspect_err(|_| self.goodbye())
    }

    /// Says goodbye where the server still listens; the answer does not matter.
    fn goodbye(&mut self) {
        if std::mem::take(&mut self.listens) {
            let end = Instant::now() + GOODBYE.min(self.server.step());
            if self.wire.write(b"QUIT\r\n", end).is_ok() {
                let _ = self.wire.reply(end);
            }
        }
    }

    /// The end of the next step.
    fn step(&self) -> Instant {
        self.end.min(Instant::now() + self.server.step())
    }

    fn named(&self, what: impl std::fmt::Display) -> String {
        format!("The mail server {} {what}", self.host)
    }

    /// What became of a mail whose line broke before it was handed over.
    fn broken(&mut self, broken: Broken, when: When) -> Outcome {
        self.listens = false;
        match broken {
            Broken::NotBelieved(why) => Outcome::never(Cause::Settings, self.named(why)),
            other => Outcome::later(self.named(format!("{} {when}", told(&other)))),
        }
    }

    /// What became of a mail that the server did not want at some stage: not now, or not at all.
    fn refused(&self, reply: &Reply, cause: Cause, verb: &str) -> Outcome {
        let sentence = self.named(format!("{verb} {}", reply.said()));
        if reply.is_no() { Outcome::never(cause, sentence) } else { Outcome::later(sentence) }
    }

    /// Says one line and gets the whole answer.
    fn say(&mut self, line: &str, when: When) -> Result<Reply, Outcome> {
        let end = self.step();
        let whole = Zeroizing::new(format!("{line}\r\n"));
        let answer = self.wire.write(whole.as_bytes(), end).and_then(|()| self.wire.reply(end));
        answer.map_err(|e| self.broken(e, when))
    }

    fn greet(&mut self) -> Result<(), Outcome> {
        let end = self.step();
        let reply = self.wire.reply(end).map_err(|e| self.broken(e, "before it said hello"))?;
        self.listens = true;
        if reply.code == 220 {
            Ok(())
        } else {
            Err(self.refused(&reply, Cause::Settings, "takes no mail from this machine"))
        }
    }

    fn hello(&mut self) -> Result<(), Outcome> {
        let own_ip = self.wire.own_ip();
        let given = self.server.hello.as_deref().and_then(|h| domain_part(h.trim().trim_end_matches('.')).ok());
        let name = given.unwrap_or_else(|| match own_ip {
            Some(IpAddr::V6(ip)) => format!("[IPv6:{ip}]"),
            Some(IpAddr::V4(ip)) => format!("[{ip}]"),
            None => "[127.0.0.1]".to_owned(),
        });
        let reply = self.say(&format!("EHLO {name}"), "after our hello")?;
        if reply.code != 250 {
            return Err(self.refused(&reply, Cause::Settings, &format!("did not like our hello, {name}")));
        }
        self.offers = Offers::read(&reply);
        Ok(())
    }

    fn starttls(&mut self) -> Result<(), Outcome> {
        if !self.offers.starttls {
            return Err(Outcome::never(
                Cause::Settings,
                self.named("offers no encryption (STARTTLS), and without it nothing is sent"),
            ));
        }
        let reply = self.say("STARTTLS", "when encryption was asked for")?;
        if reply.code != 220 {
            return Err(self.refused(&reply, Cause::Settings, "offers encryption but did not start it"));
        }
        // From here on it speaks only once the line is locked. What came before could be from anyone on the way.
        self.listens = false;
        if self.wire.has_unread() {
            return Err(Outcome::later(self.named("spoke in the clear where encryption should have begun")));
        }
        Ok(())
    }

    fn lock(self, config: &Arc<ClientConfig>) -> Result<Self, Outcome> {
        let end = self.step();
        let listens = self.server.security == Security::StartTls;
        match self.wire.encrypt(config, &self.host, end) {
            Ok(wire) => Ok(Session { wire, offers: Offers::default(), listens, ..self }),
            Err(Broken::NotBelieved(why)) => {
                Err(Outcome::never(Cause::Settings, format!("The mail server {} {why}", self.host)))
            }
            Err(other) => Err(Outcome::later(format!(
                "The mail server {} {} while encryption was set up",
                self.host,
                told(&other)
            ))),
        }
    }

    fn log_in(&mut self, user: &str, password: &Secret) -> Result<(), Outcome> {
        // The name "localhost" was believed so far; now the address is known.
        if !self.wire.is_encrypted() && !self.wire.is_here() {
            return Err(Outcome::never(
                Cause::Settings,
                self.named("is not this machine, so the password is not sent without encryption"),
            ));
        }
        let when = "at the login";
        let offered = |way: &str| self.offers.auth.iter().any(|a| a == way);
        let mut reply = if offered("PLAIN") {
            let plain = Zeroizing::new(format!("\0{user}\0{}", password.expose()));
            let coded = Zeroizing::new(Base64::encode_string(plain.as_bytes()));
            let first = self.say(&Zeroizing::new(format!("AUTH PLAIN {}", *coded)), when)?;
            // A few servers want it on a line of its own.
            if first.code == 334 { self.say(&coded, when)? } else { first }
        } else if offered("LOGIN") {
            let mut reply = self.say("AUTH LOGIN", when)?;
            if reply.code == 334 {
                reply = self.say(&Base64::encode_string(user.as_bytes()), when)?;
            }
            if reply.code == 334 {
                let coded = Zeroizing::new(Base64::encode_string(password.expose().as_bytes()));
                reply = self.say(&coded, when)?;
            }
            reply
        } else {
            let why = match self.offers.auth.as_slice() {
                [] => "offers no login".to_owned(),
                ways => format!("offers only logins that are not known here ({})", said(&ways.join(", "))),
            };
            return Err(Outcome::never(Cause::Settings, self.named(format!("{why}; PLAIN or LOGIN is needed"))));
        };
        if reply.is_yes() {
            return Ok(());
        }
        // A server that repeats what it heard must not put the password into a report.
        for line in &mut reply.lines {
            *line = hidden(line, password);
        }
        let verb = if reply.is_no() { "did not accept the password" } else { "cannot check the password now" };
        Err(self.refused(&reply, Cause::Settings, verb))
    }

    /// Hands the mail over.
    fn hand_over(
        &mut self,
        letter: &Letter,
        before_body: &mut dyn FnMut() -> Result<(), String>,
    ) -> Result<Outcome, Outcome> {
        let utf8 = self.fits(letter)?;
        self.envelope(letter, utf8)?;
        let reply = self.say("DATA", "before the mail itself")?;
        if reply.code != 354 {
            return Err(self.refused(&reply, Cause::Message, "did not want the mail"));
        }
        // Whatever is written now is part of the mail: to stop is to close the line.
        self.listens = false;
        before_body().map_err(|e| {
            Outcome::later(format!(
                "It could not be written down that the mail goes out, so it was not sent ({})",
                said(&e)
            ))
        })?;
        let bytes = with_dots_doubled(&letter.bytes);
        let end = Instant::now() + self.server.step() + Duration::from_secs(bytes.len() as u64 / SLOWEST);
        for chunk in bytes.chunks(CHUNK) {
            // A large mail may take its time, but a server that has stopped reading is left soon.
            if let Err(broken) = self.wire.write(chunk, end.min(Instant::now() + self.server.step())) {
                return Err(self.cut_off(broken));
            }
        }
        Ok(self.last_dot())
    }

    /// Whether the server can take this mail; says if it needs SMTPUTF8.
    fn fits(&self, letter: &Letter) -> Result<bool, Outcome> {
        let size = letter.bytes.len() as u64;
        if let Some(most) = self.offers.size.filter(|most| *most > 0 && size > *most) {
            let [size, most] = [size, most].map(|n| thousands(usize::try_from(n).unwrap_or(usize::MAX)));
            let why = self.named(format!("takes mails of at most {most} bytes, and this one has {size}"));
            return Err(Outcome::never(Cause::Message, why));
        }
        let utf8 = letter.to.needs_utf8() || letter.from.needs_utf8() || !letter.bytes.is_ascii();
        if utf8 && !(self.offers.utf8 && self.offers.eight_bit) {
            let why = self.named(format!(
                "takes no addresses with other than plain letters before the @ (SMTPUTF8), and the mail is for {}",
                letter.to
            ));
            return Err(Outcome::never(Cause::Recipient, why));
        }
        Ok(utf8)
    }

    fn envelope(&mut self, letter: &Letter, utf8: bool) -> Result<(), Outcome> {
        let size = self.offers.size.map(|_| format!(" SIZE={}", letter.bytes.len())).unwrap_or_default();
        let letters = if utf8 { " BODY=8BITMIME SMTPUTF8" } else { "" };
        let reply = self.say(&format!("MAIL FROM:<{}>{size}{letters}", letter.from), "when it heard the sender")?;
        if !reply.is_yes() {
            let cause = if reply.code == 552 { Cause::Message } else { Cause::Settings };
            return Err(self.refused(&reply, cause, &format!("does not take mail from {}", letter.from)));
        }
        let reply = self.say(&format!("RCPT TO:<{}>", letter.to), "when it heard the recipient")?;
        if !reply.is_yes() {
            return Err(self.refused(&reply, blame(&reply), &does_not_take(&letter.to)));
        }
        Ok(())
    }

    /// The line broke within the mail, before its end: the server must not keep it. Perhaps it said why.
    fn cut_off(&mut self, broken: Broken) -> Outcome {
        let end = Instant::now() + GOODBYE.min(self.server.step());
        match self.wire.reply(end) {
            Ok(reply) if reply.is_no() => self.refused(&reply, Cause::Message, "did not take the mail"),
            _ => self.broken(broken, "while the mail was written, before its end"),
        }
    }

    /// The moment of no return: from the first byte of the last dot on, the mail may be the server's.
    fn last_dot(&mut self) -> Outcome {
        let end = Instant::now() + self.server.step() * PATIENCE;
        let unsure = |what: &str| {
            Outcome::unsure(format!(
                "The whole mail was given to the mail server {}, but it {what} before it said whether it took it. \
                 It may have arrived, so it is not sent again",
                self.host
            ))
        };
        match self.wire.write(b".\r\n", end).and_then(|()| self.wire.reply(end)) {
            Err(broken) => unsure(&told(&broken)),
            Ok(reply) => {
                if reply.is_yes() {
                    self.listens = true;
                    return Outcome::Sent { said: self.named(format!("took the mail {}", reply.said())) };
                }
                if !reply.is_later() && !reply.is_no() {
                    return unsure("gave an answer that does not belong there");
                }
                self.listens = true;
                let cause = if reply.status() == Some((5, 1)) { Cause::Recipient } else { Cause::Message };
                self.refused(&reply, cause, "did not take the mail")
            }
        }
    }
}

/// How a line broke, as the part of a sentence after the server's name.
fn told(broken: &Broken) -> String {
    match broken {
        Broken::Closed => "closed the connection".to_owned(),
        Broken::Slow => "took too long".to_owned(),
        Broken::Nonsense => "said something that is not the language of mail servers".to_owned(),
        Broken::NotBelieved(why) => why.clone(),
        Broken::Other(what) => format!("could no longer be understood ({what})"),
    }
}

fn does_not_take(to: &Address) -> String {
    format!("does not take mail for {to}")
}

/// Whether the recipient or our settings are at fault: a server that wants a login, or carries nothing for strangers.
fn blame(reply: &Reply) -> Cause {
    let words = reply.lines.join(" ").to_ascii_lowercase();
    let stranger = words.contains("relay") || words.contains("authenticat");
    if matches!(reply.code, 530 | 535) || (reply.is_no() && stranger) { Cause::Settings } else { Cause::Recipient }
}

/// A server's words without the password, plain or coded.
fn hidden(words: &str, password: &Secret) -> String {
    let coded = Zeroizing::new(Base64::encode_string(password.expose().as_bytes()));
    let mut words = words.to_owned();
    for secret in [password.expose(), coded.as_str()] {
        if !secret.is_empty() {
            words = words.replace(secret, "…");
        }
    }
    words
}

/// A line that starts with a dot gets a second one, so that the last line of all is the only single dot.
fn with_dots_doubled(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 64);
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        if line.first() == Some(&b'.') {
            out.push(b'.');
        }
        out.extend_from_slice(line);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_line_is_a_single_dot() {
        assert_eq!(with_dots_doubled(b".\r\n..\r\na.b\r\n.x\r\n"), b"..\r\n...\r\na.b\r\n..x\r\n");
    }

    #[test]
    fn strangers_are_told_from_unknown_people() {
        let reply = |code, words: &str| Reply { code, lines: vec![words.to_owned()] };
        assert_eq!(blame(&reply(550, "5.1.1 User unknown")), Cause::Recipient);
        assert_eq!(blame(&reply(554, "5.7.1 <x@y>: Relay access denied")), Cause::Settings);
        assert_eq!(blame(&reply(530, "5.7.0 Must issue a STARTTLS command first")), Cause::Settings);
    }

    #[test]
    fn a_repeated_password_is_hidden() {
        let password = Secret::new("hunter2".to_owned());
        assert_eq!(hidden("bad: hunter2 (aHVudGVyMg==)", &password), "bad: … (…)");
    }
}
