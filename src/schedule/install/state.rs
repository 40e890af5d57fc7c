//! What is installed, whether it runs, and whether it still fits.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{
    Plan, ScheduleError, Site, Way,
    mark::{Whose, part, whose},
    plan::OWN_CRONTAB,
    units::{SERVICE, is_name_of_ours},
};
use crate::schedule::{Here, card, here::program};

/// Something of ours that is there.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) text: String,
    pub(super) whose: Whose,
}

impl Found {
    /// The unit that it is.
    pub(super) fn unit(&self) -> Option<&str> {
        self.path.file_name()?.to_str().filter(|name| is_name_of_ours(name))
    }
}

/// What runs the schedule of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Installed {
    /// What it is.
    pub way: Way,
    /// Whether it starts with the machine.
    pub enabled: bool,
    /// Whether it runs.
    pub active: bool,
    /// The program that is started.
    pub program: PathBuf,
    /// What is not as it should be, in sentences.
    pub wrong: Vec<String>,
}

impl Installed {
    /// What it is, in words that begin a sentence.
    pub fn says(&self) -> &'static str {
        match self.way {
            Way::Service => "a service of systemd",
            Way::Timers => "timers of systemd",
            Way::Crontab => "cron",
        }
    }
}

/// All of ours that is there, in the order of the names.
///
/// # Errors
/// When a folder of units cannot be read.
pub(super) fn found(site: &Site) -> Result<Vec<Found>, ScheduleError> {
    let mut all = Vec::new();
    let mut add = |path: PathBuf, text: String| {
        let whose = whose(&text);
        if whose != Whose::Others {
            all.push(Found { path, text, whose });
        }
    };
    let names = fs::read_dir(site.units()).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = names
        .filter(|entry| entry.file_name().to_str().is_some_and(is_name_of_ours))
        .map(|entry| entry.path())
        .chain(site.cron_file())
        .collect();
    paths.sort();
    for path in paths {
        if let Ok(text) = fs::read_to_string(&path) {
            add(path, text);
        }
    }
    if let Some(text) = part::of(&site.crontab()?) {
        add(PathBuf::from(OWN_CRONTAB), text);
    }
    Ok(all)
}

/// What is installed, and the plan that would be made for it now; none where it runs the jobs of other settings, or keeps
/// another history.
pub(super) fn found_way(here: &Here, site: &Site) -> Option<(Way, PathBuf, Result<Plan, ScheduleError>)> {
    let all = found(site).ok()?;
    let (way, program) = way_of(&all)?;
    let plan = Plan::new(here, site, way, &program);
    let asked: BTreeSet<&str> = all.iter().flat_map(|found| places(&found.text)).collect();
    let other = plan.as_ref().is_ok_and(|plan| plan.texts().flat_map(places).collect::<BTreeSet<&str>>() != asked);
    (!other).then_some((way, program, plan))
}

/// Where a text of ours says that settings and history are.
fn places(text: &str) -> impl Iterator<Item = &str> {
    let named = ["CLEANBILL_CONFIG=", "CLEANBILL_DB="];
    text.lines().filter_map(move |line| {
        let from = named.iter().filter_map(|name| line.find(name)).min()?;
        let line = line.get(from..)?;
        Some(
            [" schedule run", " email queue"]
                .iter()
                .find_map(|end| line.split_once(end))
                .map_or(line, |(head, _)| head),
        )
    })
}

fn way_of(all: &[Found]) -> Option<(Way, PathBuf)> {
    let way = if all.iter().any(|f| f.unit() == Some(SERVICE)) {
        Way::Service
    } else if all.iter().any(|f| f.unit().is_some_and(|unit| unit.ends_with(".timer"))) {
        Way::Timers
    } else {
        all.iter().find(|f| f.unit().is_none()).map(|_| Way::Crontab)?
    };
    let program = all.iter().find_map(|f| program_of(&f.text))?;
    Some((way, program))
}

/// The program that a text of ours starts. One whose name needs quoting is told by what stands around it.
fn program_of(text: &str) -> Option<PathBuf> {
    let unit = text.lines().find_map(|line| line.strip_prefix("ExecStart="));
    let cron = || text.lines().find(|line| line.ends_with(" email queue --send >/dev/null"));
    let ends = [" daemon", " schedule run %i", " email queue --send"];
    let line = unit.or_else(cron)?;
    let head = ends.iter().find_map(|end| line.split_once(end)).map(|(head, _)| head)?;
    let path = match head.strip_suffix(['"', '\'']) {
        Some(quoted) => quoted.rsplit_once(['"', '\''])?.1,
        None => head.rsplit(' ').next()?,
    };
    Some(PathBuf::from(path.replace("%%", "%").replace("\\%", "%").replace("$$", "$")))
}

/// Whether the daemon that runs was started from a file that has been replaced since.
pub(super) fn runs_old_program(here: &Here) -> bool {
    let Some(card) = card(here.place()) else { return false };
    let file = fs::read_link(format!("/proc/{}/exe", card.pid));
    file.is_ok_and(|file| file.to_string_lossy().ends_with(" (deleted)"))
}

