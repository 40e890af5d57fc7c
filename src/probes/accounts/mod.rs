//! The people and programs that have an account: users, groups, who is in which, and the state of each password.
//! Scrambled passwords themselves never leave this room: only their kind, age and strength do.

mod files;
mod password;

use std::collections::BTreeMap;

pub(crate) use files::{PASSWD, Passwd, members, passwords, uid_min, users};
use jiff::Timestamp;

use super::{Probe, ProbeError, USUAL_LIMIT};
use crate::{
    fact_table,
    facts::{Facts, Gap, Row as _},
    host::{Host, ReadError},
};

fact_table! {
    /// Accounts in this machine's own list; those of a directory service are not in it.
    "users" => User {
        /// File the row was read from.
        source: String,
        /// Line in that file.
        line: i64,
        /// Name to log in with.
        username: String,
        /// Number of the user; 0 may do everything.
        uid: i64,
        /// Number of the user's first group.
        gid: i64,
        /// Full name or purpose.
        description: String,
        /// Home folder.
        directory: String,
        /// Program that starts at login; empty means /bin/sh.
        shell: String,
        /// `root` (number 0), `system` (of a program) or `person`.
        kind: String,
        /// Whether the shell lets someone in, unlike nologin or false.
        login_shell: bool,
        /// Whether the shell exists.
        shell_present: bool,
        /// Where the password is kept: `shadow`, `passwd` (all can read it there) or `none`.
        password_place: String,
    }
    offline: true,
    examples: ["select username, uid, shell from users where kind = 'person' order by uid"],
}

fact_table! {
    /// Groups in this machine's own list.
    "groups" => Group {
        /// File the row was read from.
        source: String,
        /// Line in that file.
        line: i64,
        /// Name of the group.
        groupname: String,
        /// Number of the group.
        gid: i64,
    }
    offline: true,
    examples: ["select groupname, gid from groups order by gid"],
}

fact_table! {
    /// Who is in which group.
    "user_groups" => UserGroup {
        /// File the row was read from.
        source: String,
        /// Line in that file.
        line: i64,
        /// Name of the user.
        username: String,
        /// Number of the user; null when there is no such user.
        uid: Option<i64>,
        /// Name of the group; null when a user's first group does not exist.
        groupname: Option<String>,
        /// Number of the group.
        gid: i64,
        /// `first` for the user's own first group, `member` when listed in the group.
        via: String,
    }
    offline: true,
    examples: ["select username from user_groups where groupname in ('sudo', 'docker')"],
}

fact_table! {
    /// The password of each account: whether there is one, of what kind and how old, never the password.
    "shadow" => Shadow {
        /// File the row was read from.
        source: String,
        /// Line in that file.
        line: i64,
        /// Name of the user.
        username: String,
        /// `set`, `empty` (none is asked for), `locked` (set, but turned off), `expired` (the account's time is over) or `not_set`.
        password_status: String,
        /// How it is scrambled: `yescrypt`, `bcrypt`, `sha512`, `sha256`, `md5`, `des` and others; null when there is none.
        hash_alg: Option<String>,
        /// Rounds of scrambling, where the kind says so.
        hash_rounds: Option<i64>,
        /// Day of the last change.
        last_change: Option<Timestamp>,
        /// Days before it may be changed again.
        min: Option<i64>,
        /// Days after which it must be changed.
        max: Option<i64>,
        /// Days of warning before that.
        warning: Option<i64>,
        /// Days after that until the account is closed.
        inactive: Option<i64>,
        /// Day on which the account ends.
        expire: Option<Timestamp>,
        /// Whether it must be changed at the next login.
        change_needed: bool,
    }
    offline: true,
    examples: ["select username, password_status, hash_alg, last_change from shadow where password_status <> 'not_set'"],
}

