//! Who may act as root or as another user by sudo or doas: every rule with its aliases opened and its files included.
//! It follows sudoers(5) and doas.conf(5) as the programs read them, and runs neither.

mod doas;
mod effective;
mod files;
mod parse;

use super::{Probe, ProbeError, USUAL_LIMIT};
use crate::{
    fact_table,
    facts::{Facts, Gap, Row as _},
    host::Host,
};

fact_table! {
    /// Who may run what as whom by sudo: one row for each user or group and command of a rule, aliases opened.
    "sudoers" => Sudoer {
        /// File the row was read from.
        source: String,
        /// Line in that file.
        line: i64,
        /// The users of the rule as written.
        header: String,
        /// The rest of the rule as written.
        rule_details: String,
        /// `user`, `group`, `everyone` or `netgroup`.
        who_kind: String,
        /// Name of the user or group; `ALL` for everyone.
        who: String,
        /// Whether such a user or group exists here.
        who_present: bool,
        /// Users and groups left out of the rule, separated by commas.
        who_excluding: String,
        /// Whether the rule holds on this machine, by its list of hosts.
        here: bool,
        /// As whom, as written, aliases opened.
        runas: String,
        /// Whether that includes root.
        as_root: bool,
        /// The command with its arguments; `ALL` for any.
        command: String,
        /// The program alone; null for `ALL`.
        program: Option<String>,
        /// Whether any command may be run.
        any_command: bool,
        /// Commands left out of the rule, separated by commas.
        command_excluding: String,
        /// Whether no password is asked, by NOPASSWD or by Defaults.
        nopasswd: bool,
        /// Whose password is asked: `own`, `root` or `target`.
        asks_for: String,
        /// Whether the command is kept from starting others.
        noexec: bool,
        /// Whether the user may pass any settings of the environment along.
        setenv: bool,
        /// Whether a later rule counts instead of this one.
        overruled: bool,
        /// Who besides root can change the program; null when nobody.
        changeable_by: Option<String>,
    }
    offline: true,
    examples: ["select who, command, nopasswd, source, line from sudoers where here and as_root and not overruled"],
}

fact_table! {
    /// Settings of sudo (its Defaults lines), in the order they are read: the last one of a name counts.
    "sudo_defaults" => SudoDefault {
        /// File the row was read from.
        source: String,
        /// Line in that file.
        line: i64,
        /// Place in the order of reading, from 1.
        position: i64,
        /// For whom: `all`, or `user`, `host`, `command`, `runas` with a list.
        scope: String,
        /// Name of the setting; `+` or `-` at its end adds to or takes from a list.
        name: String,
        /// Its value; `on` or `off` for a switch.
        value: String,
    }
    offline: true,
    examples: ["select name, value, scope from sudo_defaults order by position"],
}

fact_table! {
    /// Files of sudo's rules, read or ignored.
    "sudoers_files" => SudoersFile {
        /// The file.
        source: String,
        /// Line of the first mistake; null when there is none.
        line: Option<i64>,
        /// File that includes it; null for the first.
        included_by: Option<String>,
        /// Whether sudo reads it.
        used: bool,
        /// Why it is ignored or what is wrong: `name`, `owner`, `writable`, `missing`, `syntax` or `loop`; null when all is well.
        problem: Option<String>,
        /// Permission bits in octal.
        mode: Option<String>,
        /// Number of its owner.
        uid: Option<i64>,
    }
    offline: true,
    examples: ["select source, problem from sudoers_files where problem is not null"],
}

fact_table! {
    /// Rules of doas, a small relative of sudo; the last one that fits counts.
    "doas" => Doas {
        /// File the row was read from.
        source: String,
        /// Line in that file.
        line: i64,
        /// `permit` or `deny`.
        verdict: String,
        /// `user` or `group`.
        who_kind: String,
        /// Name of the user or group.
        who: String,
        /// As whom; null means anyone.
        runas: Option<String>,
        /// Whether that includes root.
        as_root: bool,
        /// The command; null means any.
        command: Option<String>,
        /// Whether no password is asked.
        nopasswd: bool,
        /// Whether the environment is passed along.
        keepenv: bool,
    }
    offline: true,
    examples: ["select who, runas, command, nopasswd from doas where verdict = 'permit'"],
}

/// The probe.
pub const PROBE: Probe = Probe {
    name: "sudoers",
    about: "who may act as root",
    tables: &[Sudoer::TABLE, SudoDefault::TABLE, SudoersFile::TABLE, Doas::TABLE],
    limit: USUAL_LIMIT,
    run,
};

/// Where the first file of rules is.
const SUDOERS: &str = "/etc/sudoers";

fn run(host: &Host, facts: &mut Facts) -> Result<(), ProbeError> {
    doas::read(host, facts);
    let installed = ["/usr/bin/sudo", "/bin/sudo", "/usr/local/bin/sudo", "/usr/bin/sudo-rs"];
    if !installed.iter().any(|p| host.exists(p)) {
        for absent in [Facts::absent::<Sudoer>, Facts::absent::<SudoDefault>, Facts::absent::<SudoersFile>] {
            absent(facts, "sudo is not installed".to_owned());
        }
        return Ok(());
    }
    if let Err(error) = host.read_text(SUDOERS) {
        let reason = error.reason();
        if error.is_not_found() {
            // Without its rules sudo lets nobody do anything.
            return Ok(());
        }
        for unread in [Facts::unread::<Sudoer>, Facts::unread::<SudoDefault>, Facts::unread::<SudoersFile>] {
            unread(facts, Gap::new("who may act as root", SUDOERS, reason.clone()));
        }
        return Ok(());
    }
    let read = files::Reader::read(host, SUDOERS);
    for file in read.files {
        facts.push(file);
    }
    for gap in read.gaps {
        facts.partial::<Sudoer>(gap.clone());
        facts.partial::<SudoDefault>(gap);
    }
    effective::push(host, &read.statements, facts);
    Ok(())
}

#[cfg(test)]
mod tests;
