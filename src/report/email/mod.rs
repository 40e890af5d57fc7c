//! The mails: the one of every week, short ones between them, and one for many machines. Each is a subject, a text that
//! reads well alone, a page that mail programs leave whole, and its pictures. Nothing here sends, reads a file beyond the
//! machine's own templates, or computes what a report tells: numbers and sentences come from the model.

mod clean;
mod digest;
mod fixed;
mod mail;
mod pictures;
mod short;
mod subject;
#[cfg(test)]
mod tests;
mod week;
mod wrap;

pub use digest::{Digest, digest};
pub use fixed::{FixedBy, Who};
pub use mail::{Mail, Picture};
pub use pictures::Fill;
pub use short::{Alert, Confirm, Kind, News, Solved, Stuck, TestMail, alert, confirm, solved, stuck, test_mail};
pub use week::{NotFixed, Week, weekly};

/// Where a machine's own templates lie, in the folder `email`.
pub const OWN_TEMPLATES: &str = super::templates::OVERRIDE_DIR;
