//! What happens by itself, and when: the jobs of the settings, each run on record, whoever starts it.
//!
//! `cleanbill schedule run --if-due JOB` is what the daemon, a systemd timer and a crontab call alike: it asks the history
//! whether the job is due, keeps others from running it at the same time, and writes down what became of it.

mod daemon;
mod due;
mod emergency;
mod error;
mod here;
mod install;
mod known;
mod letters;
mod lock;
mod measure;
mod outbox;
mod run;
mod start;
mod status;
mod when;
mod work;

pub use daemon::{Card, Daemon, Note, card};
pub use due::{Due, due};
pub use emergency::cry;
pub use error::ScheduleError;
pub(crate) use here::times;
pub use here::{Here, Planned};
pub use install::{
    Change, Installed, Plan, Site, Way, by_hand, follow, installed, own_program, turn_off_packaged, uninstall,
};
pub use known::{Known, known};
pub use letters::Sender;
pub use lock::Lock;
pub use measure::MEASURES;
pub use outbox::{Delivered, deliver};
pub use run::{Asked, Ended, run, wait_for_delay};
pub use start::{End, restart_service};
pub use status::{Listed, Status, does, jobs, only_starts_jobs, result, status};
pub use when::{CronLine, When, WhenError, says_time};
pub use work::{Preview, Tried, preview, test_mail, work};
