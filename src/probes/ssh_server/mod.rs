//! Servers that let people log in over SSH: OpenSSH with its effective settings, and Dropbear; and the keys that open
//! accounts by them.
//! Never decides what is safe; never keeps more of a password than that there is one.

mod keys;
pub(crate) mod parse;
mod people;
mod servers;
mod settings;

use std::collections::BTreeMap;

use self::{
    keys::{AuthorizedKey, SshHostKey},
    settings::Settings,
};
use super::{
    Probe, ProbeError, USUAL_LIMIT,
    rights::People as Rights,
    services::{jobs, scan::Units},
};
use crate::{
    fact_table,
    facts::{Facts, Gap, Row as _},
    host::Host,
};

fact_table! {
    /// Effective settings of the OpenSSH server, defaults included, one row for each value.
    "sshd_config" => SshdConfig {
        /// File the value stands in, or `default`.
        source: String,
        /// Line in that file; null for a default.
        line: Option<i64>,
        /// Keyword in lower case, by its present name.
        keyword: String,
        /// Value as `sshd -T` prints it: times in seconds, lists in full.
        value: String,
        /// `global`, or the Match line whose connections alone it holds for.
        context: String,
        /// Mode of the file, in octal, such as `0644`; null for a default.
        file_mode: Option<String>,
        /// Whether someone other than root may change the file.
        file_writable: bool,
    }
    offline: true,
    examples: [
        "select keyword, value, source, line from sshd_config where source <> 'default'",
        "select value from sshd_config where keyword = 'permitrootlogin' and context = 'global'",
    ],
}

fact_table! {
    /// Programs that let people log in over SSH, one row for each that is installed.
    "ssh_servers" => SshServer {
        /// File its settings start from.
        source: String,
        /// `openssh` or `dropbear`.
        program: String,
        /// Its version as packaged; null when no package owns it.
        version: Option<String>,
        /// Whether it runs now; null in an image.
        running: Option<bool>,
        /// Whether it starts with the machine.
        enabled: bool,
        /// Whether it takes logins: it runs, or in an image would be started.
        active: bool,
        /// Addresses and ports it listens on, with commas between.
        listens: String,
        /// How far its addresses reach: `any`, `private` or `loopback`.
        reach: String,
        /// How root may log in: `password`, `key`, `command` (a key bound to a command) or `no`.
        root_login: String,
        /// Whether people may log in with only a password.
        password_login: bool,
        /// Whether an account without a password may log in.
        empty_password_login: bool,
        /// Whether root has a password that works; null when that could not be read.
        root_has_password: Option<bool>,
        /// How many accounts have a password and a shell, so that guessing could let someone in; null when unknown.
        password_accounts: Option<i64>,
        /// Program that locks out addresses that guess, such as `fail2ban`; null when none watches this server.
        guard: Option<String>,
        /// What the server says is wrong with its settings; null when nothing, or when it could not be asked.
        mistake: Option<String>,
    }
    offline: true,
    examples: ["select program, active, listens, root_login, password_login from ssh_servers"],
}

/// The probe.
pub const PROBE: Probe = Probe {
    name: "ssh_server",
    about: settings::WHAT,
    tables: &[SshdConfig::TABLE, SshServer::TABLE, AuthorizedKey::TABLE, SshHostKey::TABLE],
    limit: USUAL_LIMIT,
    run,
};

fn run(host: &Host, facts: &mut Facts) -> Result<(), ProbeError> {
    const NOTHING: &str = "no program that lets people log in over SSH is installed";
    // Configuration that a removed package left behind does not count.
    let (openssh, dropbear) = (host.exists(servers::SSHD), host.exists(servers::DROPBEAR));
    if !openssh {
        facts.absent::<SshdConfig>("no OpenSSH server is installed");
    }
    if !openssh && !dropbear {
        facts.absent::<SshServer>(NOTHING);
        facts.absent::<AuthorizedKey>(NOTHING);
        facts.absent::<SshHostKey>(NOTHING);
        return Ok(());
    }
    let people = people::read(host);
    if let Err(error) = &people.passwords {
        facts.partial::<SshServer>(Gap::new("which accounts have a password", "/etc/shadow", error.reason()));
    }
    if let Some(gap) = jobs::hidden(host) {
        facts.partial::<SshServer>(gap);
    }
    let rights = Rights::read(host);
    let machine =
        servers::Machine { host, people: &people, processes: jobs::processes(host), units: Units::scan(host) };
    let mut settings = Settings::default();
    if openssh {
        let version = servers::package_version(host, "openssh-server");
        settings = settings::read(host, version.as_deref());
        facts.push(servers::openssh(&machine, &settings, version));
        for gap in &settings.gaps {
            facts.partial::<SshdConfig>(gap.clone());
            facts.partial::<SshServer>(gap.clone());
        }
        push_settings(host, facts, &settings, &rights);
    }
    keys::read(host, facts, &settings, &people.accounts, &rights);
    if dropbear {
        facts.push(servers::dropbear(&machine));
    }
    Ok(())
}

