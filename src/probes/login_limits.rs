//! What holds for everyone who logs in: limits of what a session may use, variables that shells set for all, what a new
//! account gets, and at which screens root may log in.

use super::{Probe, ProbeError, USUAL_LIMIT};
use crate::{
    fact_table,
    facts::{Facts, Gap, Row},
    host::{Host, ReadError},
};

fact_table! {
    /// Limits of what the programs of a login may use (limits.conf and its parts), in the order they are read.
    "session_limits" => Limit {
        /// File the row was read from.
        source: String,
        /// Line in that file.
        line: i64,
        /// For whom, as written: a user, `@group`, or `*` for all but root.
        who: String,
        /// `soft`, `hard`, or `-` for both.
        kind: String,
        /// What is limited: `core`, `nofile`, `nproc`, `maxlogins` and others.
        item: String,
        /// The limit, as written.
        value: String,
        /// Place in the order of reading, from 1; of two for the same, the last counts.
        position: i64,
    }
    offline: true,
    examples: ["select who, kind, value from session_limits where item = 'core'"],
}

fact_table! {
    /// Variables that the files of all shells set to a plain value, in the order a login shell reads them.
    "shell_settings" => ShellSetting {
        /// File the row was read from.
        source: String,
        /// Line in that file.
        line: i64,
        /// Name of the variable, such as `TMOUT`.
        name: String,
        /// Its value without quotes.
        value: String,
        /// Whether nobody may change it afterwards.
        readonly: bool,
    }
    offline: true,
    examples: ["select source, value from shell_settings where name = 'TMOUT'"],
}

fact_table! {
    /// What `useradd` gives a new account: one row for each setting of its file.
    "useradd_defaults" => UseraddDefault {
        /// File the row was read from.
        source: String,
        /// Line in that file.
        line: i64,
        /// Name of the setting, such as `INACTIVE` or `SHELL`.
        keyword: String,
        /// Its value.
        value: String,
    }
    offline: true,
    examples: ["select value from useradd_defaults where keyword = 'INACTIVE'"],
}

fact_table! {
    /// The list of screens at which root may log in, one row; it counts only where a rule of logging in asks for it.
    "root_terminals" => RootTerminals {
        /// The list.
        source: String,
        /// Whether there is such a list.
        present: bool,
        /// How many screens stand in it; null without a list.
        terminals: Option<i64>,
    }
    offline: true,
    examples: ["select present, terminals from root_terminals"],
}

fact_table! {
    /// What is shown to whoever stands at the door, one row for each text that exists.
    "greetings" => Greeting {
        /// The file.
        source: String,
        /// `console` (before a login at a screen), `network` (before one from outside, where a service shows it) or `after`.
        kind: String,
        /// Whether it tells the name or version of the system.
        tells_system: bool,
        /// Whether it says that not everybody may come in, or that someone watches.
        warns: bool,
    }
    offline: true,
    examples: ["select source, tells_system, warns from greetings"],
}

/// The probe.
pub const PROBE: Probe = Probe {
    name: "login_limits",
    about: "what holds for all who log in",
    tables: &[Limit::TABLE, ShellSetting::TABLE, UseraddDefault::TABLE, RootTerminals::TABLE, Greeting::TABLE],
    limit: USUAL_LIMIT,
    run,
};

fn run(host: &Host, facts: &mut Facts) -> Result<(), ProbeError> {
    limits(host, facts);
    shells(host, facts);
    for (path, kind) in [("/etc/issue", "console"), ("/etc/issue.net", "network"), ("/etc/motd", "after")] {
        let Some(text) = read::<Greeting>(host, facts, path, "all texts before a login") else { continue };
        let (lower, source) = (text.to_lowercase(), path.to_owned());
        let has = |words: &[&str]| words.iter().any(|w| lower.contains(w));
        facts.push(Greeting {
            source,
            kind: kind.to_owned(),
            tells_system: has(&["debian", "ubuntu", "linux", "\\s", "\\r", "\\v", "\\m"]),
            warns: has(&["authori", "prohibited", "forbidden", "monitor", "private", "restricted"]),
        });
    }
    if let Some(text) = read::<UseraddDefault>(host, facts, "/etc/default/useradd", "what a new account gets") {
        for (line, keyword, value) in assignments(&text).map(|(line, name, value, _)| (line, name, value)) {
            facts.push(UseraddDefault { source: "/etc/default/useradd".to_owned(), line, keyword, value });
        }
    }
    let path = "/etc/securetty";
    let terminals = match host.read_text(path) {
        Ok(text) => Some(text.lines().filter(|l| !l.trim().is_empty() && !l.trim_start().starts_with('#')).count()),
        Err(error) if error.is_not_found() => None,
        Err(error) => {
            facts.unread::<RootTerminals>(Gap::new("where root may log in", path, error.reason()));
            return Ok(());
        }
    };
    facts.push(RootTerminals {
        source: path.to_owned(),
        present: terminals.is_some(),
        terminals: terminals.map(|n| i64::try_from(n).unwrap_or(i64::MAX)),
    });
    Ok(())
}

/// A file that need not be there; where it cannot be read, the table is known in part.
fn read<T: Row>(host: &Host, facts: &mut Facts, path: &str, what: &'static str) -> Option<String> {
    match host.read_text(path) {
        Ok(text) => Some(text),
        Err(ReadError::NotFound(_)) => None,
        Err(error) => {
            facts.partial::<T>(Gap::new(what, path, error.reason()));
            None
        }
    }
}

