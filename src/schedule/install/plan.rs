//! What an installation writes, takes away, and lets systemd do.

use std::{
    fs,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use super::{
    ScheduleError, Site, Way, cannot, crontab,
    mark::{Whose, part},
    needs::Needs,
    state::{Found, found},
    units::{self, SERVICE},
};
use crate::{
    config::Task,
    files::write_whole,
    schedule::{Here, card, known},
};

/// What becomes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It is new.
    New(PathBuf),
    /// It was ours, and is written anew.
    Anew(PathBuf),
    /// It was ours, and is not needed any more.
    Gone(PathBuf),
    /// It is as it should be.
    Same(PathBuf),
    /// It was ours, and someone changed it.
    Changed(PathBuf),
    /// It is someone else's.
    Others(PathBuf),
}

/// An installation, before it is done.
#[derive(Debug)]
pub struct Plan {
    site: Site,
    /// What runs the schedule.
    pub way: Way,
    program: PathBuf,
    pieces: Vec<Piece>,
    found: Vec<Found>,
    folders: Vec<PathBuf>,
    notes: Vec<String>,
}

#[derive(Debug)]
struct Piece {
    path: PathBuf,
    text: String,
    /// The unit to be turned on.
    on: Option<String>,
    /// Whether something is there already.
    there: bool,
}

impl Piece {
    fn new(path: PathBuf, text: String, on: Option<String>) -> Self {
        // In the crontab of a user, nothing but our part is touched.
        let there = path != Path::new(OWN_CRONTAB) && fs::symlink_metadata(&path).is_ok();
        Piece { path, text, on, there }
    }
}

/// What the crontab of a user is called where files are named.
pub(super) const OWN_CRONTAB: &str = "your crontab";

impl Plan {
    /// What has to be there for the jobs of the settings.
    ///
    /// # Errors
    /// When there are no settings, or this way is not there.
    pub fn new(here: &Here, site: &Site, way: Way, program: &Path) -> Result<Self, ScheduleError> {
        let needs = Needs::new(here, site, program)?;
        if way == Way::Crontab && !site.has_cron() {
            return Err(ScheduleError::Install {
                what: "There is no cron on this machine.".to_owned(),
                hint: "Take systemd for it: cleanbill schedule install     Or install the package cron".to_owned(),
            });
        }
        if way != Way::Crontab && !site.has_systemd() {
            return Err(ScheduleError::Install {
                what: "systemd does not run here.".to_owned(),
                hint: format!(
                    "Take cron for it: cleanbill schedule install --crontab     Or let what looks after your programs keep \
                     this one running: {} daemon",
                    program.display()
                ),
            });
        }
        let folder = site.units();
        let mut pieces: Vec<Piece> = units::units(way, &needs)?
            .into_iter()
            .map(|unit| Piece::new(folder.join(&unit.name), unit.text, unit.on.then_some(unit.name)))
            .collect();
        if way == Way::Crontab {
            let path = site.cron_file().unwrap_or_else(|| PathBuf::from(OWN_CRONTAB));
            pieces.push(Piece::new(path, crontab::lines(&needs)?, None));
        }
        // A folder that is not there cannot be opened up within walls.
        let walled = !needs.user && way != Way::Crontab;
        let folders = needs.writable.iter().filter(|path| walled && !path.exists()).cloned().collect();
        Ok(Plan {
            site: site.clone(),
            way,
            program: program.to_owned(),
            pieces,
            found: found(site)?,
            folders,
            notes: notes(site, way, &needs),
        })
    }

    /// What becomes of each file.
    pub fn changes(&self) -> Vec<Change> {
        let mut changes: Vec<Change> = self.pieces.iter().map(|piece| self.change(piece)).collect();
        changes.extend(self.left().map(|found| match found.whose {
            Whose::Changed => Change::Changed(found.path.clone()),
            _ => Change::Gone(found.path.clone()),
        }));
        changes
    }

    fn change(&self, piece: &Piece) -> Change {
        let path = piece.path.clone();
        match self.found.iter().find(|found| found.path == path) {
            Some(found) if found.text == piece.text => Change::Same(path),
            Some(found) if found.whose == Whose::Ours => Change::Anew(path),
            Some(_) => Change::Changed(path),
            None if piece.there => Change::Others(path),
            None => Change::New(path),
        }
    }

    /// What is there and has no place in it.
    fn left(&self) -> impl Iterator<Item = &Found> {
        self.found.iter().filter(|found| !self.pieces.iter().any(|piece| piece.path == found.path))
    }

    /// Whether everything is as it should be.
    pub fn is_done(&self) -> bool {
        self.changes().iter().all(|change| matches!(change, Change::Same(_)))
    }

    /// The files that a person changed, and those of others, which are never replaced unless `force` is given for the
    /// first.
    pub fn edited(&self, force: bool) -> impl Iterator<Item = PathBuf> {
        self.changes().into_iter().filter_map(move |change| match change {
            Change::Others(path) => Some(path),
            Change::Changed(path) if !force => Some(path),
            _ => None,
        })
    }

