//! What systemd says about units: one list of all states, and more about the few that run or failed.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::host::{Command, Host, RunError};

const SYSTEMCTL: &[&str] = &["/usr/bin/systemctl", "/bin/systemctl"];
/// What is asked about units that run or failed: about a millisecond each.
const PROPERTIES: &str = "Id,MainPID,Result,NRestarts,ActiveEnterTimestamp,MemoryCurrent,NeedDaemonReload,NoNewPrivileges,\
                          ProtectSystem,ProtectHome,PrivateTmp,NextElapseUSecRealtime,LastTriggerUSec";
/// Most units asked about.
const MOST: usize = 300;

/// The state of one unit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct State {
    pub load: String,
    pub active: String,
    pub sub: String,
    /// Answers by property, for units that run or failed.
    pub asked: BTreeMap<String, String>,
}

/// All units that systemd has loaded.
#[derive(Debug, Default)]
pub(super) struct Running(BTreeMap<String, State>);

impl Running {
    pub fn get(&self, name: &str) -> Option<&State> {
        self.0.get(name)
    }

    pub fn names(&self, kind: &str) -> impl Iterator<Item = String> {
        let end = format!(".{kind}");
        self.0.iter().filter(move |(n, s)| n.ends_with(&end) && s.load != "not-found").map(|(n, _)| n.clone())
    }
}

pub(super) fn list_command() -> Command {
    Command::new(SYSTEMCTL).args([
        "list-units",
        "--all",
        "--plain",
        "--no-legend",
        "--full",
        "--no-pager",
        "--type=service,socket,timer",
    ])
}

/// Asks systemd.
pub(super) fn ask(host: &Host) -> Result<Running, RunError> {
    let mut running = Running(parse_list(&host.run(&list_command())?.success("systemctl list-units")?));
    let interesting = |name: &str, s: &State| {
        s.active == "failed"
            || s.active == "activating"
            || (s.active == "active" && (s.sub == "running" || name.ends_with(".timer")))
    };
    let names: Vec<String> = running
        .0
        .iter()
        .filter(|(name, s)| !name.ends_with(".socket") && !name.starts_with('-') && interesting(name, s))
        .map(|(name, _)| name.clone())
        .take(MOST)
        .collect();
    if !names.is_empty() {
        let show = Command::new(SYSTEMCTL).args(["show", "--no-pager", "-p", PROPERTIES]).args(names);
        // The states alone are an answer too.
        if let Ok(text) = host.run(&show).and_then(|o| o.success("systemctl show")) {
            for block in text.split("\n\n") {
                let asked: BTreeMap<String, String> = block
                    .lines()
                    .filter_map(|l| l.split_once('='))
                    .map(|(k, v)| (k.to_owned(), v.to_owned()))
                    .collect();
                if let Some(state) = asked.get("Id").and_then(|id| running.0.get_mut(id)) {
                    state.asked = asked;
                }
            }
        }
    }
    Ok(running)
}

fn parse_list(text: &str) -> BTreeMap<String, State> {
    text.lines()
        .filter_map(|line| {
            // Some versions mark failed units with a sign of their own.
            let mut words = line.trim_start_matches(['●', '○', '×', '*', ' ']).split_whitespace();
            let name = words.next()?.to_owned();
            let (load, active, sub) = (words.next()?.to_owned(), words.next()?.to_owned(), words.next()?.to_owned());
            Some((name, State { load, active, sub, asked: BTreeMap::new() }))
        })
        .collect()
}

/// `Wed 2026-11-25 03:52:56 UTC`: programs are run with UTC as their time zone.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    let mut words = text.split(' ').skip(1);
    let (date, clock) = (words.next()?, words.next()?);
    (words.next() == Some("UTC")).then(|| format!("{date}T{clock}Z").parse().ok()).flatten()
}
