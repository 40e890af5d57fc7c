//! The pages as their readers' programs see them; needs those programs: `make pages`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[allow(dead_code, reason = "the samples use more of it")]
#[path = "samples/history.rs"]
mod history;
#[allow(dead_code, reason = "the samples use more of it")]
#[path = "samples/made.rs"]
mod made;
#[path = "samples/mails.rs"]
mod mails;
#[path = "samples/measured.rs"]
mod measured;
#[allow(dead_code, reason = "the samples use more of it")]
#[path = "samples/recording.rs"]
mod recording;

mod pages {
    mod html;
    mod mail;
    mod pdf;
}
