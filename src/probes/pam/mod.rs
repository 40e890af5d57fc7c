//! The rules of logging in (PAM): the effective stack of each service with all includes in place, and what it asks of
//! passwords. It reads files only; no module is loaded.

mod policy;
mod stack;
mod umask;

use super::{Probe, ProbeError, USUAL_LIMIT};
use crate::{
    fact_table,
    facts::{Facts, Gap, Row as _},
    host::Host,
};

fact_table! {
    /// Effective rules of logging in: one row for each module that a service asks, includes in place, in order.
    "pam" => Pam {
        /// File the row was read from.
        source: String,
        /// Line in that file.
        line: i64,
        /// Name of the service, such as `sshd`, `login`, `su` or `sudo`.
        service: String,
        /// Place in the service's order, from 1.
        position: i64,
        /// `auth` (who are you), `account` (may you), `password` (changing it) or `session`.
        pam_type: String,
        /// What its answer means: `required`, `requisite`, `sufficient`, `optional` or a list in brackets.
        control: String,
        /// Name of the module, such as `pam_unix.so`.
        module: String,
        /// Its arguments.
        arguments: String,
    }
    offline: true,
    examples: ["select service, module, arguments from pam where pam_type = 'auth' and module = 'pam_faillock.so'"],
}

fact_table! {
    /// What is asked of passwords and of those who get them wrong: effective settings of the modules that are in use.
    "password_policy" => Policy {
        /// File the row was read from.
        source: String,
        /// Line in that file; null for a module's own default.
        line: Option<i64>,
        /// The module: `unix`, `pwquality`, `cracklib`, `passwdqc`, `pwhistory`, `faillock` or `tally2`; `all` for what they come to.
        module: String,
        /// Name of the setting, such as `minlen`, `deny`, `remember`, `hash` or `min_length`.
        setting: String,
        /// Its value; `on` for a switch.
        value: String,
    }
    offline: true,
    examples: ["select module, setting, value from password_policy", "select value from password_policy where setting = 'min_length'"],
}

fact_table! {
    /// Settings of who may read and change new files (umask), and which of them counts for a login.
    "umask_settings" => Umask {
        /// File the row was read from; the first process where nothing sets it.
        source: String,
        /// Line in that file.
        line: Option<i64>,
        /// `pam`, `profile`, `bashrc`, `root` or `default`.
        place: String,
        /// The mask in octal, such as `0022`: the rights that are taken away.
        mask: String,
        /// Whether all may read new files.
        readable_by_all: bool,
        /// Whether all may change new files.
        writable_by_all: bool,
        /// Whether it is the one that counts for a person who logs in.
        effective: bool,
    }
    offline: true,
    examples: ["select mask, source from umask_settings where effective"],
}

/// The probe.
pub const PROBE: Probe = Probe {
    name: "pam",
    about: "the rules of logging in",
    tables: &[Pam::TABLE, Policy::TABLE, Umask::TABLE],
    limit: USUAL_LIMIT,
    run,
};

fn run(host: &Host, facts: &mut Facts) -> Result<(), ProbeError> {
    let stacks = stack::Stacks::read(host);
    for (path, reason) in &stacks.gaps {
        facts.partial::<Pam>(Gap::new("all rules of logging in", path.clone(), reason.clone()));
        facts.partial::<Policy>(Gap::new("all rules about passwords", path.clone(), reason.clone()));
    }
    if stacks.services.is_empty() && stacks.gaps.is_empty() {
        facts.absent::<Pam>("nobody logs in by rules here (there is no /etc/pam.d)");
        facts.absent::<Policy>("nobody logs in by rules here (there is no /etc/pam.d)");
    }
    for (service, entries) in &stacks.services {
        for (position, entry) in (1_i64..).zip(entries) {
            facts.push(Pam {
                source: entry.source.clone(),
                line: entry.line,
                service: service.clone(),
                position,
                pam_type: entry.pam_type.clone(),
                control: entry.control.clone(),
                module: entry.module.clone(),
                arguments: entry.arguments.join(" "),
            });
        }
    }
    policy::push(host, &stacks, facts);
    umask::push(host, &stacks, facts);
    Ok(())
}

#[cfg(test)]
mod tests;