    /// The whole text of all that is written.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for piece in &self.pieces {
            out.push_str(&format!("==> {}\n{}\n", piece.path.display(), piece.text));
        }
        out
    }

    /// The texts of all files.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().map(|piece| piece.text.as_str())
    }

    /// What a person should know about it, in sentences.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Folders that the settings name and that are made.
    pub fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// The units that are turned on.
    pub fn turned_on(&self) -> Vec<&str> {
        self.pieces.iter().filter_map(|piece| piece.on.as_deref()).collect()
    }

    /// Does it. `force` replaces what a person changed.
    ///
    /// # Errors
    /// When a file cannot be written, or what was installed does not run; it stays for a look at why.
    pub fn apply(&self, here: &Here, force: bool) -> Result<(), ScheduleError> {
        self.may_be_done(here, force)?;
        for folder in &self.folders {
            let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
            made.map_err(|e| cannot(folder, &e))?;
        }
        if self.way != Way::Service {
            // One way takes the place of the other.
            let _ = turn_off_packaged(&self.site)?;
        }
        let changes = self.changes();
        let left: Vec<&Found> = self.left().filter(|found| force || found.whose == Whose::Ours).collect();
        take_away(&self.site, &left)?;
        let mut written = Vec::new();
        for (piece, change) in self.pieces.iter().zip(&changes) {
            if !matches!(change, Change::Same(_)) {
                self.write(piece)?;
                written.push(piece);
            }
        }
        if self.site.is_real() {
            // From now on the history knows the jobs, so that their first time counts. A daemon tells it by itself.
            let _ = known(here)?;
        }
        if self.way == Way::Crontab {
            return Ok(());
        }
        if !written.is_empty() || !left.is_empty() {
            self.must(&["daemon-reload"])?;
        }
        let on = self.turned_on();
        self.must(&[&["enable", "--quiet"], on.as_slice()].concat())?;
        // What runs goes on under its old unit, or with a program that is not there any more, until it is restarted.
        let old = self.way == Way::Service && super::state::runs_old_program(here);
        let (anew, rest): (Vec<&str>, Vec<&str>) =
            on.into_iter().partition(|unit| old || written.iter().any(|piece| piece.on.as_deref() == Some(unit)));
        for (verb, units) in [("restart", anew), ("start", rest)] {
            if !units.is_empty() {
                self.must(&[&[verb], units.as_slice()].concat())?;
            }
        }
        Ok(())
    }

    fn may_be_done(&self, here: &Here, force: bool) -> Result<(), ScheduleError> {
        let edited: Vec<String> = self.edited(force).map(|path| path.display().to_string()).collect();
        if !edited.is_empty() {
            let others = self.edited(true).next().is_some();
            return Err(ScheduleError::Install {
                what: format!(
                    "Someone {} {}, so it is left as it is.",
                    if others { "wrote" } else { "changed" },
                    crate::words::list(&edited)
                ),
                hint: if others {
                    "Move it away, then install again".to_owned()
                } else {
                    "To write it anew: --force. Changes of your own are kept in a file beside it: systemctl edit UNIT"
                        .to_owned()
                },
            });
        }
        if self.site.is_real() && self.way == Way::Service && by_hand(here) {
            return Err(ScheduleError::Install {
                what: "A daemon that someone started by hand runs already.".to_owned(),
                hint: "End it first, then install again; which one it is: cleanbill status".to_owned(),
            });
        }
        if self.site.may_write() {
            return Ok(());
        }
        Err(ScheduleError::Install {
            what: "Only root may install it for the machine.".to_owned(),
            hint: "Run it with sudo".to_owned(),
        })
    }

    fn write(&self, piece: &Piece) -> Result<(), ScheduleError> {
        if piece.path == Path::new(OWN_CRONTAB) {
            return self.site.set_crontab(&part::put(&self.site.crontab()?, Some(&piece.text)));
        }
        if let Some(folder) = piece.path.parent() {
            let made = fs::DirBuilder::new().recursive(true).mode(0o755).create(folder);
            made.map_err(|e| cannot(folder, &e))?;
        }
        write_whole(&piece.path, piece.text.as_bytes(), 0o644).map_err(|e| cannot(&piece.path, &e))
    }

    fn must(&self, args: &[&str]) -> Result<(), ScheduleError> {
        let (done, said) = self.site.systemctl(args)?;
        if done {
            return Ok(());
        }
        Err(ScheduleError::Install {
            what: format!("systemd could not do its part ({}): {}", args.join(" "), said.trim()),
            hint: format!(
                "See why: {} status {}     Take all back: cleanbill schedule uninstall",
                self.site.systemctl_line(),
                self.turned_on().first().unwrap_or(&SERVICE)
            ),
        })
    }

    /// The program that is started.
    pub fn program(&self) -> &Path {
        &self.program
    }
}