/// What runs the schedule, if it was installed by us.
pub fn installed(here: &Here) -> Option<Installed> {
    let site = Site::here();
    let (way, runs, plan) = found_way(here, &site)?;
    let mut installed = Installed { way, enabled: true, active: true, program: runs.clone(), wrong: Vec::new() };
    let sudo = if site.is_of_user() { "" } else { "sudo " };
    let again = format!("{sudo}cleanbill schedule install");
    match way {
        Way::Crontab => {
            installed.active = site.cron_runs();
            if !installed.active {
                installed.wrong.push("cron should wake the jobs, and does not run.".to_owned());
            }
        }
        Way::Service | Way::Timers => {
            let units: Vec<String> = match &plan {
                Ok(plan) => plan.turned_on().into_iter().map(str::to_owned).collect(),
                Err(_) => vec![SERVICE.to_owned()],
            };
            states(&site, &units, &mut installed);
        }
    }
    match &plan {
        Ok(plan) if plan.is_done() => {}
        Ok(plan) if plan.edited(false).next().is_some() => {
            let names: Vec<String> = plan.edited(false).map(|path| path.display().to_string()).collect();
            installed.wrong.push(format!(
                "{} {} changed by hand, and may not fit the settings: {again} --force",
                crate::words::list(&names),
                if names.len() == 1 { "was" } else { "were" }
            ));
        }
        Ok(_) => installed.wrong.push(format!("What runs the schedule does not fit the settings any more: {again}")),
        Err(error) => installed.wrong.push(format!("Whether what runs the schedule fits cannot be told: {error}")),
    }
    if !runs.exists() {
        installed.wrong.push(format!(
            "The program that should run the jobs is gone: {}. Put it back, or: {again}",
            runs.display()
        ));
    } else if program().is_ok_and(|own| own != runs && !same(&own, &runs)) {
        installed.wrong.push(format!(
            "The jobs are run by another cleanbill than this one: {}. To take this one: {again}",
            runs.display()
        ));
    }
    if way == Way::Service && runs_old_program(here) {
        let line = site.systemctl_line();
        installed
            .wrong
            .push(format!("The daemon still is the program that was there before: {line} restart cleanbill"));
    }
    Some(installed)
}

/// Whether two paths are the same program, also where one is a copy of the other.
fn same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    real(one) == real(other)
}

/// Asks systemd whether units are on and run.
fn states(site: &Site, units: &[String], installed: &mut Installed) {
    let names: Vec<&str> = units.iter().map(String::as_str).collect();
    let args = [&["show", "-p", "Id,ActiveState,UnitFileState"], names.as_slice()].concat();
    let Ok((true, said)) = site.systemctl(&args) else {
        installed.wrong.push("systemd does not say how it is.".to_owned());
        return;
    };
    let mut off = String::new();
    for block in said.split("\n\n") {
        let value =
            |key: &str| block.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).unwrap_or_default();
        let name = value("Id");
        if !matches!(value("ActiveState"), "active" | "reloading" | "activating") {
            installed.active = false;
            let _ = write!(off, "{}{name}", if off.is_empty() { "" } else { ", " });
        }
        if value("UnitFileState") != "enabled" {
            installed.enabled = false;
        }
    }
    let line = site.systemctl_line();
    if !installed.active {
        installed.wrong.push(format!("{off} should run, and does not: {line} status {}", off.replace(',', "")));
    } else if !installed.enabled {
        installed
            .wrong
            .push(format!("It runs, and will not start with the machine: {line} enable {}", names.join(" ")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_read_back_from_what_was_written() {
        let of = |text: &str| program_of(text).map(|path| path.display().to_string());
        assert_eq!(of("[Service]\nExecStart=/usr/bin/cleanbill daemon\n").unwrap(), "/usr/bin/cleanbill");
        assert_eq!(of("ExecStart=\"/opt/a b/c%%d\" schedule run %i --if-due --wait\n").unwrap(), "/opt/a b/c%d");
        assert_eq!(of("*/15 * * * * root /opt/cleanbill email queue --send >/dev/null\n").unwrap(), "/opt/cleanbill");
        assert_eq!(
            of("*/15 * * * * CLEANBILL_DB='/a b' '/opt/a b/cleanbill' email queue --send >/dev/null\n").unwrap(),
            "/opt/a b/cleanbill"
        );
        assert_eq!(of("[Service]\nExecStart=/bin/sh\n"), None);
    }

    #[test]
    fn where_settings_and_history_are_is_read_back() {
        let of = |text: &str| places(text).map(str::to_owned).collect::<Vec<_>>();
        let unit = "# CLEANBILL_CONFINED makes\nEnvironment=CLEANBILL_CONFINED=1\nEnvironment=\"CLEANBILL_DB=/a b\"\n";
        assert_eq!(of(unit), ["CLEANBILL_DB=/a b\""]);
        assert_eq!(of("MAILTO=root\nCLEANBILL_CONFIG=/x\n"), ["CLEANBILL_CONFIG=/x"]);
        let line = "0 1 * * * CLEANBILL_CONFIG=/x CLEANBILL_DB=/y /opt/cleanbill schedule run a --if-due";
        assert_eq!(of(line), ["CLEANBILL_CONFIG=/x CLEANBILL_DB=/y /opt/cleanbill"]);
    }
}
