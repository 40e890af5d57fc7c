//! What is measured, how often, and for how long it is kept.

use std::{collections::BTreeMap, path::PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Length;

/// How the machine feels: processor, memory, disks, network and what you name is measured again and again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    /// Whether the daemon measures.
    pub enabled: bool,
    /// How often.
    pub every: Length,
    /// How often what was measured is put into the history. Until then it waits in a file beside it.
    pub batch: Length,
    /// Only these are measured, such as `cpu` and `disk`; without any, all. `cleanbill collect --list` names them.
    pub only: Vec<String>,
    /// For how long every single value is kept.
    pub keep_samples: Length,
    /// For how long one value a minute is kept, with its least, mean and most.
    pub keep_minutes: Length,
    /// For how long one value an hour is kept. One value a day is kept for ever.
    pub keep_hours: Length,
    /// Where the last values stand for Prometheus: a file that node_exporter reads (`/…/cleanbill.prom`), or an address of
    /// this machine that answers (`127.0.0.1:9469`).
    pub prometheus: Option<String>,
    /// Access logs of web servers. Without any, those of nginx and Apache where they usually are.
    pub access_logs: Vec<PathBuf>,
    /// What should answer, by a name of your choice: `[metrics.targets.shop]` and then `url = "https://shop.example.org/"`.
    pub targets: BTreeMap<String, Target>,
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics {
            enabled: false,
            every: Length::seconds(10),
            batch: Length::seconds(600),
            only: Vec::new(),
            keep_samples: Length::seconds(2 * 86_400),
            keep_minutes: Length::seconds(30 * 86_400),
            keep_hours: Length::seconds(730 * 86_400),
            prometheus: None,
            access_logs: Vec::new(),
            targets: BTreeMap::new(),
        }
    }
}

/// Something that should answer: a web page, a port, a name server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// What is asked: `https://…`, `http://…`, `tcp://HOST:PORT`, or `dns://SERVER/NAME`.
    pub url: String,
    /// How often.
    #[serde(default = "a_minute")]
    pub every: Length,
    /// How long an answer may take.
    #[serde(default = "ten_seconds")]
    pub timeout: Length,
    /// Of a web page: the status that is right. Without it: any from 200 to 399.
    #[serde(default)]
    pub status: Option<u16>,
    /// Certificates (PEM) to trust beside those of this machine, for a server of your own.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

fn a_minute() -> Length {
    Length::seconds(60)
}

fn ten_seconds() -> Length {
    Length::seconds(10)
}
