//! Lets only root and one user change what lies at a path: by its own rights, and by those of the folders above it,
//! from which anyone who may write there could swap it. What is a person's own is not taken from them.

use serde::{Deserialize, Serialize};

use super::Act;
use crate::{
    fixes::{
        tree::{Content, State},
        view::{Refusal, View},
    },
    probes::rights::{People, resolve},
};

/// Lets only root and one user change a file or folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Close {
    /// Its path.
    pub path: String,
    /// The user who may change it beside root, by name or number; root alone where it is left out.
    #[serde(default)]
    pub user: Option<String>,
    /// Whether the folders above it stay as they are.
    #[serde(default)]
    pub only: bool,
}

/// Where everything is the system's, whoever it belongs to now.
const SYSTEM: [&str; 8] = ["/etc", "/usr", "/boot", "/root", "/bin", "/sbin", "/lib", "/var/spool/cron"];
/// Numbers of people.
const PEOPLE: std::ops::Range<u32> = 1000..60000;

impl Act for Close {
    fn plan(&self, view: &mut View<'_>) -> Result<(), Refusal> {
        let user = self.user.as_deref().filter(|u| !u.is_empty() && *u != "root");
        let owner = user.map_or(Ok(0), |user| super::rights::id(view, user, "/etc/passwd"))?;
        let people = People::read(view.host());
        let path = if self.only { view.follow(&self.path)? } else { resolve(view.host(), &self.path) };
        let mut below: Option<u32> = None;
        let mut at = path.as_str();
        while !at.is_empty() && at != "/" {
            let found = view.rights(at)?;
            if let Some(before) = found.filter(|s| !matches!(s.content, Content::Link(_))) {
                let after = closed(at, &before, below, owner, &people)?;
                below = Some(after.uid);
                if !after.same(&before) {
                    view.put(at, Some(before), Some(after));
                }
            } else if below.is_none() {
                return Ok(());
            }
            if self.only {
                break;
            }
            at = at.rsplit_once('/').map_or("", |(folder, _)| folder);
        }
        Ok(())
    }
}

/// What lies at a path once only root and `owner` may change it; `below` owns what is to be kept in this folder.
fn closed(path: &str, before: &State, below: Option<u32>, owner: u32, people: &People) -> Result<State, Refusal> {
    let trusted = |uid: u32| uid == 0 || uid == owner;
    let system =
        SYSTEM.iter().any(|s| path.strip_prefix(s).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
    let mut after = before.clone();
    if !trusted(before.uid) {
        let name = people.users.show(before.uid);
        let person = PEOPLE.contains(&before.uid) && people.users.get(before.uid).is_some();
        if !system && (person || below.is_some()) {
            return Err(Refusal::new(format!(
                "{path} belongs to {name}: move what is needed from there to a place of root, such as /usr/local/sbin"
            )));
        }
        after.uid = owner;
    }
    // In a sticky folder only the owners of a thing and of the folder may take it away.
    let safe = |mode: u32| mode & 0o1000 != 0 && below.is_some_and(trusted);
    let group = before.mode & 0o020 != 0 && before.gid != 0 && !people.private(before.gid, owner);
    let open = before.mode & 0o002 | if group { 0o020 } else { 0 };
    if open != 0 && !safe(before.mode) {
        // A folder that others share goes on being shared.
        if below.is_some() && !system {
            after.mode |= 0o1000;
        } else {
            after.mode &= !open;
        }
    }
    // A file that lends the rights of its owner must not begin to lend those of another.
    if after.uid != before.uid && below.is_none() && !is_folder(before) {
        after.mode &= !0o6000;
    }
    Ok(after)
}

fn is_folder(state: &State) -> bool {
    matches!(state.content, Content::Directory | Content::Opaque(_, _, true))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::{fixes::tree::Tree, host::Host};

    const FOLDER: Content = Content::Opaque(1, 1, true);
    const FILE: Content = Content::Opaque(1, 2, false);

    fn state(content: Content, mode: u32, uid: u32) -> State {
        State { uid, ..State::new(content, mode) }
    }

    fn people() -> (tempfile::TempDir, People) {
        let root = tempfile::tempdir().unwrap();
        for name in ["etc", "usr"] {
            std::fs::create_dir(root.path().join(name)).unwrap();
        }
        let passwd = "root:x:0:0::/:/bin/sh\napp:x:200:200::/:/bin/sh\nann:x:1000:1000::/:/bin/sh\n";
        std::fs::write(root.path().join("etc/passwd"), passwd).unwrap();
        let people = People::read(&Host::image(root.path()).unwrap());
        (root, people)
    }

    #[test]
    fn what_is_the_systems_is_given_to_root() {
        let (_root, people) = people();
        let after = closed("/etc/x", &state(FILE, 0o4777, 1000), None, 0, &people).unwrap();
        assert_eq!((after.uid, after.mode), (0, 0o775 & !0o4000));
        let after = closed("/usr/local/sbin", &state(FOLDER, 0o777, 0), Some(0), 0, &people).unwrap();
        assert_eq!(after.mode, 0o775);
        let after = closed("/srv/job", &state(FILE, 0o755, 200), None, 0, &people).unwrap();
        assert_eq!(after.uid, 0);
    }

    #[test]
    fn what_is_a_persons_stays_theirs() {
        let (_root, people) = people();
        let refused = closed("/home/ann/job", &state(FILE, 0o755, 1000), None, 0, &people).unwrap_err();
        assert!(refused.0.starts_with("/home/ann/job belongs to ann: move"), "{refused}");
        assert!(closed("/opt/app", &state(FOLDER, 0o755, 200), Some(0), 0, &people).is_err());
        let own = closed("/home/ann/job", &state(FILE, 0o757, 1000), None, 1000, &people).unwrap();
        assert_eq!((own.uid, own.mode), (1000, 0o755));
    }

    #[test]
    fn a_shared_folder_goes_on_being_shared() {
        let (_root, people) = people();
        let after = closed("/srv/share", &state(FOLDER, 0o777, 0), Some(0), 0, &people).unwrap();
        assert_eq!(after.mode, 0o1777);
        let sticky = state(FOLDER, 0o1777, 0);
        assert_eq!(closed("/tmp", &sticky, Some(0), 0, &people).unwrap().mode, 0o1777);
    }

    #[test]
    fn all_folders_above_are_looked_at() {
        let (root, _) = people();
        let at = |path: &str, mode| {
            let path = root.path().join(path);
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        std::fs::create_dir_all(root.path().join("usr/local/bin")).unwrap();
        std::fs::write(root.path().join("usr/local/bin/job"), "x").unwrap();
        at("usr/local/bin/job", 0o757);
        at("usr/local", 0o777);
        if !crate::testing::is_root() {
            return;
        }
        let (tree, host) = (Tree::open(root.path()).unwrap(), Host::image(root.path()).unwrap());
        let mut view = View::new(&tree, &host);
        Close { path: "/usr/local/bin/job".to_owned(), user: None, only: false }.plan(&mut view).unwrap();
        let mode = |path: &str| view.rights(path).unwrap().unwrap().mode & 0o7777;
        assert_eq!((mode("/usr/local/bin/job"), mode("/usr/local")), (0o755, 0o775));
        assert_eq!(view.take().len(), 2);
    }
}
