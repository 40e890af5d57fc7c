//! Checks: one question in SQL each, with the words, the tests and the references beside it in one TOML file.
//!
//! [`Catalogue`] loads and validates the files, [`run`] asks them. A check never reads the machine.

mod catalogue;
mod file;
#[cfg(test)]
mod measured;
mod run;
mod selftest;

pub use catalogue::{Catalogue, Group, OVERRIDE_DIR, Selection};
pub use file::{Check, CheckError, Fix, Safety, Severity, Test};
pub use run::{EVIDENCE_LIMIT, Evidence, Finding, Outcome, Verdict, run};
#[cfg(test)]
pub(crate) use selftest::tests::grade as reading_grade;
pub use selftest::{TEST_TIME, TestFailure, self_test};
