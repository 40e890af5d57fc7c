//! Owner and rights of the files and directories on which the safety of the whole machine rests.

use super::{Probe, ProbeError, USUAL_LIMIT, rights::People};
use crate::{
    fact_table,
    facts::{Facts, Gap, Row as _},
    host::{Host, Kind, ReadError},
};

fact_table! {
    /// Owner and rights of files and directories on which much depends; those that do not exist have no row.
    "important_files" => ImportantFile {
        /// The path again: the row is about itself.
        source: String,
        /// Its path; a link is followed.
        path: String,
        /// What it is, in plain words.
        about: String,
        /// `accounts`, `passwords`, `keys`, `system`, `jobs`, `programs`, `boot`, `log`, `root_home` or `home`.
        class: String,
        /// `file` or `directory`.
        kind: String,
        /// Permission bits in octal, such as `0644`.
        mode: String,
        /// The most it should allow, in octal.
        mode_limit: String,
        /// Whether it allows more than that.
        too_open: bool,
        /// Number of its owner.
        uid: i64,
        /// Number of its group.
        gid: i64,
        /// Name of its owner; null when there is none.
        username: Option<String>,
        /// Name of its group; null when there is none.
        groupname: Option<String>,
        /// Whether it belongs to who should own it.
        owner_ok: bool,
        /// Whether everyone may read it, or list it.
        readable_by_all: bool,
        /// Whether everyone may write to it.
        writable_by_all: bool,
        /// Who besides its rightful owner may change it: `everyone`, a group or a user; null when nobody.
        changeable_by: Option<String>,
    }
    offline: true,
    examples: ["select path, mode, mode_limit, username from important_files where too_open or not owner_ok"],
}

fact_table! {
    /// Code that is put into every program that starts: one row for each library in ld.so.preload.
    "ld_preload" => Preload {
        /// File the row was read from.
        source: String,
        /// Line in that file.
        line: i64,
        /// The library, as written.
        library: String,
        /// Whether it exists.
        present: bool,
        /// Whether it lies in a place for libraries of the system.
        usual_place: bool,
        /// Who besides root can change it; null when nobody.
        changeable_by: Option<String>,
    }
    offline: true,
    examples: ["select library, present from ld_preload"],
}

/// The probe.
pub const PROBE: Probe = Probe {
    name: "important_files",
    about: "the rights of important files",
    tables: &[ImportantFile::TABLE, Preload::TABLE],
    limit: USUAL_LIMIT,
    run,
};

/// A path or pattern, its class, the most it should allow, groups that may write to it besides root, and what it is.
type Rule = (&'static str, &'static str, u32, &'static [&'static str], &'static str);

