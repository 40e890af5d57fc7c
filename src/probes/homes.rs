//! Home folders and the files in them that decide about logins or hold secrets: owners and rights, never content.

use super::{
    Probe, ProbeError, USUAL_LIMIT, accounts,
    rights::{People, passable},
};
use crate::{
    fact_table,
    facts::{Facts, Gap, Reason, Row as _},
    host::{Host, Kind, Metadata, ReadError},
};

fact_table! {
    /// Home folders of root, of people, and of program accounts with a shell.
    "home_directories" => Home {
        /// The list of users, where the folder is named.
        source: String,
        /// Line in that file.
        line: i64,
        /// Name of the user.
        username: String,
        /// `root`, `system` or `person`.
        user_kind: String,
        /// The folder.
        directory: String,
        /// Whether it exists.
        present: bool,
        /// Permission bits in octal; null when it does not exist.
        mode: Option<String>,
        /// Name of its owner, or the number where there is none.
        owner: Option<String>,
        /// Whether it belongs to the user.
        owner_ok: bool,
        /// Whether all users may list it.
        readable_by_all: bool,
        /// Whether all users may open what lies in it by name.
        passable_by_all: bool,
        /// Who besides the user and root can change it; null when nobody.
        changeable_by: Option<String>,
    }
    offline: true,
    examples: ["select username, directory, mode from home_directories where changeable_by is not null"],
}

fact_table! {
    /// Files in home folders that decide about logins, start with them, or hold secrets; those that exist.
    "home_files" => HomeFile {
        /// The file.
        source: String,
        /// Name of the user.
        username: String,
        /// `root`, `system` or `person`.
        user_kind: String,
        /// Its name below the home folder.
        name: String,
        /// `trust` (lets others in), `login` (keys), `startup`, `mail` or `secret`.
        class: String,
        /// Permission bits in octal.
        mode: String,
        /// Size in bytes.
        size: i64,
        /// Whether it belongs to the user or root.
        owner_ok: bool,
        /// Whether all users can read it, its folders considered.
        readable_by_all: bool,
        /// Who besides the user and root can change it; null when nobody.
        changeable_by: Option<String>,
    }
    offline: true,
    examples: ["select username, name from home_files where class = 'trust'"],
}

fact_table! {
    /// Files in which shells keep the commands that were typed; those that exist.
    "shell_history_files" => History {
        /// The file.
        source: String,
        /// Name of the user.
        username: String,
        /// `root`, `system` or `person`.
        user_kind: String,
        /// Whether it leads to /dev/null, so that nothing is kept.
        to_nowhere: bool,
        /// Permission bits in octal.
        mode: String,
        /// Size in bytes.
        size: i64,
        /// Whether all users can read it, its folders considered.
        readable_by_all: bool,
    }
    offline: true,
    examples: ["select username, source from shell_history_files where to_nowhere"],
}

/// The probe.
pub const PROBE: Probe = Probe {
    name: "homes",
    about: "the home folders",
    tables: &[Home::TABLE, HomeFile::TABLE, History::TABLE],
    limit: USUAL_LIMIT,
    run,
};

/// Home folders that are looked at.
const LIMIT: usize = 1000;

/// Name below the home folder and class.
const FILES: &[(&str, &str)] = &[
    (".rhosts", "trust"),
    (".shosts", "trust"),
    (".ssh", "login"),
    (".ssh/authorized_keys", "login"),
    (".bashrc", "startup"),
    (".bash_profile", "startup"),
    (".bash_login", "startup"),
    (".bash_logout", "startup"),
    (".profile", "startup"),
    (".zshrc", "startup"),
    (".zshenv", "startup"),
    (".cshrc", "startup"),
    (".login", "startup"),
    (".pam_environment", "startup"),
    (".ssh/rc", "startup"),
    (".ssh/environment", "startup"),
    (".config/systemd/user", "startup"),
    (".forward", "mail"),
    (".procmailrc", "mail"),
    (".netrc", "secret"),
    (".pgpass", "secret"),
    (".my.cnf", "secret"),
    (".git-credentials", "secret"),
    (".aws/credentials", "secret"),
    (".docker/config.json", "secret"),
    (".kube/config", "secret"),
    (".config/gcloud/credentials.db", "secret"),
    (".smbcredentials", "secret"),
    (".vault-token", "secret"),
    (".config/rclone/rclone.conf", "secret"),
];

