//! The book in `docs`: its reference is what the program declares, its commands work, its links lead somewhere.
//!
//! `INSTA_UPDATE=always cargo test --release --test book the_reference` writes the reference anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod chapters;
mod commands;
mod links;
mod reference;
mod sandbox;
mod sentences;
#[path = "../integration/support.rs"]
#[allow(dead_code, reason = "shared with the tests of the program")]
mod support;
#[path = "../../src/testing.rs"]
#[allow(dead_code, reason = "shared with the tests of the program")]
mod testing;
