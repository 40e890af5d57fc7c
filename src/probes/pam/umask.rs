//! The mask of new files: set by pam_umask(8) at login, then by the files a login shell reads.

use super::{Umask, stack::Stacks};
use crate::{
    facts::{Facts, Gap},
    host::Host,
    probes::login_settings::login_defs,
};

/// Pushes every setting and marks the one that counts for a person at login.
pub(super) fn push(host: &Host, stacks: &Stacks, facts: &mut Facts) {
    let mut rows: Vec<Umask> = Vec::new();
    if let Some(entry) = stacks.of(&["login", "sshd"], "session").find(|e| e.module == "pam_umask.so") {
        let own = entry.argument("umask").and_then(octal).map(|m| (m, entry.source.clone(), entry.line));
        let defs = || {
            let text = host.read_text("/etc/login.defs").unwrap_or_default();
            let (line, _, value) = login_defs(&text).into_iter().find(|(_, k, _)| k == "UMASK")?;
            Some((octal(&value)?, "/etc/login.defs".to_owned(), line))
        };
        if let Some((mask, source, line)) = own.or_else(defs) {
            rows.push(row(&source, Some(line), "pam", mask));
        }
    }
    let mut files = vec!["/etc/profile".to_owned()];
    files.extend(host.glob("/etc/profile.d/*.sh"));
    let shell_files = files.iter().map(|f| (f.as_str(), "profile"));
    let others = [
        ("/etc/bash.bashrc", "bashrc"),
        ("/etc/bashrc", "bashrc"),
        ("/root/.profile", "root"),
        ("/root/.bashrc", "root"),
    ];
    for (path, place) in shell_files.chain(others) {
        match host.read_text(path) {
            Ok(text) => {
                for (line, text) in (1_i64..).zip(text.lines()) {
                    if let Some(mask) = command(text) {
                        rows.push(row(path, Some(line), place, mask));
                    }
                }
            }
            Err(error) if error.is_not_found() => {}
            // What root's own files say decides nothing about others.
            Err(_) if place == "root" => {}
            Err(error) => facts.partial::<Umask>(Gap::new("who may read new files", path, error.reason())),
        }
    }
    let last = |place: &str| rows.iter().rposition(|r| r.place == place);
    match last("bashrc").or_else(|| last("profile")).or_else(|| last("pam")) {
        Some(at) => {
            if let Some(row) = rows.get_mut(at) {
                row.effective = true;
            }
        }
        None => {
            let mut default = row("systemd", None, "default", 0o022);
            default.effective = true;
            rows.push(default);
        }
    }
    for row in rows {
        facts.push(row);
    }
}

fn row(source: &str, line: Option<i64>, place: &str, mask: u32) -> Umask {
    Umask {
        source: source.to_owned(),
        line,
        place: place.to_owned(),
        mask: format!("{mask:04o}"),
        readable_by_all: mask & 0o004 == 0,
        writable_by_all: mask & 0o002 == 0,
        effective: false,
    }
}

fn octal(text: &str) -> Option<u32> {
    let valid = !text.is_empty() && text.len() <= 4;
    u32::from_str_radix(text, 8).ok().filter(|m| valid && *m <= 0o777)
}

/// The mask that a line of a shell file sets: octal, or `u=rwx,g=rx,o=` with the rights that are left.
fn command(line: &str) -> Option<u32> {
    let rest = line.split('#').next()?.trim().strip_prefix("umask")?;
    let value = rest.strip_prefix([' ', '\t'])?.trim().split([';', ' ', '\t', '&', '|']).next()?;
    if let Some(mask) = octal(value) {
        return Some(mask);
    }
    let mut mask = 0o022;
    for part in value.split(',') {
        let (who, rights) = part.split_once('=')?;
        let bits = rights.chars().try_fold(0_u32, |bits, c| match c {
            'r' => Some(bits | 4),
            'w' => Some(bits | 2),
            'x' => Some(bits | 1),
            _ => None,
        })?;
        for who in if who.is_empty() { "a" } else { who }.chars() {
            for (class, shift) in [('u', 6), ('g', 3), ('o', 0)] {
                if who == class || who == 'a' {
                    mask = mask & !(7 << shift) | (7 & !bits) << shift;
                }
            }
        }
    }
    Some(mask)
}
