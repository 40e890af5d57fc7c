//! The mails as their readers get them.

mod made;
mod page;
mod size;
mod words;
