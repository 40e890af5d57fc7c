//! Mail by a mail server: SMTP with STARTTLS or TLS and a login.
//!
//! lettre builds our mails but does not carry them. Its connection bounds each read, not the time of a whole answer
//! (one byte a second keeps it for ever); it keeps what came in the clear before encryption and takes it for an
//! answer of the encrypted server; and it writes the last dot and waits for the answer in one call, so nobody can tell
//! "not handed over" from "no answer". These three are what [`send`](super::send) promises.

mod reply;
mod session;
mod settings;
mod wire;

pub(super) use session::send;
pub use settings::{Security, Server};
