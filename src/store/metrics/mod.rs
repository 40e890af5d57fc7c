//! Samples in the history: taken in from the spool, sorted and rolled up when a day is over, read at any width.

mod blocks;
mod facts;
mod read;
mod roll;
mod take;
#[cfg(test)]
mod tests;

pub use facts::Metrics;
pub use read::{Point, SeriesRow, Summary};
pub(super) use roll::BIN;
pub use roll::{Keep, Kept, Rolled};
pub use take::Taken;
