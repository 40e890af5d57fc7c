//! What is measured, against real servers.

mod targets;
