//! The settings that hold for this call: read once, before anything else.

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

use super::error::CliError;
use crate::{
    config::{Config, ConfigError, Settings},
    words,
};

static SETTINGS: OnceLock<Settings> = OnceLock::new();

/// What a mistake in the settings does to a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strict {
    /// It is not carried out.
    Yes,
    /// The same, but a file that is not there will be made.
    Makes,
    /// It is carried out with the defaults, and the mistake is told: what takes something back must work always.
    No,
    /// It reads the settings by itself.
    Own,
}

/// Reads the settings.
pub(super) fn read(file: Option<&Path>, strict: Strict) -> Result<(), CliError> {
    if strict == Strict::Own {
        return Ok(());
    }
    let settings = match Settings::load(&path(file)) {
        Ok(settings) => settings,
        Err(error) if strict != Strict::No => return Err(error.into()),
        Err(error) => {
            anstream::eprintln!("The settings cannot be used: {error}");
            let _ = SETTINGS.set(Settings::none(path(file)));
            return Ok(());
        }
    };
    // A file that was named must be there.
    if let (Some(file), None, true) = (file, &settings.text, strict == Strict::Yes) {
        return Err(CliError::usage(
            format!("there are no settings in {}", file.display()),
            "Make them with: cleanbill init",
        ));
    }
    let _ = SETTINGS.set(settings);
    Ok(())
}

/// The file that is meant.
pub(super) fn path(file: Option<&Path>) -> PathBuf {
    file.map_or_else(Settings::default_path, |file| std::path::absolute(file).unwrap_or_else(|_| file.to_owned()))
}

/// What holds for this call.
pub(super) fn get() -> &'static Settings {
    SETTINGS.get_or_init(|| Settings::none(Settings::default_path()))
}

/// The settings themselves.
pub(super) fn config() -> &'static Config {
    &get().config
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        let file = words::shell(&error.file.to_string_lossy());
        CliError::usage(error.to_string(), format!("Mend {file}; what a key means: cleanbill config explain KEY"))
    }
}