const HISTORIES: &[&str] =
    &[".bash_history", ".zsh_history", ".ash_history", ".sh_history", ".mysql_history", ".psql_history", ".history"];

fn run(host: &Host, facts: &mut Facts) -> Result<(), ProbeError> {
    let first_person = accounts::uid_min(host);
    let people = People::read(host);
    let users = accounts::users(host);
    if users.is_empty() {
        let reason = host.read_text(accounts::PASSWD).err().map(|e| e.reason());
        for table in [Home::TABLE, HomeFile::TABLE, History::TABLE] {
            match &reason {
                Some(reason) => {
                    facts.unread_table(table, Gap::new("the home folders", accounts::PASSWD, reason.clone()))
                }
                None => facts.absent_table(table, "there are no accounts".to_owned()),
            }
        }
        return Ok(());
    }
    let mut seen = 0;
    for user in &users {
        let kind = user.kind(first_person);
        let own = user.directory.trim_end_matches('/');
        // Accounts of programs live in folders that belong to the system.
        if own.is_empty() || !own.starts_with('/') || (kind == "system" && !user.login_shell()) {
            continue;
        }
        seen += 1;
        if seen > LIMIT || host.late() {
            let gap = Gap::new("all home folders", own, Reason::Broken(format!("there are more than {LIMIT}")));
            facts.partial::<Home>(gap.clone());
            facts.partial::<HomeFile>(gap.clone());
            facts.partial::<History>(gap);
            break;
        }
        let meta = match host.metadata(own) {
            Ok(meta) => Some(meta),
            Err(error) if error.is_not_found() => None,
            Err(error) => {
                facts.partial::<Home>(Gap::new(format!("the home folder of {}", user.name), own, error.reason()));
                continue;
            }
        };
        let owner_ok = meta.is_none_or(|m| m.uid == user.uid);
        facts.push(Home {
            source: accounts::PASSWD.to_owned(),
            line: user.line,
            username: user.name.clone(),
            user_kind: kind.to_owned(),
            directory: own.to_owned(),
            present: meta.is_some_and(|m| m.kind == Kind::Directory),
            mode: meta.map(|m| format!("{:04o}", m.mode)),
            owner: meta.map(|m| people.users.show(m.uid)),
            owner_ok,
            readable_by_all: meta.is_some_and(|m| m.mode & 0o005 == 0o005),
            passable_by_all: meta.is_some_and(|m| m.mode & 0o001 != 0),
            changeable_by: meta.and_then(|_| people.changeable(host, own, user.uid)).map(|(who, _)| who),
        });
        // A folder that several accounts share, such as /, is not their home.
        let shared = users.iter().any(|u| u.uid != user.uid && u.directory.trim_end_matches('/') == own);
        if meta.is_none_or(|m| m.kind != Kind::Directory) || (shared && kind == "system") {
            continue;
        }
        let mut hidden = false;
        for (name, class) in FILES {
            match look(host, own, name) {
                Ok((path, meta, open)) => facts.push(HomeFile {
                    username: user.name.clone(),
                    user_kind: kind.to_owned(),
                    name: (*name).to_owned(),
                    class: (*class).to_owned(),
                    mode: format!("{:04o}", meta.mode),
                    size: i64::try_from(meta.size).unwrap_or(i64::MAX),
                    owner_ok: meta.uid == user.uid || meta.uid == 0,
                    readable_by_all: open && meta.mode & 0o004 != 0,
                    changeable_by: people.changeable(host, &path, user.uid).map(|(who, _)| who),
                    source: path,
                }),
                Err(error) => hidden |= matches!(error, ReadError::Denied(_)),
            }
        }
        for name in HISTORIES {
            match look(host, own, name) {
                Ok((path, meta, open)) => facts.push(History {
                    username: user.name.clone(),
                    user_kind: kind.to_owned(),
                    to_nowhere: host.read_link(&path).is_ok_and(|t| t == "/dev/null"),
                    mode: format!("{:04o}", meta.mode),
                    size: i64::try_from(meta.size).unwrap_or(i64::MAX),
                    readable_by_all: open && meta.kind == Kind::File && meta.mode & 0o004 != 0,
                    source: path,
                }),
                Err(error) => hidden |= matches!(error, ReadError::Denied(_)),
            }
        }
        if hidden {
            let gap = Gap::new(format!("what lies in the home folder of {}", user.name), own, Reason::NeedsRoot);
            facts.partial::<HomeFile>(gap.clone());
            facts.partial::<History>(gap);
        }
    }
    Ok(())
}

