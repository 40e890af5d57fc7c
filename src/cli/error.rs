//! What went wrong, in a sentence, and what to type next.

use std::process::ExitCode;

use crate::{
    checks::{Catalogue, CheckError},
    facts::QueryError,
    host::RootError,
    report::{MadeError, PdfError, TemplateError},
    store::{FilesError, StoreError},
    words,
};

/// An error as a person reads it.
#[derive(Debug)]
pub(super) struct CliError {
    message: String,
    hint: Option<String>,
    code: u8,
}

impl CliError {
    /// Wrong usage or configuration: exit code 2.
    pub(super) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        CliError { message: message.into(), hint: Some(hint.into()), code: 2 }
    }

    /// The work could not be completed: exit code 3.
    pub(super) fn failed(message: impl Into<String>, hint: impl Into<String>) -> Self {
        CliError { message: message.into(), hint: Some(hint.into()), code: 3 }
    }

    /// No check has this id.
    pub(super) fn no_such_check(id: &str, catalogue: &Catalogue) -> Self {
        let hint = match words::nearest(id, catalogue.checks().map(|c| c.id.as_str())) {
            Some(near) => format!("Did you mean: {near}?"),
            None => "See all of them with: cleanbill checks list".to_owned(),
        };
        CliError::usage(format!("There is no check called `{}`.", words::harmless(id)), hint)
    }

    /// No area has this id.
    pub(super) fn no_such_area(id: &str, catalogue: &Catalogue) -> Self {
        let hint = match words::nearest(id, catalogue.groups().iter().map(|g| g.id.as_str())) {
            Some(near) => format!("Did you mean: {near}?"),
            None => "See them with: cleanbill checks list".to_owned(),
        };
        CliError::usage(format!("There is no area called `{}`", words::harmless(id)), hint)
    }

    /// Prints itself on stderr and becomes the exit code.
    pub(super) fn print(self) -> ExitCode {
        anstream::eprintln!("{}", words::harmless(&words::sentence(&self.message)));
        if let Some(hint) = self.hint {
            anstream::eprintln!("{}", words::harmless(&hint));
        }
        ExitCode::from(self.code)
    }
}

impl From<FilesError> for CliError {
    fn from(error: FilesError) -> Self {
        CliError::usage(error.to_string(), "Name histories, or a folder of them, with --db")
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        let code = if matches!(
            error,
            StoreError::Missing(_) | StoreError::Lost(_) | StoreError::NoSuchAudit(_) | StoreError::OtherMachine(_)
        ) {
            2
        } else {
            3
        };
        CliError { message: error.to_string(), hint: Some(error.hint()), code }
    }
}

impl From<QueryError> for CliError {
    fn from(error: QueryError) -> Self {
        CliError::usage(error.to_string(), "See the tables with: cleanbill facts list")
    }
}

impl From<RootError> for CliError {
    fn from(error: RootError) -> Self {
        CliError::usage(error.to_string(), "Give the folder in which the image is mounted, such as --root /mnt/image")
    }
}

impl From<CheckError> for CliError {
    fn from(error: CheckError) -> Self {
        CliError::usage(error.to_string(), "Mend that file; nothing was looked at.")
    }
}

impl From<TemplateError> for CliError {
    fn from(error: TemplateError) -> Self {
        CliError::failed(error.to_string(), "The data itself: cleanbill report --format json")
    }
}

impl From<PdfError> for CliError {
    fn from(error: PdfError) -> Self {
        CliError::failed(error.to_string(), "The same as a page: cleanbill report --format html")
    }
}

impl From<MadeError> for CliError {
    fn from(error: MadeError) -> Self {
        match error {
            MadeError::Template(error) => error.into(),
            MadeError::Pdf(error) => error.into(),
            MadeError::OfOne => CliError::usage(error.to_string(), "Try: cleanbill report --db FILE --format sarif"),
        }
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        CliError::failed(error.to_string(), "Check the path and the rights, then try again.")
    }
}