fact_table! {
    /// The password and the administrators of each group.
    "gshadow" => Gshadow {
        /// File the row was read from.
        source: String,
        /// Line in that file.
        line: i64,
        /// Name of the group.
        groupname: String,
        /// `set`, `empty`, `locked` or `not_set`.
        password_status: String,
        /// How it is scrambled; null when there is none.
        hash_alg: Option<String>,
        /// Users who may change the group, separated by commas.
        administrators: String,
    }
    offline: true,
    examples: ["select groupname from gshadow where password_status = 'set'"],
}

fact_table! {
    /// Lines of the account files that are no proper entry.
    "account_file_errors" => AccountFileError {
        /// File the row was read from.
        source: String,
        /// Line in that file.
        line: i64,
        /// Name at the start of the line.
        name: String,
        /// `plus` (an old way to take in accounts from the network), `fields` (too few parts), `number` or `name`.
        problem: String,
    }
    offline: true,
    examples: ["select source, line, problem from account_file_errors"],
}

/// The probe.
pub const PROBE: Probe = Probe {
    name: "accounts",
    about: "the users and groups",
    tables: &[User::TABLE, Group::TABLE, UserGroup::TABLE, Shadow::TABLE, Gshadow::TABLE, AccountFileError::TABLE],
    limit: USUAL_LIMIT,
    run,
};

fn run(host: &Host, facts: &mut Facts) -> Result<(), ProbeError> {
    let passwd = read_users(host, facts);
    read_groups(host, facts, &passwd);
    read_shadow(host, facts, &passwd);
    read_gshadow(host, facts);
    Ok(())
}

fn read_users(host: &Host, facts: &mut Facts) -> Vec<Passwd> {
    let text = match host.read_text(PASSWD) {
        Ok(text) => text,
        Err(error) if error.is_not_found() => {
            facts.absent::<User>("there is no list of users");
            return Vec::new();
        }
        Err(error) => {
            facts.unread::<User>(Gap::new("the list of users", PASSWD, error.reason()));
            return Vec::new();
        }
    };
    let (passwd, errors) = files::passwd(&text);
    report(facts, PASSWD, errors);
    let first_person = uid_min(host);
    let mut present: BTreeMap<&str, bool> = BTreeMap::new();
    for user in &passwd {
        let shell = if user.shell.is_empty() { "/bin/sh" } else { user.shell.as_str() };
        let shell_present =
            *present.entry(shell).or_insert_with(|| !matches!(host.metadata(shell), Err(e) if e.is_not_found()));
        facts.push(User {
            source: PASSWD.to_owned(),
            line: user.line,
            username: user.name.clone(),
            uid: user.uid.into(),
            gid: user.gid.into(),
            description: user.description.clone(),
            directory: user.directory.clone(),
            shell: user.shell.clone(),
            kind: user.kind(first_person).to_owned(),
            login_shell: user.login_shell(),
            shell_present,
            password_place: match user.password.as_str() {
                "x" => "shadow",
                field if password::classify(field).status == "not_set" => "none",
                _ => "passwd",
            }
            .to_owned(),
        });
    }
    passwd
}