/// A file below a home: its path, what it is, and whether all users can get to it.
fn look(host: &Host, home: &str, name: &str) -> Result<(String, Metadata, bool), ReadError> {
    let path = format!("{home}/{name}");
    let meta = host.metadata(&path)?;
    let open = passable(host, &path, 0o001);
    Ok((path, meta, open))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;
    use crate::probes::run_one;

    fn text<'a>(row: &'a serde_json::Map<String, serde_json::Value>, name: &str) -> &'a str {
        row[name].as_str().unwrap_or_default()
    }

    #[test]
    fn open_homes_planted_keys_and_lost_histories_are_seen() {
        let me = rustix::process::geteuid().as_raw();
        let dir = tempfile::tempdir().unwrap();
        let at = |p: &str| dir.path().join(p);
        let put = |p: &str, mode: u32| {
            std::fs::create_dir_all(at(p).parent().unwrap()).unwrap();
            std::fs::write(at(p), "x").unwrap();
            std::fs::set_permissions(at(p), std::fs::Permissions::from_mode(mode)).unwrap();
        };
        let mode = |p: &str, mode: u32| std::fs::set_permissions(at(p), std::fs::Permissions::from_mode(mode)).unwrap();
        put("etc/passwd", 0o644);
        std::fs::create_dir_all(at("usr")).unwrap();
        let passwd = format!(
            "olga:x:{me}:1::/home/olga:/bin/bash\npaul:x:{me}:1::/home/paul/:/bin/bash\ngone:x:1002:1::/home/gone:/bin/bash\nlost:x:1003:1::/home/paul:/bin/bash\nbin:x:2:2::/bin:/usr/sbin/nologin\n"
        );
        std::fs::write(at("etc/passwd"), passwd).unwrap();
        put("home/olga/.ssh/authorized_keys", 0o666);
        put("home/olga/.netrc", 0o644);
        put("home/paul/.pgpass", 0o644);
        put("home/paul/.bashrc", 0o644);
        symlink("/dev/null", at("home/paul/.bash_history")).unwrap();
        std::fs::create_dir_all(at("dev")).unwrap();
        std::fs::write(at("dev/null"), "").unwrap();
        for (p, m) in
            [("home", 0o755), ("home/olga", 0o777), ("home/olga/.ssh", 0o755), ("home/paul", 0o700), ("", 0o755)]
        {
            mode(p, m);
        }
        let facts = run_one(&PROBE, &Host::image(dir.path()).unwrap());
        let homes = facts.rows("home_directories");
        assert_eq!(homes.iter().map(|h| text(h, "username")).collect::<Vec<_>>(), ["olga", "paul", "gone", "lost"]);
        assert_eq!(text(&homes[0], "changeable_by"), "everyone");
        assert!(homes[1]["changeable_by"].is_null());
        assert_eq!(homes[2]["present"], false);
        assert_eq!(homes[3]["owner_ok"], false);
        let files = facts.rows("home_files");
        let find = |name: &str| files.iter().find(|f| f["name"] == name).unwrap();
        assert_eq!(text(find(".ssh/authorized_keys"), "changeable_by"), "everyone");
        assert_eq!(find(".netrc")["readable_by_all"], true);
        assert_eq!(find(".pgpass")["readable_by_all"], false, "its folder is closed");
        let history = &facts.rows("shell_history_files")[0];
        assert_eq!(history["to_nowhere"], true);
    }

    #[test]
    fn without_a_list_of_users_nothing_is_claimed() {
        let dir = tempfile::tempdir().unwrap();
        for d in ["etc", "usr"] {
            std::fs::create_dir(dir.path().join(d)).unwrap();
        }
        let facts = run_one(&PROBE, &Host::image(dir.path()).unwrap());
        assert!(!matches!(facts.state("home_directories"), crate::facts::State::Read));
    }
}