/// pam_limits(8): the main file, then its parts by name.
fn limits(host: &Host, facts: &mut Facts) {
    let mut files = vec!["/etc/security/limits.conf".to_owned()];
    files.extend(host.glob("/etc/security/limits.d/*.conf"));
    let mut position = 0;
    for path in files {
        let Some(text) = read::<Limit>(host, facts, &path, "all limits of a login") else { continue };
        for (line, text) in (1_i64..).zip(text.lines()) {
            let text = text.split('#').next().unwrap_or_default();
            let words: Vec<&str> = text.split_whitespace().collect();
            let (who, kind, item, value) = match words.as_slice() {
                [who, kind, item, value] => (who, *kind, *item, *value),
                // A dash alone: nobody is limited by it.
                [who, "-"] => (who, "-", "all", "unlimited"),
                _ => continue,
            };
            position += 1;
            facts.push(Limit {
                source: path.clone(),
                line,
                who: (*who).to_owned(),
                kind: kind.to_owned(),
                item: item.to_owned(),
                value: value.to_owned(),
                position,
            });
        }
    }
}

fn shells(host: &Host, facts: &mut Facts) {
    let mut files = vec!["/etc/profile".to_owned()];
    files.extend(host.glob("/etc/profile.d/*.sh"));
    files.push("/etc/bash.bashrc".to_owned());
    for path in files {
        let Some(text) = read::<ShellSetting>(host, facts, &path, "what all shells set") else { continue };
        for (line, name, value, readonly) in assignments(&text) {
            facts.push(ShellSetting { source: path.clone(), line, name, value, readonly });
        }
    }
}

/// Line, name, value and whether it stays, of lines that set one variable to a plain value.
fn assignments(text: &str) -> impl Iterator<Item = (i64, String, String, bool)> {
    (1_i64..).zip(text.lines()).filter_map(|(line, text)| {
        let mut readonly = false;
        let mut rest = text.trim();
        while let Some((word, after)) = rest.split_once([' ', '\t']) {
            match word {
                "readonly" => readonly = true,
                "export" | "declare" | "typeset" => {}
                // Only after one of these words.
                flags if flags.starts_with('-') && rest != text.trim() => readonly |= flags.contains('r'),
                _ => break,
            }
            rest = after.trim_start();
        }
        let (name, value) = rest.split_once('=')?;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(plain) || name.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let value = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => value.get(1..)?.split(quote).next().unwrap_or_default(),
            _ => value.split([' ', '\t', ';', '&', '|', '#']).next().unwrap_or_default(),
        };
        // What a program or another variable says is not known here.
        if value.contains(['$', '`']) {
            return None;
        }
        Some((line, name.to_owned(), value.to_owned(), readonly))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probes::testing::list;

    fn facts(files: &[(&str, &str)]) -> Facts {
        crate::probes::testing::facts(&PROBE, files)
    }

    #[test]
    fn limits_are_read_in_their_order() {
        let facts = facts(&[
            ("etc/security/limits.d/10-b.conf", "*\thard core 0 # none\n"),
            ("etc/security/limits.conf", "#* soft core 0\n@ops - nofile 4096\nbob -\n* hard\n"),
            ("etc/security/limits.d/x.txt", "* hard core 9\n"),
        ]);
        assert_eq!(
            list(&facts, "session_limits", &["line", "who", "kind", "item", "value", "position"]),
            ["2 @ops - nofile 4096 1", "3 bob - all unlimited 2", "1 * hard core 0 3"]
        );
    }

    #[test]
    fn variables_of_all_shells_with_what_stays() {
        let text = "# TMOUT=1\nif x; then\n  declare -xr TMOUT=600\nfi\nreadonly TMOUT=300; export TMOUT\nexport A='b c' D=e\nP=$HOME/x\nls -r=x\n-r B=1\nTMOUT=900 # later\n";
        let facts = facts(&[("etc/profile.d/t.sh", text), ("etc/profile", "umask 022\nPS1=x\n")]);
        assert_eq!(
            list(&facts, "shell_settings", &["source", "line", "name", "value", "readonly"]),
            [
                "/etc/profile 2 PS1 x false",
                "/etc/profile.d/t.sh 3 TMOUT 600 true",
                "/etc/profile.d/t.sh 5 TMOUT 300 true",
                "/etc/profile.d/t.sh 6 A b c false",
                "/etc/profile.d/t.sh 10 TMOUT 900 false",
            ]
        );
    }

    #[test]
    fn what_is_shown_before_a_login() {
        let facts = facts(&[
            ("etc/issue", "Debian GNU/Linux 12 \\n \\l\n\n"),
            ("etc/issue.net", "Authorized users only.\n"),
            ("etc/motd", ""),
        ]);
        assert_eq!(
            list(&facts, "greetings", &["source", "kind", "tells_system", "warns"]),
            ["/etc/issue console true false", "/etc/issue.net network false true", "/etc/motd after false false"]
        );
    }

    #[test]
    fn new_accounts_and_the_screens_of_root() {
        let with =
            facts(&[("etc/default/useradd", "# INACTIVE=3\nSHELL=/bin/sh\nINACTIVE=45\n"), ("etc/securetty", "\n")]);
        assert_eq!(
            list(&with, "useradd_defaults", &["line", "keyword", "value"]),
            ["2 SHELL /bin/sh", "3 INACTIVE 45"]
        );
        assert_eq!(list(&with, "root_terminals", &["present", "terminals"]), ["true 0"]);
        let without = facts(&[]);
        assert_eq!(list(&without, "root_terminals", &["present", "terminals"]), ["false null"]);
        assert!(without.rows("useradd_defaults").is_empty());
    }
}
