//! Why something could not be done by the schedule.

use std::path::PathBuf;

use super::WhenError;
use crate::{config::ConfigError, store::StoreError, words};

/// Why something could not be done by the schedule.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// The history.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The folder of locks, or a file in it.
    #[error("{0} cannot be used: {1}")]
    Folder(PathBuf, std::io::Error),
    /// This program cannot be started again.
    #[error("this program cannot be started: {0}")]
    Program(std::io::Error),
    /// No job has this name.
    #[error("there is no job called `{}`", words::harmless(.name))]
    NoJob {
        /// The name.
        name: String,
        /// A job of nearly this name.
        near: Option<String>,
    },
    /// The times of a job.
    #[error("the times of the job `{0}` cannot be used: {1}")]
    Times(String, WhenError),
    /// It is at work already.
    #[error("the job `{0}` is at work already")]
    AtWork(String),
    /// Another daemon runs.
    #[error("another cleanbill daemon runs already{}", .0.as_deref().map_or_else(String::new, |pid| format!(" (process {pid})")))]
    SecondDaemon(Option<String>),
    /// Mail cannot be sent as the settings are.
    #[error("{0}")]
    Mail(String),
    /// What runs the schedule cannot be installed or taken away.
    #[error("{what}")]
    Install {
        /// Why, as a sentence.
        what: String,
        /// What to do about it.
        hint: String,
    },
    /// Anything else, in a sentence.
    #[error("{0}")]
    Other(String),
}