fn read_groups(host: &Host, facts: &mut Facts, passwd: &[Passwd]) {
    const GROUP: &str = "/etc/group";
    let text = match host.read_text(GROUP) {
        Ok(text) => text,
        Err(error) => {
            match &error {
                ReadError::NotFound(_) => {
                    facts.absent::<Group>("there is no list of groups");
                    facts.absent::<UserGroup>("there is no list of groups");
                }
                other => {
                    facts.unread::<Group>(Gap::new("the list of groups", GROUP, other.reason()));
                    facts.unread::<UserGroup>(Gap::new("who is in which group", GROUP, other.reason()));
                }
            }
            return;
        }
    };
    let (groups, errors) = files::group(&text);
    report(facts, GROUP, errors);
    let mut names: BTreeMap<u32, &str> = BTreeMap::new();
    for group in &groups {
        names.entry(group.gid).or_insert(&group.name);
        facts.push(Group {
            source: GROUP.to_owned(),
            line: group.line,
            groupname: group.name.clone(),
            gid: group.gid.into(),
        });
    }
    for user in passwd {
        facts.push(UserGroup {
            source: PASSWD.to_owned(),
            line: user.line,
            username: user.name.clone(),
            uid: Some(user.uid.into()),
            groupname: names.get(&user.gid).map(|n| (*n).to_owned()),
            gid: user.gid.into(),
            via: "first".to_owned(),
        });
    }
    let uids: BTreeMap<&str, u32> = passwd.iter().rev().map(|u| (u.name.as_str(), u.uid)).collect();
    for group in &groups {
        for member in &group.members {
            facts.push(UserGroup {
                source: GROUP.to_owned(),
                line: group.line,
                username: member.clone(),
                uid: uids.get(member.as_str()).map(|u| (*u).into()),
                groupname: Some(group.name.clone()),
                gid: group.gid.into(),
                via: "member".to_owned(),
            });
        }
    }
}

fn read_shadow(host: &Host, facts: &mut Facts, passwd: &[Passwd]) {
    let today = host.now().as_second().div_euclid(86_400);
    // A password that stands in the list of users itself counts instead of the one in shadow.
    for user in passwd.iter().filter(|u| u.password != "x") {
        let found = password::classify(&user.password);
        facts.push(password::row(PASSWD, user.line, &user.name, &found, &password::Ageing::default(), today));
    }
    let own = |name: &str| passwd.iter().any(|u| u.name == name && u.password != "x");
    let text = match host.read_text(files::SHADOW) {
        Ok(text) => text,
        Err(error) if error.is_not_found() => {
            if facts.count::<Shadow>() == 0 {
                facts.absent::<Shadow>("no passwords are kept here");
            }
            return;
        }
        Err(error) => {
            // What the list of users says about passwords is true, but not all.
            let gap = Gap::new("the state of the passwords", files::SHADOW, error.reason());
            let some = facts.count::<Shadow>() > 0;
            return if some { facts.partial::<Shadow>(gap) } else { facts.unread::<Shadow>(gap) };
        }
    };
    let (entries, errors) = files::shadow(&text);
    report(facts, files::SHADOW, errors);
    for entry in entries.iter().filter(|e| !own(&e.name)) {
        let found = password::classify(&entry.password);
        facts.push(password::row(files::SHADOW, entry.line, &entry.name, &found, &entry.ageing, today));
    }
}

fn read_gshadow(host: &Host, facts: &mut Facts) {
    const GSHADOW: &str = "/etc/gshadow";
    let text = match host.read_text(GSHADOW) {
        Ok(text) => text,
        Err(error) if error.is_not_found() => return facts.absent::<Gshadow>("no passwords of groups are kept here"),
        Err(error) => {
            return facts.unread::<Gshadow>(Gap::new("the state of the passwords of groups", GSHADOW, error.reason()));
        }
    };
    for (number, line) in (1_i64..).zip(text.lines()) {
        let mut fields = line.split(':');
        let (Some(name), Some(password), Some(admins)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        // An empty field means that only members may use the group: no password helps.
        let found = if password.is_empty() { password::NOT_SET } else { password::classify(password) };
        facts.push(Gshadow {
            source: GSHADOW.to_owned(),
            line: number,
            groupname: name.to_owned(),
            password_status: found.status.to_owned(),
            hash_alg: found.alg.map(str::to_owned),
            administrators: admins.to_owned(),
        });
    }
}

fn report(facts: &mut Facts, source: &str, errors: Vec<files::Bad>) {
    for bad in errors {
        facts.push(AccountFileError {
            source: source.to_owned(),
            line: bad.line,
            name: bad.name,
            problem: bad.problem.to_owned(),
        });
    }
}

#[cfg(test)]
mod tests;
