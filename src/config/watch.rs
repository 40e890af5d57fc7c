//! What the live view shows, and how often it looks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Length, Mistake};
use crate::{
    metrics::{metric, metrics},
    words::{harmless, nearest},
};

/// The live view, `cleanbill watch`. In the view, `W` writes what is shown into this section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Watch {
    /// How often it looks.
    pub every: Length,
    /// What it shows, from top to bottom.
    pub panels: Vec<Panel>,
    /// Metrics whose last minutes are drawn. `cleanbill collect --list` names them. One line of a metric is meant by what its
    /// labels say: `system.network.io{eth0}`.
    pub metrics: Vec<String>,
}

impl Default for Watch {
    fn default() -> Self {
        let drawn = ["system.cpu.utilization", "system.memory.utilization", "system.disk.io", "system.network.io"];
        Watch { every: Length::seconds(1), panels: Panel::ALL.to_vec(), metrics: drawn.map(str::to_owned).to_vec() }
    }
}

/// A part of the view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Panel {
    /// What the processors do.
    Processor,
    /// Memory and swap.
    Memory,
    /// How long programs wait for processor, memory and disks.
    Pressure,
    /// What disks read and write.
    Disks,
    /// What goes over the network.
    Network,
    /// Connections, and what goes wrong with them.
    Connections,
    /// How full file systems are.
    Space,
    /// The last minutes of the metrics that you chose.
    Charts,
    /// Jobs and fixes, failed services, errors in the logs.
    Now,
    /// The programs that use most.
    Processes,
}

impl Panel {
    /// All, in the order in which they are shown.
    pub const ALL: [Panel; 10] = [
        Panel::Processor,
        Panel::Memory,
        Panel::Pressure,
        Panel::Disks,
        Panel::Network,
        Panel::Connections,
        Panel::Space,
        Panel::Charts,
        Panel::Now,
        Panel::Processes,
    ];

    /// Its name in the settings.
    pub fn name(self) -> &'static str {
        match self {
            Panel::Processor => "processor",
            Panel::Memory => "memory",
            Panel::Pressure => "pressure",
            Panel::Disks => "disks",
            Panel::Network => "network",
            Panel::Connections => "connections",
            Panel::Space => "space",
            Panel::Charts => "charts",
            Panel::Now => "now",
            Panel::Processes => "processes",
        }
    }
}

/// The most metrics that are drawn.
const MOST: usize = 50;

impl Watch {
    /// What makes no sense.
    pub(super) fn mistakes(&self, found: &mut Vec<Mistake>) {
        if self.every.duration() < super::meaning::FASTEST {
            found.push(Mistake::at("watch.every", "`watch.every` is too short: 100ms is the least."));
        }
        let mut seen = std::collections::BTreeSet::new();
        for panel in self.panels.iter().filter(|panel| !seen.insert(**panel)) {
            found.push(Mistake::at("watch.panels", format!("`watch.panels` names `{}` twice.", panel.name())));
        }
        if self.metrics.len() > MOST {
            found.push(Mistake::at("watch.metrics", format!("`watch.metrics` names more than {MOST}.")));
        }
        for chosen in &self.metrics {
            let (name, rest) = chosen.split_once('{').map_or((chosen.as_str(), "}"), |(name, rest)| (name, rest));
            if metric(name).is_none() {
                let near = nearest(name, metrics().map(|m| m.name));
                let near = near.map_or_else(String::new, |near| format!(" Did you mean `{near}`?"));
                let what = format!("Nothing that can be measured is called `{}`.{near}", harmless(name));
                found.push(Mistake::at("watch.metrics", what));
            } else if !rest.ends_with('}') {
                let what = format!("`{}` lacks the `}}` at its end.", harmless(chosen));
                found.push(Mistake::at("watch.metrics", what));
            }
        }
    }
}