const NONE: &[&str] = &[];
const RULES: &[Rule] = &[
    ("/etc/passwd", "accounts", 0o644, NONE, "the list of users"),
    ("/etc/passwd-", "accounts", 0o644, NONE, "the last copy of the list of users"),
    ("/etc/group", "accounts", 0o644, NONE, "the list of groups"),
    ("/etc/group-", "accounts", 0o644, NONE, "the last copy of the list of groups"),
    ("/etc/shadow", "passwords", 0o640, NONE, "the scrambled passwords"),
    ("/etc/shadow-", "passwords", 0o640, NONE, "the last copy of the scrambled passwords"),
    ("/etc/gshadow", "passwords", 0o640, NONE, "the scrambled passwords of groups"),
    ("/etc/gshadow-", "passwords", 0o640, NONE, "the last copy of the scrambled passwords of groups"),
    ("/etc/security/opasswd", "passwords", 0o600, NONE, "old scrambled passwords"),
    ("/etc/security/opasswd.old", "passwords", 0o600, NONE, "old scrambled passwords"),
    ("/etc/ssh/ssh_host_*_key", "keys", 0o640, NONE, "a key that proves which machine this is"),
    ("/etc/ssl/private", "keys", 0o711, NONE, "the folder of private keys"),
    ("/etc/ssl/private/*", "keys", 0o640, NONE, "a private key"),
    ("/etc/letsencrypt/archive", "keys", 0o755, NONE, "the folder of web certificates"),
    ("/etc/letsencrypt/archive/*/privkey*.pem", "keys", 0o640, NONE, "a private key of a web certificate"),
    ("/root/.ssh/id_*", "keys", 0o644, NONE, "a login key of root"),
    ("/etc/crypttab", "system", 0o644, NONE, "the list of encrypted disks"),
    ("/etc/sudoers", "system", 0o640, NONE, "the list of who may act as root"),
    ("/etc/sudoers.d", "system", 0o755, NONE, "the folder of who may act as root"),
    ("/etc/sudoers.d/*", "system", 0o640, NONE, "a list of who may act as root"),
    ("/etc/polkit-1/rules.d", "system", 0o755, &["polkitd"], "the folder of rules about who may do what"),
    ("/etc", "system", 0o755, NONE, "the folder of all settings"),
    ("/etc/ssh", "system", 0o755, NONE, "the settings of remote login"),
    ("/etc/ssh/sshd_config", "system", 0o644, NONE, "the settings of remote login"),
    ("/etc/ssh/sshd_config.d", "system", 0o755, NONE, "the settings of remote login"),
    ("/etc/ssh/sshd_config.d/*.conf", "system", 0o644, NONE, "settings of remote login"),
    ("/etc/pam.d", "system", 0o755, NONE, "the rules of logging in"),
    ("/etc/pam.d/*", "system", 0o644, NONE, "a rule of logging in"),
    ("/etc/security", "system", 0o755, NONE, "limits of logging in"),
    ("/etc/login.defs", "system", 0o644, NONE, "the rules for new accounts"),
    ("/etc/shells", "system", 0o644, NONE, "the list of shells"),
    ("/etc/profile", "system", 0o644, NONE, "what every login runs"),
    ("/etc/profile.d", "system", 0o755, NONE, "what every login runs"),
    ("/etc/profile.d/*", "system", 0o755, NONE, "what every login runs"),
    ("/etc/bash.bashrc", "system", 0o644, NONE, "what every shell runs"),
    ("/etc/environment", "system", 0o644, NONE, "settings of every login"),
    ("/etc/ld.so.preload", "system", 0o644, NONE, "code that is put into every program"),
    ("/etc/ld.so.conf", "system", 0o644, NONE, "where programs look for their parts"),
    ("/etc/ld.so.conf.d", "system", 0o755, NONE, "where programs look for their parts"),
    ("/etc/ld.so.conf.d/*.conf", "system", 0o644, NONE, "where programs look for their parts"),
    ("/etc/ld.so.cache", "system", 0o644, NONE, "where programs look for their parts"),
    ("/etc/hosts", "system", 0o644, NONE, "the list of fixed names of machines"),
    ("/etc/hosts.allow", "system", 0o644, NONE, "who may connect"),
    ("/etc/hosts.deny", "system", 0o644, NONE, "who may not connect"),
    ("/etc/nsswitch.conf", "system", 0o644, NONE, "where users and names are looked up"),
    ("/etc/fstab", "system", 0o644, NONE, "the list of disks"),
    ("/etc/sysctl.conf", "system", 0o644, NONE, "settings of the kernel"),
    ("/etc/sysctl.d", "system", 0o755, NONE, "settings of the kernel"),
    ("/etc/modprobe.d", "system", 0o755, NONE, "settings of kernel parts"),
    ("/etc/modules", "system", 0o644, NONE, "kernel parts to load"),
    ("/etc/rc.local", "system", 0o755, NONE, "what runs at start"),
    ("/etc/init.d", "system", 0o755, NONE, "what runs at start"),
    ("/etc/systemd/system", "system", 0o755, NONE, "what runs as a service"),
    ("/etc/systemd/system/*.service", "system", 0o644, NONE, "a service"),
    ("/etc/apt/sources.list", "system", 0o644, NONE, "where software comes from"),
    ("/etc/apt/sources.list.d", "system", 0o755, NONE, "where software comes from"),
    ("/etc/apt/trusted.gpg.d", "system", 0o755, NONE, "whose software is trusted"),
    ("/etc/apt/apt.conf.d", "system", 0o755, NONE, "settings of software updates"),
    ("/etc/rsyslog.conf", "system", 0o644, NONE, "settings of the system log"),
    ("/etc/rsyslog.d", "system", 0o755, NONE, "settings of the system log"),
    ("/etc/audit", "system", 0o755, NONE, "what is recorded"),
    ("/etc/issue", "system", 0o644, NONE, "the greeting"),
    ("/etc/motd", "system", 0o644, NONE, "the greeting"),
    ("/etc/crontab", "jobs", 0o644, NONE, "the list of planned jobs"),
    ("/etc/anacrontab", "jobs", 0o644, NONE, "the list of planned jobs"),
    ("/etc/cron.d", "jobs", 0o755, NONE, "the folder of planned jobs"),
    ("/etc/cron.d/*", "jobs", 0o644, NONE, "a list of planned jobs"),
    ("/etc/cron.hourly", "jobs", 0o755, NONE, "the folder of hourly jobs"),
    ("/etc/cron.daily", "jobs", 0o755, NONE, "the folder of daily jobs"),
    ("/etc/cron.weekly", "jobs", 0o755, NONE, "the folder of weekly jobs"),
    ("/etc/cron.monthly", "jobs", 0o755, NONE, "the folder of monthly jobs"),
    ("/etc/cron.hourly/*", "jobs", 0o755, NONE, "an hourly job"),
    ("/etc/cron.daily/*", "jobs", 0o755, NONE, "a daily job"),
    ("/etc/cron.weekly/*", "jobs", 0o755, NONE, "a weekly job"),
    ("/etc/cron.monthly/*", "jobs", 0o755, NONE, "a monthly job"),
    ("/etc/cron.allow", "jobs", 0o644, NONE, "who may plan jobs"),
    ("/etc/cron.deny", "jobs", 0o644, NONE, "who may not plan jobs"),
    ("/etc/at.allow", "jobs", 0o644, NONE, "who may plan jobs"),
    ("/etc/at.deny", "jobs", 0o644, NONE, "who may not plan jobs"),
    ("/var/spool/cron/crontabs", "jobs", 0o1730, &["crontab", "_ssh"], "the planned jobs of users"),
    ("/var/spool/cron/atjobs", "jobs", 0o1770, &["daemon"], "the planned jobs of users"),
    ("/", "programs", 0o755, NONE, "the top of all folders"),
    ("/usr", "programs", 0o755, NONE, "the folder of programs"),
    ("/usr/bin", "programs", 0o755, NONE, "the folder of programs"),
    ("/usr/sbin", "programs", 0o755, NONE, "the folder of programs"),
    ("/usr/lib", "programs", 0o755, NONE, "the parts of programs"),
    ("/usr/local/bin", "programs", 0o2775, &["staff"], "the folder of programs of your own"),
    ("/usr/local/sbin", "programs", 0o2775, &["staff"], "the folder of programs of your own"),
    ("/var", "programs", 0o755, NONE, "the folder of data"),
    ("/var/lib", "programs", 0o755, NONE, "the folder of data"),
    ("/var/lib/dpkg", "programs", 0o755, NONE, "the list of installed software"),
    ("/opt", "programs", 0o755, NONE, "the folder of added programs"),
    ("/home", "programs", 0o755, NONE, "the folder of all home folders"),
    ("/dev", "programs", 0o755, NONE, "the folder of devices"),
    ("/boot", "boot", 0o755, NONE, "what the machine starts from"),
    ("/boot/grub/grub.cfg", "boot", 0o600, NONE, "the settings of starting up"),
    ("/boot/grub/user.cfg", "boot", 0o600, NONE, "the password of starting up"),
    ("/boot/vmlinuz-*", "boot", 0o644, NONE, "the kernel"),
    ("/boot/initrd.img-*", "boot", 0o644, NONE, "the first programs of starting up"),
    ("/boot/System.map-*", "boot", 0o600, NONE, "a map of the kernel"),
    ("/var/log", "log", 0o2775, &["syslog", "adm"], "the folder of records"),
    ("/var/log/auth.log", "log", 0o640, &["syslog", "adm"], "the record of logins"),
    ("/var/log/secure", "log", 0o640, &["syslog", "adm"], "the record of logins"),
    ("/var/log/syslog", "log", 0o640, &["syslog", "adm"], "the record of everything"),
    ("/var/log/messages", "log", 0o640, &["syslog", "adm"], "the record of everything"),
    ("/var/log/kern.log", "log", 0o640, &["syslog", "adm"], "the record of the kernel"),
    ("/var/log/mail.log", "log", 0o640, &["syslog", "adm"], "the record of mail"),
    ("/var/log/daemon.log", "log", 0o640, &["syslog", "adm"], "the record of services"),
    ("/var/log/user.log", "log", 0o640, &["syslog", "adm"], "the record of programs"),
    ("/var/log/btmp", "log", 0o660, &["utmp"], "the record of failed logins"),
    ("/var/log/wtmp", "log", 0o664, &["utmp"], "the record of logins"),
    ("/var/log/lastlog", "log", 0o664, &["utmp"], "the record of last logins"),
    ("/var/log/audit", "log", 0o750, &["adm"], "the record of rights in use"),
    ("/var/log/audit/audit.log", "log", 0o640, &["adm"], "the record of rights in use"),
    ("/var/log/journal", "log", 0o2755, &["systemd-journal"], "the records of the system"),
    ("/root", "root_home", 0o700, NONE, "the home folder of root"),
    ("/root/.ssh", "root_home", 0o700, NONE, "the login keys of root"),
    ("/root/.ssh/authorized_keys", "root_home", 0o644, NONE, "who may log in as root"),
    ("/root/.bashrc", "root_home", 0o644, NONE, "what the shell of root runs"),
    ("/root/.profile", "root_home", 0o644, NONE, "what a login of root runs"),
    ("/home/*", "home", 0o750, NONE, "a home folder"),
];

