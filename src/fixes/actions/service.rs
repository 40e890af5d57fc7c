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
            What::Enable if on && runs => {}
            What::Enable => {
                if enabled == "masked" {
                    let run = systemctl(format!("{unit} may be started again"), &["unmask", &unit]);
                    view.run(run.undone_by(&[SYSTEMCTL, "mask", &unit]));
                }
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

/// Lets a unit start with the machine, and leaves it now as it is.
pub(super) fn with_machine(view: &mut View<'_>, unit: &str) {
    if !ask(view, "is-enabled", unit).starts_with("enabled") {
        let run = Run::new(format!("{unit} starts with the machine"), &[SYSTEMCTL, "enable", unit]);
        view.run(run.undone_by(&[SYSTEMCTL, "disable", unit]));
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
    let own = format!("{UNITS}/{unit}");
    let mask = view.file(&own)?.filter(|s| matches!(&s.content, Content::Link(to) if to == b"/dev/null"));
    let mut paths = vec![own.clone()];
    if mask.is_some() {
        view.put(&own, mask, None);
        paths.clear();
    }
    paths.extend(["/usr/lib/systemd/system", "/lib/systemd/system"].map(|f| format!("{f}/{unit}")));
    let Some(path) = paths.into_iter().find(|p| view.host().exists(p)) else {
        return Err(Refusal::new(format!("there is no unit {unit} in this image")));
    };
    let text = view.host().read_text(&path).map_err(|e| Refusal::new(e.to_string()))?;
    let named = |key: &str| -> Vec<&str> {
        text.lines().filter_map(|l| l.trim().strip_prefix(key)).flat_map(str::split_whitespace).collect()
    };
    let mut wishes: Vec<String> = Vec::new();
    for (key, kind) in [("WantedBy=", "wants"), ("RequiredBy=", "requires")] {
        wishes.extend(named(key).iter().map(|target| format!("{target}.{kind}/{unit}")));
    }
    if wishes.is_empty() {
        return Err(Refusal::new(format!("{unit} does not say when it starts")));
    }
    wishes.extend(named("Alias=").iter().map(|name| (*name).to_owned()));
    for wish in wishes.iter().filter(|w| !w.starts_with('/') && !w.contains("..")) {
        let link = format!("{UNITS}/{wish}");
        if view.file(&link)?.is_none() {
            view.link(&link, &path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixes::{change::Change, tree::Tree},
        host::Host,
    };

    /// The links that are made and the files that go.
    fn planned(root: &std::path::Path, what: What) -> Vec<String> {
        let (tree, host) = (Tree::open(root).unwrap(), Host::image(root).unwrap());
        let mut view = View::new(&tree, &host);
        Service { name: "x".to_owned(), what }.plan(&mut view).unwrap();
        let told = |change: Change| match change {
            Change::File(file) => match file.after.map(|state| state.content) {
                Some(Content::Link(to)) => Some(format!("{} -> {}", file.path, String::from_utf8_lossy(&to))),
                Some(_) => None,
                None => Some(format!("{} goes", file.path)),
            },
            Change::Run(run) => Some(run.line()),
        };
        view.take().into_iter().filter_map(told).collect()
    }

    #[test]
    fn the_links_of_an_image_are_those_that_systemd_would_set() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        std::fs::create_dir_all(at("etc/systemd/system")).unwrap();
        std::fs::create_dir_all(at("usr/lib/systemd/system")).unwrap();
        let unit = "[Install]\nWantedBy=multi-user.target a.target\nRequiredBy=b.target\nAlias=other.service\n";
        std::fs::write(at("usr/lib/systemd/system/x.service"), unit).unwrap();
        std::os::unix::fs::symlink("/dev/null", at("etc/systemd/system/x.service")).unwrap();
        let to = "-> /usr/lib/systemd/system/x.service";
        let links = ["multi-user.target.wants/x.service", "a.target.wants/x.service", "b.target.requires/x.service"];
        let mut all = vec!["/etc/systemd/system/x.service goes".to_owned()];
        all.extend(links.iter().chain(&["other.service"]).map(|link| format!("/etc/systemd/system/{link} {to}")));
        assert_eq!(planned(root.path(), What::Enable), all);
        assert_eq!(planned(root.path(), What::Mask), [""; 0], "it is masked already");
        std::fs::remove_file(at("etc/systemd/system/x.service")).unwrap();
        assert_eq!(planned(root.path(), What::Mask), ["/etc/systemd/system/x.service -> /dev/null"]);
    }
}
