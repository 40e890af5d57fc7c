//! The settings of a machine: one file, `cleanbill.toml`, read whole or refused with every mistake and its line.

mod edit;
mod kept;
mod keys;
mod length;
mod load;
mod meaning;
mod metrics;
mod mistake;
mod secret;
mod sections;
mod setup;
#[cfg(test)]
mod tests;
mod update;
mod watch;

pub use edit::{Edit, EditError};
pub use kept::{keep_last_good, last_good};
pub use keys::{Choice, Key, NAME, general, keys, reference, reference_with};
pub use length::Length;
pub use load::Settings;
pub use meaning::{job_name, server_name};
pub use metrics::{Metrics, Target};
pub use mistake::{ConfigError, Mistake};
pub use sections::{Alerts, Backup, Config, Job, Look, Machine, Mail, PolicyName, Security, StoreFile, Task};
pub use setup::Setup;
pub use update::{Channel, Update};
pub use watch::{Panel, Watch};