/// Matches of one pattern that are looked at.
const MATCH_LIMIT: usize = 2000;

fn run(host: &Host, facts: &mut Facts) -> Result<(), ProbeError> {
    let people = People::read(host);
    preload(host, &people, facts);
    for rule in RULES {
        let (pattern, .., about) = rule;
        if pattern.contains('*') {
            for path in host.glob(pattern).into_iter().take(MATCH_LIMIT) {
                // Snippets of keys are public halves; backups and placeholders are judged like the rest.
                if !(pattern.contains("id_") && path.ends_with(".pub")) {
                    look(host, &people, &path, rule, facts);
                }
            }
        } else if host.symlink_metadata(pattern).is_err_and(|e| matches!(e, ReadError::Denied(_))) {
            // One gap for a closed folder, however many rules look into it.
            let (what, source) = match pattern.strip_prefix("/root/") {
                Some(_) => ("what is in the home folder of root", "/root"),
                None => (*about, *pattern),
            };
            facts.partial::<ImportantFile>(Gap::new(what, source, crate::facts::Reason::NeedsRoot));
        } else {
            look(host, &people, pattern, rule, facts);
        }
    }
    Ok(())
}

/// ld.so(8): libraries separated by spaces, colons or line breaks; `#` starts a comment.
fn preload(host: &Host, people: &People, facts: &mut Facts) {
    const PRELOAD: &str = "/etc/ld.so.preload";
    let text = match host.read_text(PRELOAD) {
        Ok(text) => text,
        Err(error) if error.is_not_found() => return,
        Err(error) => {
            return facts.unread::<Preload>(Gap::new("which code is put into every program", PRELOAD, error.reason()));
        }
    };
    for (number, line) in (1_i64..).zip(text.lines()) {
        let line = line.split('#').next().unwrap_or_default();
        for library in line.split([' ', '\t', ':']).filter(|l| !l.is_empty()).take(100) {
            let found = ["", "/usr/lib/", "/lib/"].iter().map(|d| format!("{d}{library}")).find(|p| host.exists(p));
            facts.push(Preload {
                source: PRELOAD.to_owned(),
                line: number,
                library: library.to_owned(),
                // A name without a path is searched where the loader searches; $LIB stands for one of its folders.
                present: found.is_some() || !library.starts_with('/') || library.contains('$'),
                usual_place: ["/usr/lib", "/lib", "/opt/", "$LIB"].iter().any(|d| library.starts_with(d))
                    || !library.contains('/'),
                changeable_by: found.and_then(|path| people.changeable(host, &path, 0)).map(|(who, _)| who),
            });
        }
    }
}

