//! A service: on, off, masked, restarted, or told to read its settings anew. On an image its links are set instead.

use serde::{Deserialize, Serialize};

use super::Act;
use crate::{
    fixes::{
        change::Run,
        tree::{Content, State},
        view::{Refusal, View},
    },
    host::Command,
};

/// Turns a service on or off, or lets it read its settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// The unit; `.service` may be left out.
    pub name: String,
    /// What is done.
    #[serde(rename = "do")]
    pub what: What,
}

/// What is done with a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// It starts with the machine, and now.
    Enable,
    /// It does not start with the machine, and stops now.
    Disable,
    /// Nothing can start it, and it stops now.
    Mask,
    /// It starts again, if it runs.
    Restart,
    /// It reads its settings anew, if it runs.
    Reload,
}

const UNITS: &str = "/etc/systemd/system";
const SYSTEMCTL: &str = "/usr/bin/systemctl";

impl Service {
    fn unit(&self) -> String {
        let kinds = [".service", ".socket", ".timer", ".mount", ".target", ".path"];
        if kinds.iter().any(|k| self.name.ends_with(k)) { self.name.clone() } else { format!("{}.service", self.name) }
    }
}

impl Act for Service {
    fn plan(&self, view: &mut View<'_>) -> Result<(), Refusal> {
        let unit = self.unit();
        let good = |c: char| c.is_ascii_alphanumeric() || ".-_@:\\".contains(c);
        if !unit.chars().all(good) || unit.starts_with('-') {
            return Err(Refusal::new(format!("`{unit}` is no name of a service")));
        }
        if !view.is_live() {
            return image(view, &unit, self.what);
        }
        let (enabled, active) = (ask(view, "is-enabled", &unit), ask(view, "is-active", &unit));
        let (on, runs) = (enabled.starts_with("enabled"), active == "active" || active == "activating");
        let systemctl = |what: String, arguments: &[&str]| {
            let mut command = vec![SYSTEMCTL];
            command.extend(arguments);
            Run { seconds: 120, ..Run::new(what, &command) }
        };
        let back = |mut run: Run| {
            let mut then = |word: &str| run.undo.push([SYSTEMCTL, word, &unit].map(str::to_owned).to_vec());
            then(if on { "enable" } else { "disable" });
            then(if runs { "start" } else { "stop" });
            run
        };
        match self.what {
            What::Enable if enabled == "masked" => {
                let run = systemctl(format!("{unit} may be started again"), &["unmask", &unit]);
                view.run(run.undone_by(&[SYSTEMCTL, "mask", &unit]));
                view.run(back(systemctl(
                    format!("{unit} starts now and with the machine"),
                    &["enable", "--now", &unit],
                )));
            }
            What::Enable if on && runs => {}
            What::Enable => {
                view.run(back(systemctl(
                    format!("{unit} starts now and with the machine"),
                    &["enable", "--now", &unit],
                )));
            }
            What::Disable if !on && !runs => {}
            What::Disable => {
                view.run(back(systemctl(format!("{unit} stops and no longer starts"), &["disable", "--now", &unit])))
            }
            What::Mask if enabled == "masked" && !runs => {}
            What::Mask => {
                let mut run = back(systemctl(format!("{unit} stops and cannot be started"), &["mask", "--now", &unit]));
                run.undo.insert(0, [SYSTEMCTL, "unmask", &unit].map(str::to_owned).to_vec());
                view.run(run);
            }
            What::Restart if runs => {
                view.run(systemctl(format!("{unit} starts again"), &["try-restart", &unit]).late())
            }
            What::Reload if runs => {
                let run = systemctl(format!("{unit} reads its settings anew"), &["try-reload-or-restart", &unit]);
                view.run(run.late());
            }
            What::Restart | What::Reload => {}
        }
        Ok(())
    }
}

/// The word that systemd has for a unit; empty when it gives none.
fn ask(view: &View<'_>, question: &str, unit: &str) -> String {
    let command = Command::new(&[SYSTEMCTL, "/bin/systemctl"]).args([question, unit]);
    view.host().run(&command).map(|o| o.stdout.trim().to_owned()).unwrap_or_default()
}

/// Sets the links that systemd would set.
fn image(view: &mut View<'_>, unit: &str, what: What) -> Result<(), Refusal> {
    match what {
        What::Restart | What::Reload => Ok(()),
        What::Mask => {
            let path = format!("{UNITS}/{unit}");
            let before = view.file(&path)?;
            view.put(&path, before, Some(State::new(Content::Link(b"/dev/null".to_vec()), 0o777)));
            Ok(())
        }
        What::Disable => {
            for path in links(view, unit) {
                let before = view.file(&path)?;
                view.put(&path, before, None);
            }
            Ok(())
        }
        What::Enable => enable(view, unit),
    }
}

/// The links by which a unit starts.
fn links(view: &View<'_>, unit: &str) -> Vec<String> {
    let mut found = Vec::new();
    for kind in ["wants", "requires"] {
        found.extend(view.host().glob(&format!("{UNITS}/*.{kind}/{unit}")));
    }
    found
}

fn enable(view: &mut View<'_>, unit: &str) -> Result<(), Refusal> {
    let paths = [UNITS, "/usr/lib/systemd/system", "/lib/systemd/system"].map(|f| format!("{f}/{unit}"));
    let Some(path) = paths.into_iter().find(|p| view.host().exists(p)) else {
        return Err(Refusal::new(format!("there is no unit {unit} in this image")));
    };
    let text = view.host().read_text(&path).map_err(|e| Refusal::new(e.to_string()))?;
    let wanted = |line: &str| line.trim().strip_prefix("WantedBy=").map(str::to_owned);
    let targets: Vec<String> = text
        .lines()
        .filter_map(wanted)
        .flat_map(|l| l.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    if targets.is_empty() {
        return Err(Refusal::new(format!("{unit} does not say when it starts")));
    }
    for target in targets.iter().filter(|t| !t.contains('/')) {
        let link = format!("{UNITS}/{target}.wants/{unit}");
        if view.file(&link)?.is_none() {
            view.link(&link, &path)?;
        }
    }
    Ok(())
}
