//! What happens by itself, and when.

mod when;

pub use when::{CronLine, When, WhenError, says_time};
