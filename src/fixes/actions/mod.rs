//! What a fix can do: one file a kind. An action says what it wants in a check file and plans it over a view of the
//! machine; from there preview, backup, doing, proof and undoing are the same for all.

mod account;
mod close;
mod command;
mod config;
mod entry;
mod firewall;
mod line;
mod module;
mod mount;
mod package;
mod place;
mod remove;
mod rights;
mod script;
mod service;
mod sudo_rule;
mod sysctl;

use serde::{Deserialize, Serialize};

use super::{
    change::Touched,
    view::{Refusal, View},
};

/// What every action can.
pub trait Act {
    /// Plans its changes; one that is done already plans nothing.
    ///
    /// # Errors
    /// Why it cannot be done here, as a sentence for people.
    fn plan(&self, view: &mut View<'_>) -> Result<(), Refusal>;
}

pub use sysctl::Sysctl;

pub(super) use mount::FSTAB;
pub(super) use sysctl::{FILE as SYSCTL, LAST};

macro_rules! actions {
    ($($(#[$doc:meta])* $variant:ident($type:ty)),+ $(,)?) => {
        /// One action of a fix, as its check file says.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case", deny_unknown_fields)]
        pub enum Action {
            $($(#[$doc])* $variant($type)),+
        }

        impl Action {
            /// The action as one line of JSON without what is left out.
            pub fn told(&self) -> String {
                let mut value = serde_json::to_value(self).unwrap_or_default();
                for fields in value.as_object_mut().into_iter().flat_map(|map| map.values_mut()) {
                    if let Some(fields) = fields.as_object_mut() {
                        fields.retain(|_, v| !(v.is_null() || *v == false || *v == "" || v.as_array().is_some_and(Vec::is_empty)));
                    }
                }
                value.to_string()
            }

            /// What it can.
            pub fn act(&self) -> &dyn Act {
                match self { $(Action::$variant(action) => action),+ }
            }
        }
    };
}

actions! {
    /// Sets or removes one setting of a file.
    SetConfig(config::SetConfig),
    /// Sees to it that a line or a block stands in a file, or does not.
    Line(line::Line),
    /// Gives a file or folder other rights.
    Mode(rights::Mode),
    /// Gives a file or folder another owner.
    Owner(rights::Owner),
    /// Takes the access rules of single people away.
    RemoveAcl(rights::RemoveAcl),
    /// Takes the lent privileges of a program away.
    RemoveCapabilities(rights::RemoveCapabilities),
    /// Lets only root and one user change a file or folder, the folders above it among them.
    Close(close::Close),
    /// Removes a file; a copy is kept.
    Remove(remove::Remove),
    /// Gives a file another name.
    Rename(place::Rename),
    /// Makes a folder.
    Folder(place::Folder),
    /// Lets a link lead elsewhere.
    Link(place::Link),
    /// Sets a setting of the kernel, now and when it starts.
    Sysctl(Sysctl),
    /// Loads a module of the kernel, or keeps it out.
    Module(module::Module),
    /// Installs, upgrades or removes packages.
    Package(package::Package),
    /// Turns a service on or off, or lets it read its settings.
    Service(service::Service),
    /// Locks or expires an account, or sets how long its password holds.
    Account(account::Account),
    /// Changes who is in a group, or takes its password away.
    Group(entry::Group),
    /// Takes an entry out of a list of users, groups or passwords.
    RemoveEntry(entry::RemoveEntry),
    /// Lets a rule of sudo ask for a password, or takes it out.
    SudoRule(sudo_rule::SudoRule),
    /// Gives a disk or folder other mount options.
    Mount(mount::Mount),
    /// Lets in what is in use and nothing else.
    Firewall(firewall::Firewall),
    /// Runs a program.
    Command(command::Command),
    /// Runs a script that lies beside the check.
    Script(script::Script),
}

/// A text with more lines at its end.
fn appended(text: &str, lines: &str) -> String {
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{text}{end}{}\n", lines.trim_end_matches('\n'))
}

/// The files that fit these patterns, as they will be.
fn touched(view: &View<'_>, patterns: &[impl AsRef<str>]) -> Vec<Touched> {
    let paths = patterns.iter().flat_map(|pattern| view.host().glob(pattern.as_ref()));
    paths.filter_map(|path| Touched::of(&path, &view.file(&path).ok()??)).collect()
}

/// The first of these programs that is there, with its whole path.
fn program(view: &View<'_>, names: &[&str]) -> Option<String> {
    let folders = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];
    let paths = names.iter().flat_map(|name| folders.iter().map(move |folder| format!("{folder}/{name}")));
    paths.into_iter().find(|path| view.host().exists(path))
}

#[cfg(test)]
mod testing {
    use std::collections::BTreeMap;

    use super::{super::change::Change, Act};
    use crate::{
        fixes::{tree::Tree, view::View},
        host::{Host, Output},
    };

    /// What an action plans on a running machine with these files, or in a container with them.
    pub fn planned(action: &dyn Act, files: &[(&str, &str)], container: bool) -> Vec<Change> {
        let dir = tempfile::tempdir().unwrap();
        let kind = ("run/systemd/container", if container { "systemd-nspawn" } else { "" });
        for (path, text) in files.iter().copied().chain([("etc/hostname", "x\n"), kind]) {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let root = dir.path().canonicalize().unwrap();
        let host = Host::fake(&root, jiff::Timestamp::UNIX_EPOCH, BTreeMap::<String, Output>::new()).unwrap();
        let tree = Tree::open(&root).unwrap();
        let mut view = View::new(&tree, &host);
        action.plan(&mut view).unwrap();
        view.take()
    }
}
