//! doas.conf(5): `permit|deny [options] identity [as target] [cmd command [args …]]`, one a line.

use super::Doas;
use crate::{
    facts::{Facts, Gap},
    host::Host,
};

const PATH: &str = "/etc/doas.conf";

/// Reads the rules, if doas is here.
pub(super) fn read(host: &Host, facts: &mut Facts) {
    if !["/usr/bin/doas", "/usr/local/bin/doas"].iter().any(|p| host.exists(p)) {
        return facts.absent::<Doas>("doas is not installed");
    }
    let text = match host.read_text(PATH) {
        Ok(text) => text,
        // Without rules doas lets nobody do anything.
        Err(error) if error.is_not_found() => return,
        Err(error) => return facts.unread::<Doas>(Gap::new("who may act as root by doas", PATH, error.reason())),
    };
    for (line, text) in (1_i64..).zip(text.lines()) {
        if let Some(rule) = rule(text, line) {
            facts.push(rule);
        }
    }
}

fn rule(text: &str, line: i64) -> Option<Doas> {
    let text = text.split('#').next().unwrap_or_default().replace('{', " { ").replace('}', " } ");
    let mut words = text.split_whitespace().map(|w| w.trim_matches('"'));
    let verdict = words.next().filter(|w| matches!(*w, "permit" | "deny"))?;
    let (mut nopasswd, mut keepenv) = (false, false);
    let identity = loop {
        match words.next()? {
            "nopass" => nopasswd = true,
            "keepenv" => keepenv = true,
            "persist" | "nolog" => {}
            "setenv" => {
                words.by_ref().find(|w| *w == "}")?;
            }
            other => break other,
        }
    };
    let (mut runas, mut command) = (None, None);
    while let Some(word) = words.next() {
        match word {
            "as" => runas = words.next().map(str::to_owned),
            "cmd" => command = Some(words.by_ref().collect::<Vec<_>>().join(" ")),
            _ => return None,
        }
    }
    let group = identity.strip_prefix(':');
    Some(Doas {
        source: PATH.to_owned(),
        line,
        verdict: verdict.to_owned(),
        who_kind: if group.is_some() { "group" } else { "user" }.to_owned(),
        who: group.unwrap_or(identity).to_owned(),
        as_root: runas.as_deref().is_none_or(|r| r == "root" || r == "0"),
        runas,
        command,
        nopasswd,
        keepenv,
    })
}
