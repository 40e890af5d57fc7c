//! Start scripts of the old kind: /etc/init.d and the links in /etc/rc?.d that switch them on.

use std::collections::{BTreeMap, BTreeSet};

use super::Service;
use crate::{
    facts::{Facts, Gap},
    host::{Host, Kind},
};

/// Scripts that systemd brings units of its own for, or that are no services.
const NO_SERVICE: &[&str] = &["README", "skeleton", "functions", "rc", "rcS", "halt", "reboot", "single", "killprocs"];

/// Adds a row for each script whose name is not in `known`.
pub(super) fn read(host: &Host, facts: &mut Facts, known: &BTreeSet<String>) {
    let scripts = match host.list("/etc/init.d") {
        Ok(scripts) => scripts,
        Err(error) if error.is_not_found() => return,
        Err(error) => {
            facts.partial::<Service>(Gap::new("the old kind of start scripts", "/etc/init.d", error.reason()));
            return;
        }
    };
    let on = links(host);
    for script in scripts {
        let name = script.name.trim_end_matches(".sh");
        if script.kind == Kind::Directory || known.contains(name) || NO_SERVICE.contains(&name) {
            continue;
        }
        let levels = on.get(&script.name).cloned().unwrap_or_default();
        let text = host.read_text(&script.path).unwrap_or_default();
        let field = |key: &str| {
            text.lines()
                .take(40)
                .find_map(|l| l.trim_start_matches("# ").strip_prefix(key))
                .map(|v| v.trim().to_owned())
        };
        facts.push(Service {
            source: script.path.clone(),
            line: None,
            name: script.name.clone(),
            unit_type: "service".to_owned(),
            manager: "sysvinit".to_owned(),
            description: field("Short-Description:").unwrap_or_default(),
            unit_file_state: if levels.is_empty() { "disabled" } else { "enabled" }.to_owned(),
            wanted_by: levels.join(", "),
            load_state: None,
            active_state: None,
            sub_state: None,
            result: None,
            restarts: None,
            since: None,
            memory: None,
            reload_needed: None,
            run_as: Some("root".to_owned()),
            main_user: None,
            program: Some(script.path.clone()),
            restart_policy: Some("no".to_owned()),
            no_new_privileges: false,
            protect_system: "no".to_owned(),
            protect_home: "no".to_owned(),
            private_tmp: false,
            sandbox_options: 0,
            dropins: String::new(),
        });
    }
}

/// Whether a run level starts this script.
pub(crate) fn starts(host: &Host, script: &str) -> bool {
    links(host).contains_key(script)
}

/// The run levels that start each script.
fn links(host: &Host) -> BTreeMap<String, Vec<String>> {
    let mut on: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for level in ["S", "2", "3", "4", "5"] {
        for link in host.list(&format!("/etc/rc{level}.d")).unwrap_or_default() {
            let starts = link.name.strip_prefix('S').and_then(|n| n.get(2..));
            if let Some(script) =
                starts.filter(|_| link.name.get(1..3).is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit())))
            {
                on.entry(script.to_owned()).or_default().push(format!("rc{level}"));
            }
        }
    }
    on
}
