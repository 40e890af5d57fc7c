//! Mail: one message is built and handed over, at most once, and what became of it is told exactly.
//!
//! [`Message::build`] makes a [`Letter`] for one recipient; [`send`] carries it by a mail server or by the mail program
//! of this machine. This room knows nothing of reports, the store or the settings file, and remembers nothing: who calls
//! writes down that a mail goes out (in `before_body`) and what became of it.

mod address;
mod header;
mod id;
mod message;
mod name;
mod outcome;
mod secret;
mod sendmail;
mod smtp;

use std::{fmt::Display, path::PathBuf, time::Duration};

pub use self::{
    address::{Address, AddressError, Mailbox},
    id::{MessageId, NoMessageId},
    message::{Attachment, BuildError, Letter, Message, Picture, Unsubscribe},
    name::Names,
    outcome::{Cause, Outcome},
    secret::Secret,
    sendmail::find as find_sendmail,
    smtp::{Security, Server},
};

/// How mail leaves this machine.
#[derive(Debug)]
pub enum Way {
    /// To a mail server.
    Smtp(Server),
    /// By a program that is called as sendmail is; [`find_sendmail`] knows the usual places.
    Sendmail {
        /// The program, by its whole path.
        program: PathBuf,
        /// The longest time it may take.
        timeout: Duration,
    },
}

/// Hands over one mail and says what became of it.
///
/// `before_body` is called once at most: after the server has taken the envelope (or just before the program is started),
/// and before the first byte of the mail. There the caller writes down that the mail goes out; when that fails, nothing is sent. A
/// process that dies after `before_body` and before the outcome does not know whether the mail arrived: it is to be
/// treated as [`Outcome::Unsure`].
///
/// Takes a bounded time whatever the other side does: see [`Server::timeout`].
pub fn send<E: Display>(way: &Way, letter: &Letter, before_body: &mut dyn FnMut() -> Result<(), E>) -> Outcome {
    if let Some(flaw) = letter.flaw() {
        return Outcome::never(Cause::Message, format!("This mail is damaged and is not sent: {flaw}"));
    }
    let mut before = || before_body().map_err(|e| e.to_string());
    match way {
        Way::Smtp(server) => smtp::send(server, letter, &mut before),
        Way::Sendmail { program, timeout } => sendmail::send(program, letter, *timeout, &mut before),
    }
}
