//! The live view: what the machine does at this moment, on a whole terminal. One thread gathers, another asks the history;
//! what they find crosses as plain structs, and drawing is a pure function of them. This room never prints, and never ends
//! or changes a program of the machine.

mod charts;
pub mod draw;
mod gather;
mod keep;
pub mod keys;
mod layout;
mod moment;
mod past;
mod processes;
mod state;
#[cfg(test)]
mod tests;
mod worries;

pub use charts::{Chosen, Ring};
pub use gather::{Gather, Host as About, Order};
pub use keep::keep;
pub use moment::{Card, Connections, Disk, Memory, Moment, Shares, Space, Stall};
pub use past::{Asks, LastAudit, Line as NowLine, Past};
pub use processes::Process;
pub use state::{Sort, State, View};
