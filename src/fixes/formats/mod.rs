//! Pure editors of settings files: one setting of one file is changed, everything else stays byte for byte.
//! Each format follows the rule of the program that owns it about which of several lines is in force.

use serde::{Deserialize, Serialize};

mod apache;
mod apt;
mod auditd;
mod fstab;
mod grub;
mod ini;
mod json;
mod key_value;
mod lines;
mod login_defs;
mod memcached;
mod nginx;
mod pam;
mod pg_hba;
mod postfix;
mod postgres;
mod redis;
mod shell;
mod ssh_client;
mod sshd;
mod sudoers;
mod sysctl;
mod systemd;
#[cfg(test)]
mod testing;

/// How a settings file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// `sshd_config`: the first value wins; `section` may name a `Match` line.
    Sshd,
    /// `ssh_config`: the first value wins; without `section` what holds for every host.
    SshClient,
    /// `php.ini`, `my.cnf`: the last value wins within a section; without `section` sections do not matter, as in PHP.
    Ini,
    /// `/etc/login.defs`: `KEY value`, the last wins.
    LoginDefs,
    /// `/etc/default/*`: assignments of the shell.
    Shell,
    /// `/etc/sysctl.d/*.conf`.
    Sysctl,
    /// Units, drop-ins and settings of systemd; `section` is needed.
    Systemd,
    /// `/etc/apt/apt.conf.d/*`: keys such as `APT::Periodic::Update-Package-Lists`.
    Apt,
    /// `/etc/pam.d/*`: `section` is the type, `key` a module, `module argument` or `module:option`.
    Pam,
    /// `/etc/sudoers`: `key` is a parameter of `Defaults`, or with the section `rule` a whole rule.
    Sudoers,
    /// `/etc/fstab`: `key` is a mount point or `mount point:option`.
    Fstab,
    /// `/etc/default/grub` and others with lists of words: as `Shell`, and `VARIABLE:word` for one word of a list.
    Grub,
    /// `/etc/audit/auditd.conf`.
    Auditd,
    /// `daemon.json` and the like: `key` is a path with dots.
    Json,
    /// `postgresql.conf`.
    Postgres,
    /// `pg_hba.conf`: `key` is type, database, user and address; the value is the method with its options.
    PgHba,
    /// `redis.conf`.
    Redis,
    /// `memcached.conf`: keys such as `-l`.
    Memcached,
    /// `main.cf` of Postfix.
    Postfix,
    /// `nginx.conf`: `section` is a block path such as `http/server[0]`.
    Nginx,
    /// `apache2.conf` and its parts: `section` is a container such as `<Directory /var/www/>`.
    Apache,
    /// `key value` or `key = value` lines: `pwquality.conf`, `faillock.conf`, `limits.conf`, `chrony.conf`.
    KeyValue,
}

/// One change of one setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edit<'a> {
    /// The part of the file that is meant, where the format has parts.
    pub section: Option<&'a str>,
    /// The setting.
    pub key: &'a str,
    /// Its new value; none removes it.
    pub value: Option<&'a str>,
}

/// Why a file was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The file cannot be understood.
    #[error("line {line}: {why}")]
    Text {
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        why: &'static str,
    },
    /// The key cannot be written in this format.
    #[error("the setting {key:?} cannot be changed: {why}")]
    Key {
        /// The key.
        key: String,
        /// Why not.
        why: &'static str,
    },
    /// The section is not there or cannot be written.
    #[error("the section {section:?} cannot be changed: {why}")]
    Section {
        /// The section.
        section: String,
        /// Why not.
        why: &'static str,
    },
    /// The value cannot be written in this format. The value itself is not told: it may be a secret.
    #[error("the value for {key:?} cannot be written: {why}")]
    Value {
        /// The key.
        key: String,
        /// Why not.
        why: &'static str,
    },
    /// The change would have altered more than the one setting, or would have had no effect.
    #[error("the change of {key:?} would not do exactly what it should, so nothing was changed")]
    Unsafe {
        /// The key.
        key: String,
    },
}

impl Format {
    /// Rights of a new file: what sshd and sudo read is nobody else's business.
    #[must_use]
    pub fn mode(self) -> u32 {
        match self {
            Format::Sshd => 0o600,
            Format::Sudoers => 0o440,
            _ => 0o644,
        }
    }

