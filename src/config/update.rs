//! Where newer releases of this program come from.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Mistake;
use crate::{
    fixes::policy::Window,
    update::{Patience, SERVER, Source, UpdateError, address},
};

/// How this program is kept current, where no package manager does it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Update {
    /// The server of releases, or a mirror of it: `https://…`. Without it, the one that this program was built for.
    pub url: Option<String>,
    /// Which releases are meant: `stable` or `beta`.
    pub channel: Channel,
    /// The proxy on the way there, such as `http://proxy.example.org:3128`. Without it, as `https_proxy` says.
    pub proxy: Option<String>,
    /// Certificates (PEM) to trust beside those of this machine, for a mirror of your own.
    pub ca_file: Option<PathBuf>,
    /// When a job may update: `sat 02:00-05:00`, `mon-fri 22:30-23:30`; always where there is none. In local time.
    pub windows: Vec<Window>,
}

/// Which releases are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lowercase")]
pub enum Channel {
    /// Releases for everybody.
    #[default]
    Stable,
    /// Releases before they are for everybody.
    Beta,
}

impl Channel {
    /// Its name on a server.
    pub fn name(self) -> &'static str {
        match self {
            Channel::Stable => "stable",
            Channel::Beta => "beta",
        }
    }
}

impl Update {
    /// The server that is meant, and the way there.
    ///
    /// # Errors
    /// When none is known.
    pub fn source(&self, url: Option<&str>) -> Result<Source, UpdateError> {
        let url = url.or(self.url.as_deref()).or(SERVER).ok_or(UpdateError::NoServer)?;
        Ok(Source {
            url: url.to_owned(),
            proxy: self.proxy.clone(),
            ca_file: self.ca_file.clone(),
            patience: Patience::default(),
        })
    }

    /// What makes no sense.
    pub(super) fn mistakes(&self, found: &mut Vec<Mistake>) {
        if let Some(Err(why)) = self.url.as_deref().map(address) {
            found.push(Mistake::at("update.url", format!("{why}.")));
        }
    }
}