/// Takes away what was installed. Settings and history stay. Returns what was taken away, and what was left because
/// someone changed it.
///
/// # Errors
/// When a file cannot be removed.
pub fn uninstall(site: &Site, force: bool) -> Result<(Vec<PathBuf>, Vec<PathBuf>), ScheduleError> {
    let all = found(site)?;
    let (ours, kept): (Vec<&Found>, Vec<&Found>) = all.iter().partition(|found| force || found.whose == Whose::Ours);
    if !ours.is_empty() && !site.may_write() {
        return Err(ScheduleError::Install {
            what: "Only root may take it away.".to_owned(),
            hint: "Run it with sudo".to_owned(),
        });
    }
    take_away(site, &ours)?;
    if ours.iter().any(|found| found.unit().is_some()) {
        let _ = site.systemctl(&["daemon-reload"])?;
    }
    let paths = |list: &[&Found]| list.iter().map(|found| found.path.clone()).collect();
    Ok((paths(&ours), paths(&kept)))
}

/// Turns off the service that a package of the distribution brought, where a person turned it on. Returns whether it was on.
///
/// # Errors
/// When systemd cannot do it.
pub fn turn_off_packaged(site: &Site) -> Result<bool, ScheduleError> {
    let there = ["/usr/lib/systemd/system", "/lib/systemd/system"].map(|folder| Path::new(folder).join(SERVICE));
    if !site.is_real() || site.is_of_user() || !there.iter().any(|path| path.exists()) || !site.has_systemd() {
        return Ok(false);
    }
    let is = |what: &str| site.systemctl(&[what, "--quiet", SERVICE]).map(|(yes, _)| yes);
    if !is("is-enabled")? && !is("is-active")? {
        return Ok(false);
    }
    let (done, said) = site.systemctl(&["disable", "--now", "--quiet", SERVICE])?;
    if done {
        return Ok(true);
    }
    Err(ScheduleError::Install {
        what: format!("systemd could not turn off the service of the package: {}", said.trim()),
        hint: format!("See why: {} status {SERVICE}", site.systemctl_line()),
    })
}

/// Stops what runs, and removes its files.
fn take_away(site: &Site, list: &[&Found]) -> Result<(), ScheduleError> {
    let units: Vec<&str> = list.iter().filter_map(|found| found.unit()).collect();
    // Templates are not turned on; their instances end by themselves, or with what started them.
    let on: Vec<&str> = units.iter().copied().filter(|unit| !unit.ends_with("@.service")).collect();
    if !on.is_empty() {
        let (done, said) = site.systemctl(&[&["disable", "--now", "--quiet"], on.as_slice()].concat())?;
        if !done {
            return Err(ScheduleError::Install {
                what: format!("systemd could not turn it off: {}", said.trim()),
                hint: format!("See why: {} status {}", site.systemctl_line(), on.join(" ")),
            });
        }
        // What failed once is not to be told for ever.
        let _ = site.systemctl(&[&["reset-failed", "--quiet"], on.as_slice()].concat())?;
    }
    for found in list {
        if found.path == Path::new(OWN_CRONTAB) {
            site.set_crontab(&part::put(&site.crontab()?, None))?;
            continue;
        }
        fs::remove_file(&found.path).map_err(|e| cannot(&found.path, &e))?;
        if let Some(timer) = found.unit().filter(|unit| unit.ends_with(".timer")) {
            let _ = fs::remove_file(site.stamp(timer));
        }
    }
    Ok(())
}

/// Whether a daemon runs that no service of systemd looks after.
pub fn by_hand(here: &Here) -> bool {
    let Some(card) = card(here.place()) else { return false };
    let groups = fs::read_to_string(format!("/proc/{}/cgroup", card.pid));
    groups.is_ok_and(|text| !text.contains(SERVICE))
}

/// What a person should know.
fn notes(site: &Site, way: Way, needs: &Needs) -> Vec<String> {
    let mut notes = Vec::new();
    if site.is_of_user() && way != Way::Crontab && site.is_real() {
        let name = std::env::var("USER").unwrap_or_default();
        if !Path::new("/var/lib/systemd/linger").join(&name).exists() {
            let name = crate::words::shell(&name);
            notes.push(format!(
                "It runs only while you are logged in. To let it run always: sudo loginctl enable-linger {name}"
            ));
        }
    }
    if site.is_of_user() && needs.jobs.iter().any(|job| job.job.task == Task::Fix) {
        notes.push("Without root, no job can fix anything.".to_owned());
    }
    if let Some(name) = &needs.password_env {
        let name = crate::words::harmless(name);
        notes.push(format!(
            "The password of the mail server should stand in the variable {name}, which a service does not have. Better name a \
             file: password_file in [mail]"
        ));
    }
    if way == Way::Crontab {
        if let Some((name, _)) = &needs.credential {
            let name = crate::words::harmless(name);
            notes.push(format!(
                "cron hands over no credential `{name}`. Name a file with the password: password_file in [mail]"
            ));
        }
        if !site.cron_runs() {
            notes.push("cron is installed, and does not run.".to_owned());
        }
    }
    notes
}
