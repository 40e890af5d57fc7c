//! cleanbill gives a Linux machine a clean bill of health.
//!
//! The flow goes one way: [`probes`] read the [`host`] and fill [`facts`]; [`checks`] ask questions in SQL over them;
//! their findings get a [`score`]; one [`report`] model feeds every output; the [`store`] remembers. ARCHITECTURE.md
//! has the picture.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs))]

pub mod alerts;
pub mod analysis;
pub mod audit;
pub mod checks;
mod child;
pub mod cli;
pub mod config;
mod embedded;
pub mod facts;
mod files;
pub mod fixes;
pub mod host;
pub mod mail;
pub mod metrics;
mod net;
pub mod probes;
pub mod report;
pub mod schedule;
pub mod score;
mod signals;
pub mod store;
#[cfg(test)]
mod testing;
pub mod update;
pub mod watch;
pub mod words;
