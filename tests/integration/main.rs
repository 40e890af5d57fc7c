//! The program as its users run it, by feature.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod audit;
mod bad_input;
mod ci;
mod commands;
mod compare;
mod fix;
mod fixes_cut_off;
mod forecast;
mod history;
mod install;
mod mail;
mod metrics;
mod report;
mod schedule;
mod sink;
mod store_care;
mod support;
#[path = "../../src/testing.rs"]
mod testing;
mod trend;
mod update;
mod upgrade;
mod watch;