fn look(host: &Host, people: &People, path: &str, rule: &Rule, facts: &mut Facts) {
    let (_, class, limit, groups, about) = *rule;
    let Ok(meta) = host.metadata(path) else { return };
    let kind = match meta.kind {
        Kind::File => "file",
        Kind::Directory => "directory",
        // A link to /dev/null is how things are turned off.
        Kind::Other | Kind::Link => return,
    };
    // A pattern for files also meets folders: those need the right to pass.
    let limit = if meta.kind == Kind::Directory { limit | (limit & 0o444) >> 2 } else { limit };
    let owner = if class == "home" { path.rsplit('/').next().and_then(|n| people.users.id(n)) } else { None };
    let group = people.groups.get(meta.gid);
    let trusted_group = meta.gid == 0
        || group.is_some_and(|g| groups.contains(&g))
        || (class == "home" && group == path.rsplit('/').next())
        // Debian's log daemon of Ubuntu and the like own what they write.
        || (class == "log" && group == Some("adm"));
    let owner_ok = meta.uid == 0
        || owner == Some(meta.uid)
        || (class == "home" && owner.is_none())
        || (class == "log" && people.users.get(meta.uid) == Some("syslog"))
        || (path == "/etc/polkit-1/rules.d" && people.users.get(meta.uid) == Some("polkitd"))
        || (path == "/var/spool/cron/atjobs" && people.users.get(meta.uid) == Some("daemon"))
        || class == "keys";
    let changeable_by = if meta.mode & 0o002 != 0
        && !(meta.kind == Kind::Directory && meta.mode & 0o1000 != 0 && limit & 0o1000 != 0)
    {
        Some("everyone".to_owned())
    } else if meta.mode & 0o020 != 0 && !trusted_group {
        Some(format!("the group {}", people.groups.show(meta.gid)))
    } else if !owner_ok {
        Some(people.users.show(meta.uid))
    } else {
        None
    };
    // Being called a program does a file no harm.
    let extra = if meta.kind == Kind::Directory { 0o777 } else { 0o666 };
    facts.push(ImportantFile {
        source: path.to_owned(),
        path: path.to_owned(),
        about: about.to_owned(),
        class: class.to_owned(),
        kind: kind.to_owned(),
        mode: format!("{:04o}", meta.mode),
        mode_limit: format!("{limit:04o}"),
        // Bits that lend rights or protect take nothing away here.
        too_open: meta.mode & extra & !limit != 0,
        uid: meta.uid.into(),
        gid: meta.gid.into(),
        username: people.users.get(meta.uid).map(str::to_owned),
        groupname: group.map(str::to_owned),
        owner_ok,
        readable_by_all: meta.mode & 0o004 != 0,
        writable_by_all: meta.mode & 0o002 != 0,
        changeable_by,
    });
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::probes::run_one;

    #[test]
    fn what_allows_more_than_it_should_is_marked() {
        let dir = tempfile::tempdir().unwrap();
        let set = |path: &str, mode: u32| {
            let full = dir.path().join(path);
            std::fs::create_dir_all(full.parent().unwrap()).unwrap();
            if !full.exists() {
                std::fs::write(&full, "root:x:0:\n").unwrap();
            }
            std::fs::set_permissions(&full, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        std::fs::create_dir_all(dir.path().join("usr/bin")).unwrap();
        set("etc/passwd", 0o644);
        set("etc/shadow", 0o644);
        set("etc/sudoers.d/extra", 0o666);
        set("etc/cron.daily/job", 0o755);
        set("etc/ld.so.preload", 0o644);
        std::fs::write(dir.path().join("etc/ld.so.preload"), "# x\nlibnice.so:/tmp/evil.so\n").unwrap();
        std::os::unix::fs::symlink("/dev/null", dir.path().join("etc/motd")).unwrap();
        let host = Host::image(dir.path()).unwrap();
        let rows = run_one(&PROBE, &host).rows("important_files");
        let get = |path: &str| rows.iter().find(|r| r["path"] == path);
        assert_eq!(get("/etc/passwd").unwrap()["too_open"], false);
        assert_eq!(get("/etc/shadow").unwrap()["too_open"], true);
        assert_eq!(get("/etc/sudoers.d/extra").unwrap()["changeable_by"], "everyone");
        assert_eq!(get("/etc/cron.daily/job").unwrap()["too_open"], false);
        assert!(get("/etc/motd").is_none());
        let preload = run_one(&PROBE, &host).rows("ld_preload");
        let seen: Vec<_> = preload
            .iter()
            .map(|r| (r["library"].as_str().unwrap(), r["usual_place"] == true, r["present"] == true))
            .collect();
        assert_eq!(seen, [("libnice.so", true, true), ("/tmp/evil.so", false, false)]);
    }
}
