//! Settings around logging in: login.defs, the shells, where accounts are looked up, and where root's programs come
//! from. It reads files only.

use super::{Probe, ProbeError, USUAL_LIMIT, rights::People};
use crate::{
    fact_table,
    facts::{Facts, Gap, Row},
    host::Host,
};

fact_table! {
    /// Settings of login.defs; of a key that is set twice only the last, which counts.
    "login_defs" => LoginDef {
        /// File the row was read from.
        source: String,
        /// Line in that file.
        line: i64,
        /// Name of the setting, such as `PASS_MAX_DAYS`.
        keyword: String,
        /// Its value.
        value: String,
    }
    offline: true,
    examples: ["select keyword, value from login_defs where keyword like 'PASS%'"],
}

fact_table! {
    /// Programs that may be the shell of a person.
    "shells" => Shell {
        /// File the row was read from.
        source: String,
        /// Line in that file.
        line: i64,
        /// Path of the shell.
        shell: String,
        /// Whether it exists.
        present: bool,
    }
    offline: true,
    examples: ["select shell from shells where not present"],
}

fact_table! {
    /// Where accounts and names are looked up, in order.
    "nsswitch" => Switch {
        /// File the row was read from.
        source: String,
        /// Line in that file.
        line: i64,
        /// What is looked up: `passwd`, `group`, `shadow`, `hosts` and others.
        database: String,
        /// Who is asked: `files`, `systemd`, `sss`, `ldap`, `nis` and others.
        service: String,
        /// Place in the order, from 1.
        position: i64,
    }
    offline: true,
    examples: ["select service from nsswitch where database = 'passwd' order by position"],
}

fact_table! {
    /// Folders where the programs that root types by name are looked for.
    "root_path" => PathFolder {
        /// File the row was read from.
        source: String,
        /// Line in that file.
        line: i64,
        /// The folder, as written; empty and `.` mean where one happens to be.
        directory: String,
        /// Place in the order, from 1.
        position: i64,
        /// Whether it starts at the top of the tree.
        absolute: bool,
        /// Who besides root can put programs there; null when nobody.
        changeable_by: Option<String>,
    }
    offline: true,
    examples: ["select directory, changeable_by from root_path where changeable_by is not null"],
}

/// The probe.
pub const PROBE: Probe = Probe {
    name: "login_settings",
    about: "the settings of logging in",
    tables: &[LoginDef::TABLE, Shell::TABLE, Switch::TABLE, PathFolder::TABLE],
    limit: USUAL_LIMIT,
    run,
};

fn run(host: &Host, facts: &mut Facts) -> Result<(), ProbeError> {
    if let Some((source, text)) =
        read::<LoginDef>(host, facts, &["/etc/login.defs", "/usr/etc/login.defs"], "the rules for new accounts")
    {
        for (line, keyword, value) in login_defs(&text) {
            facts.push(LoginDef { source: source.to_owned(), line, keyword, value });
        }
    }
    if let Some((source, text)) = read::<Shell>(host, facts, &["/etc/shells", "/usr/etc/shells"], "the list of shells")
    {
        for (line, text) in lines(&text).filter(|(_, l)| l.starts_with('/')) {
            facts.push(Shell {
                source: source.to_owned(),
                line,
                shell: text.to_owned(),
                present: !matches!(host.metadata(text), Err(e) if e.is_not_found()),
            });
        }
    }
    if let Some((source, text)) =
        read::<Switch>(host, facts, &["/etc/nsswitch.conf", "/usr/etc/nsswitch.conf"], "where accounts are looked up")
    {
        for (line, text) in lines(&text) {
            let Some((database, rest)) = text.split_once(':') else { continue };
            // What stands in brackets says what to do after an answer.
            let mut inside = false;
            let mut position = 0;
            for word in rest.replace('[', " [ ").replace(']', " ] ").split_whitespace() {
                match word {
                    "[" => inside = true,
                    "]" => inside = false,
                    service if !inside => {
                        position += 1;
                        facts.push(Switch {
                            source: source.to_owned(),
                            line,
                            database: database.trim().to_owned(),
                            service: service.to_owned(),
                            position,
                        });
                    }
                    _ => {}
                }
            }
        }
    }
    root_path(host, facts);
    Ok(())
}