    /// The text after the change; the same text when the setting already has that value.
    ///
    /// # Errors
    /// When the text cannot be understood, when key, section or value cannot be written in this format, and when the
    /// new text, read again, would not hold exactly this change.
    pub fn edit(self, text: &str, edit: &Edit<'_>) -> Result<String, EditError> {
        lines::check_text(text)?;
        lines::check_edit(edit)?;
        let syntax = self.syntax();
        let new = syntax.edit(text, edit)?;
        if new == text {
            return Ok(new);
        }
        // The last guard against values that mean more than they should: read the new text as its program would.
        if self.is_exact(text, &new, edit) { Ok(new) } else { Err(EditError::Unsafe { key: lines::shown(edit.key) }) }
    }

    /// The value in force as the program that owns the format would read this one file. None when it is not set, when
    /// the file cannot be understood and when only the running program could tell (`$(command)` in a shell file).
    #[must_use]
    pub fn get(self, text: &str, section: Option<&str>, key: &str) -> Option<String> {
        lines::check_text(text).ok()?;
        self.syntax().get(text, section, key).ok().flatten()
    }

    /// Whether the new text has the setting, would not be changed again, and has all other settings as before.
    fn is_exact(self, old: &str, new: &str, edit: &Edit<'_>) -> bool {
        let syntax = self.syntax();
        let others = |text: &str| -> Option<Vec<_>> {
            let settings = syntax.settings(text).ok()?;
            let other =
                |setting: &lines::Setting| !setting.name.is_empty() && !syntax.is(setting, edit.section, edit.key);
            let others = settings.into_iter().filter(other);
            Some(others.map(|setting| (setting.section, setting.name, setting.value)).collect())
        };
        let got = syntax.get(new, edit.section, edit.key).ok().flatten();
        lines::check_text(new).is_ok()
            && got.is_some() == edit.value.is_some()
            && syntax.edit(new, edit).is_ok_and(|again| again == new)
            && others(old).is_some_and(|before| others(new) == Some(before))
    }

    fn syntax(self) -> &'static dyn lines::Syntax {
        match self {
            Format::Sshd => &sshd::Sshd,
            Format::SshClient => &ssh_client::SshClient,
            Format::Ini => &ini::Ini,
            Format::LoginDefs => &login_defs::LoginDefs,
            Format::Shell => &shell::Shell,
            Format::Sysctl => &sysctl::Sysctl,
            Format::Systemd => &systemd::Systemd,
            Format::Apt => &apt::Apt,
            Format::Pam => &pam::Pam,
            Format::Sudoers => &sudoers::Sudoers,
            Format::Fstab => &fstab::Fstab,
            Format::Grub => &grub::Grub,
            Format::Auditd => &auditd::Auditd,
            Format::Json => &json::Json,
            Format::Postgres => &postgres::Postgres,
            Format::PgHba => &pg_hba::PgHba,
            Format::Redis => &redis::Redis,
            Format::Memcached => &memcached::Memcached,
            Format::Postfix => &postfix::Postfix,
            Format::Nginx => &nginx::Nginx,
            Format::Apache => &apache::Apache,
            Format::KeyValue => &key_value::KeyValue,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_what_no_format_takes() -> Result<(), serde_json::Error> {
        let names = [
            "sshd",
            "ssh-client",
            "ini",
            "login-defs",
            "shell",
            "sysctl",
            "systemd",
            "apt",
            "pam",
            "sudoers",
            "fstab",
            "grub",
            "auditd",
            "json",
            "postgres",
            "pg-hba",
            "redis",
            "memcached",
            "postfix",
            "nginx",
            "apache",
            "key-value",
        ];
        for name in names {
            let format: Format = serde_json::from_str(&format!("\"{name}\""))?;
            assert_eq!(serde_json::to_string(&format)?, format!("\"{name}\""));
            for key in ["", " a", "a\n", "a\0b", "\u{1b}"] {
                assert!(format.edit("", &Edit { section: None, key, value: Some("x") }).is_err(), "{name} {key:?}");
                assert_eq!(format.get("a = \0", None, key), None);
            }
        }
        Ok(())
    }

    #[test]
    fn errors_are_plain_sentences() {
        let error = Format::Sshd.edit("Port 22\nBanner \"x\n", &Edit { section: None, key: "Port", value: Some("1") });
        assert_eq!(error.map_err(|error| error.to_string()), Err("line 2: a quote is not closed".to_owned()));
        let error = Format::Redis.edit("", &Edit { section: None, key: "requirepass", value: Some("secret\nx y") });
        assert!(error.is_err_and(|error| !error.to_string().contains("secret")));
    }
}