fn push_settings(host: &Host, facts: &mut Facts, settings: &Settings, rights: &Rights) {
    // Mode, and whether others may change it: the same for all settings of a file.
    let mut files: BTreeMap<&str, (Option<String>, bool)> = BTreeMap::from([("default", (None, false))]);
    for setting in &settings.all {
        let (mode, writable) = files.entry(&setting.source).or_insert_with(|| {
            let mode = host.metadata(&setting.source).ok().map(|m| format!("{:04o}", m.mode));
            (mode, rights.changeable(host, &setting.source, 0).is_some())
        });
        facts.push(SshdConfig {
            file_mode: mode.clone(),
            file_writable: *writable,
            source: setting.source.clone(),
            line: setting.line,
            keyword: setting.keyword.clone(),
            value: setting.value.clone(),
            context: setting.context.clone(),
        });
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, path::Path};

    use super::*;
    use crate::host::Output;

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn machine(files: &[(&str, &str)]) -> (tempfile::TempDir, Host) {
        let dir = tempfile::tempdir().unwrap();
        write(
            dir.path(),
            "etc/passwd",
            "root:x:0:0:root:/root:/bin/bash\nann:x:1000:1000::/home/ann:/bin/bash\nwww:x:33:33::/var/www:/usr/sbin/nologin\n",
        );
        write(dir.path(), "etc/group", "root:x:0:\nsudo:x:27:ann,root\n");
        write(
            dir.path(),
            "etc/shadow",
            "root:$y$j9T$secret:19000:0:99999:7:::\nann:$y$j9T$secret:19000:0:99999:7:::\nwww:*:19000::::::\n",
        );
        write(dir.path(), "usr/sbin/sshd", "");
        write(dir.path(), "usr/lib/systemd/system/ssh.service", "[Install]\nWantedBy=multi-user.target\n");
        write(dir.path(), "etc/systemd/system/multi-user.target.wants/ssh.service", "");
        write(dir.path(), "usr/lib/systemd/systemd", "");
        for (path, text) in files {
            write(dir.path(), path, text);
        }
        let host = Host::image(dir.path()).unwrap();
        (dir, host)
    }

    fn server(files: &[(&str, &str)]) -> serde_json::Map<String, serde_json::Value> {
        let (_dir, host) = machine(files);
        let facts = super::super::run_one(&PROBE, &host);
        facts.rows("ssh_servers").into_iter().next().unwrap()
    }

    #[test]
    fn a_stock_server_takes_passwords_but_none_for_root() {
        let row = server(&[("etc/ssh/sshd_config", "UsePAM yes\nKbdInteractiveAuthentication no\n")]);
        assert_eq!(row["root_login"], "key");
        assert_eq!(row["password_login"], true);
        assert_eq!(row["root_has_password"], true);
        assert_eq!(row["password_accounts"], 1, "root's own is of no use here");
        assert_eq!(row["active"], true);
        assert_eq!(row["running"], serde_json::Value::Null);
        assert_eq!((&row["listens"], &row["reach"]), (&"[::]:22,0.0.0.0:22".into(), &"any".into()));
    }

    #[test]
    fn passwords_asked_for_by_the_keyboard_are_passwords_too() {
        let row = server(&[("etc/ssh/sshd_config", "PermitRootLogin yes\nPasswordAuthentication no\n")]);
        assert_eq!((&row["root_login"], &row["password_login"]), (&"key".into(), &false.into()), "UsePAM is off");
        let text = "PermitRootLogin yes\nPasswordAuthentication no\nUsePAM yes\n";
        let row = server(&[("etc/ssh/sshd_config", text)]);
        assert_eq!((&row["root_login"], &row["password_login"]), (&"password".into(), &true.into()));
        let text = "PermitRootLogin yes\nUsePAM yes\nAuthenticationMethods publickey,password\n";
        let row = server(&[("etc/ssh/sshd_config", text)]);
        assert_eq!((&row["root_login"], &row["password_login"]), (&"key".into(), &false.into()));
    }

    #[test]
    fn lists_of_people_decide_about_root() {
        for (line, expected) in [
            ("AllowUsers ann", "no"),
            ("AllowUsers ann root@10.*", "password"),
            ("DenyUsers r*", "no"),
            ("AllowGroups sudo", "password"),
            ("AllowGroups staff", "no"),
            ("DenyGroups root", "no"),
            ("AllowUsers *", "password"),
        ] {
            let row = server(&[("etc/ssh/sshd_config", &format!("PermitRootLogin yes\n{line}\n"))]);
            assert_eq!(row["root_login"], expected, "{line}");
        }
    }

    #[test]
    fn reach_follows_the_addresses() {
        for (text, reach) in [
            ("ListenAddress 127.0.0.1\nListenAddress ::1\n", "loopback"),
            ("ListenAddress 10.0.0.5\n", "private"),
            ("ListenAddress 10.0.0.5\nListenAddress 192.0.2.7\n", "any"),
            ("ListenAddress fd00::1\nListenAddress 127.0.0.1\n", "private"),
        ] {
            assert_eq!(server(&[("etc/ssh/sshd_config", text)])["reach"], reach, "{text}");
        }
    }

    #[test]
    fn a_server_that_is_installed_but_switched_off_is_not_active() {
        let row = server(&[("etc/ssh/sshd_config", "Port 22\n"), ("etc/ssh/sshd_not_to_be_run", "")]);
        assert_eq!((&row["enabled"], &row["active"]), (&false.into(), &false.into()));
    }

    #[test]
    fn dropbear_with_root_and_passwords_is_seen() {
        let (dir, host) = machine(&[
            ("usr/sbin/dropbear", ""),
            ("etc/default/dropbear", "#DROPBEAR_PORT=22\nDROPBEAR_PORT=2200\nDROPBEAR_EXTRA_ARGS=\"\"\n"),
            ("etc/systemd/system/multi-user.target.wants/dropbear.service", ""),
        ]);
        std::fs::remove_file(dir.path().join("usr/sbin/sshd")).unwrap();
        let facts = super::super::run_one(&PROBE, &host);
        assert!(matches!(facts.state("sshd_config"), crate::facts::State::Absent(_)));
        let row = &facts.rows("ssh_servers")[0];
        assert_eq!((&row["program"], &row["root_login"]), (&"dropbear".into(), &"password".into()));
        assert_eq!((&row["listens"], &row["password_login"]), (&"0.0.0.0:2200,[::]:2200".into(), &true.into()));
        for (args, root, password) in
            [("-w", "no", true), ("-s", "key", false), ("-g -p 127.0.0.1:22", "key", true), ("-sw", "no", false)]
        {
            write(dir.path(), "etc/default/dropbear", &format!("DROPBEAR_EXTRA_ARGS='{args}'\n"));
            let row = &super::super::run_one(&PROBE, &host).rows("ssh_servers")[0];
            assert_eq!((&row["root_login"], &row["password_login"]), (&root.into(), &password.into()), "{args}");
        }
    }

    #[test]
    fn a_guard_counts_only_when_it_watches_this_server() {
        let wants = ("etc/systemd/system/multi-user.target.wants/fail2ban.service", "");
        let unit = ("usr/lib/systemd/system/fail2ban.service", "[Install]\nWantedBy=multi-user.target\n");
        let base = [("etc/ssh/sshd_config", "Port 22\n"), ("usr/bin/fail2ban-server", ""), unit, wants];
        let with = |jail: (&'static str, &'static str)| {
            let files: Vec<_> = base.iter().copied().chain([jail]).collect();
            server(&files)["guard"].clone()
        };
        assert_eq!(with(("etc/fail2ban/jail.d/defaults-debian.conf", "[sshd]\nenabled = true\n")), "fail2ban");
        assert_eq!(with(("etc/fail2ban/jail.local", "[sshd]\nenabled = false\n")), serde_json::Value::Null);
    }

    #[test]
    fn a_live_server_is_known_by_its_process() {
        let (dir, _) = machine(&[
            ("etc/ssh/sshd_config", "PermitRootLogin yes\n"),
            ("proc/812/comm", "sshd\n"),
            ("proc/812/cmdline", "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups"),
            ("proc/900/comm", "sshd\n"),
            ("proc/900/cmdline", "sshd: ann [priv]"),
        ]);
        let host = Host::fake(dir.path(), jiff::Timestamp::UNIX_EPOCH, BTreeMap::<String, Output>::new()).unwrap();
        let row = &super::super::run_one(&PROBE, &host).rows("ssh_servers")[0];
        assert_eq!((&row["running"], &row["active"]), (&true.into(), &true.into()));
        std::fs::remove_dir_all(dir.path().join("proc/812")).unwrap();
        let row = &super::super::run_one(&PROBE, &host).rows("ssh_servers")[0];
        assert_eq!((&row["running"], &row["active"], &row["enabled"]), (&false.into(), &false.into(), &true.into()));
    }

    #[test]
    fn without_an_ssh_server_nothing_is_asked() {
        let (dir, host) = machine(&[("etc/ssh/sshd_config", "PermitRootLogin yes\n")]);
        std::fs::remove_file(dir.path().join("usr/sbin/sshd")).unwrap();
        let facts = super::super::run_one(&PROBE, &host);
        assert!(matches!(facts.state("ssh_servers"), crate::facts::State::Absent(_)));
    }

    #[test]
    fn junk_where_the_settings_should_be_is_a_gap() {
        let (dir, host) = machine(&[]);
        std::fs::create_dir_all(dir.path().join("etc/ssh")).unwrap();
        std::fs::write(dir.path().join("etc/ssh/sshd_config"), [0_u8, 159, 146, 150]).unwrap();
        let facts = super::super::run_one(&PROBE, &host);
        assert!(matches!(facts.state("sshd_config"), crate::facts::State::Partial(_)));
        assert!(!facts.gaps().is_empty());
    }
}