/// The first file that is there; a table of none is absent.
fn read<T: Row>(host: &Host, facts: &mut Facts, paths: &[&'static str], about: &str) -> Option<(&'static str, String)> {
    for path in paths {
        match host.read_text(path) {
            Ok(text) => return Some((path, text)),
            Err(error) if error.is_not_found() => {}
            Err(error) => {
                facts.unread::<T>(Gap::new(about, *path, error.reason()));
                return None;
            }
        }
    }
    facts.absent::<T>(format!("there is no {}", paths.first().copied().unwrap_or_default()));
    None
}

/// Lines without comments, trimmed.
fn lines(text: &str) -> impl Iterator<Item = (i64, &str)> {
    (1_i64..)
        .zip(text.lines())
        .map(|(n, l)| (n, l.split('#').next().unwrap_or_default().trim()))
        .filter(|(_, l)| !l.is_empty())
}

/// Line, keyword and value of login.defs(5): of a keyword that is set twice, the last.
pub(crate) fn login_defs(text: &str) -> Vec<(i64, String, String)> {
    let mut out: Vec<(i64, String, String)> = Vec::new();
    // A comment begins a line; behind a value `#` is part of it.
    for (line, text) in (1_i64..).zip(text.lines()).map(|(n, l)| (n, l.trim())).filter(|(_, l)| !l.starts_with('#')) {
        let Some((keyword, value)) = text.split_once([' ', '\t']) else { continue };
        let value = value.trim().trim_matches('"').to_owned();
        out.retain(|(_, k, _)| k != keyword);
        out.push((line, keyword.to_owned(), value));
    }
    out
}

/// Files that set the search path of root, and what stands before the value.
const PATH_FILES: &[&str] = &[
    "/etc/login.defs",
    "/etc/environment",
    "/etc/profile",
    "/etc/bash.bashrc",
    "/root/.profile",
    "/root/.bash_profile",
    "/root/.bashrc",
    "/root/.zshrc",
];

fn root_path(host: &Host, facts: &mut Facts) {
    let people = People::read(host);
    let snippets = host.glob("/etc/profile.d/*.sh");
    for path in PATH_FILES.iter().copied().chain(snippets.iter().map(String::as_str)) {
        let text = match host.read_text(path) {
            Ok(text) => text,
            Err(error) if error.is_not_found() => continue,
            Err(error) => {
                facts.partial::<PathFolder>(Gap::new("where all programs of root come from", path, error.reason()));
                continue;
            }
        };
        for (line, text) in (1_i64..).zip(text.lines()) {
            let Some(value) = path_value(text) else { continue };
            for (position, folder) in (1_i64..).zip(value.split(':').take(100)) {
                let folder = folder.trim().replace("${HOME}", "/root").replace("$HOME", "/root");
                let folder = match folder.strip_prefix('~') {
                    Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("/root{rest}"),
                    _ => folder,
                };
                // What a variable or a program adds is decided elsewhere.
                if folder.contains(['$', '`', '*']) {
                    continue;
                }
                facts.push(PathFolder {
                    source: path.to_owned(),
                    line,
                    absolute: folder.starts_with('/'),
                    changeable_by: people.changeable(host, folder.trim_end_matches('/'), 0).map(|(who, _)| who),
                    directory: folder,
                    position,
                });
            }
        }
    }
}

/// The value of a line that sets PATH for root: in a shell file, in environment, or as ENV_SUPATH.
fn path_value(line: &str) -> Option<&str> {
    let line = line.trim();
    let line = line.strip_prefix("export ").map_or(line, str::trim_start);
    let value = match line.strip_prefix("ENV_SUPATH") {
        Some(rest) => rest.trim_start().strip_prefix("PATH=")?,
        None => line.strip_prefix("PATH=")?,
    };
    let value = value.trim();
    for quote in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(quote) {
            return Some(inner.split(quote).next().unwrap_or_default());
        }
    }
    value.split([';', ' ', '\t']).next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{facts::State, probes::testing::list};

    fn facts(files: &[(&str, &str)]) -> Facts {
        crate::probes::testing::facts(&PROBE, files)
    }

    #[test]
    fn the_last_value_counts_tabs_or_not_and_comments_do_not() {
        let facts = facts(&[(
            "etc/login.defs",
            "#PASS_MAX_DAYS 30\nPASS_MAX_DAYS\t\t99999\nUMASK 022\n  PASS_MAX_DAYS   365  \n",
        )]);
        assert_eq!(list(&facts, "login_defs", &["keyword", "value", "line"]), ["UMASK 022 3", "PASS_MAX_DAYS 365 4"]);
        assert!(matches!(facts.state("shells"), State::Absent(_)));
    }

    #[test]
    fn where_accounts_come_from_is_read_without_the_words_in_brackets() {
        let facts = facts(&[("etc/nsswitch.conf", "passwd: files [NOTFOUND=return] sss # ldap\nhosts:\tfiles dns\n")]);
        assert_eq!(
            list(&facts, "nsswitch", &["database", "service", "position"]),
            ["passwd files 1", "passwd sss 2", "hosts files 1", "hosts dns 2"]
        );
    }

    #[test]
    fn root_path_is_taken_apart() {
        let facts = facts(&[
            ("etc/login.defs", "ENV_SUPATH\tPATH=/usr/sbin:/usr/bin\nENV_PATH PATH=/usr/games\n"),
            ("root/.bashrc", "export PATH=\"$HOME/bin:.:$PATH\"\n# PATH=/tmp\n  PATH=/a::/b; export PATH\n"),
        ]);
        assert_eq!(
            list(&facts, "root_path", &["source", "line", "directory", "absolute"]),
            [
                "/etc/login.defs 1 /usr/sbin true",
                "/etc/login.defs 1 /usr/bin true",
                "/root/.bashrc 1 /root/bin true",
                "/root/.bashrc 1 . false",
                "/root/.bashrc 3 /a true",
                "/root/.bashrc 3  false",
                "/root/.bashrc 3 /b true",
            ]
        );
    }
}
