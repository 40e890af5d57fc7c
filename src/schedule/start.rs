//! How the daemon starts what it starts: as a process of its own, or, where it is kept from changing the machine and the job
//! is to do just that, as a service beside it.

use std::{
    io,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
};

use super::{Here, Planned, ScheduleError};
use crate::{config::Task, host};

/// The services of jobs that change the machine, each an instance of this template by the name of the job.
pub(super) const JOB: &str = "cleanbill-job";
/// The service that hands over mail.
pub(super) const MAIL: &str = "cleanbill-mail.service";

/// The service that runs the schedule.
pub(super) const SERVICE: &str = "cleanbill.service";

/// Whether a job changes the machine, or may do anything at all.
pub(super) fn changes(task: Task) -> bool {
    matches!(task, Task::Fix | Task::Run | Task::Update)
}

/// Whether mail is handed over by a service beside this one: the mail program of this machine writes to its own folders,
/// and acts as someone else.
pub(super) fn mail_goes_beside(here: &Here) -> bool {
    host::confined() && here.config().mail.server.is_none()
}

/// Lets that service hand over what waits. It does so too when this does not work: the daemon, or its timer, sees to it.
pub(super) fn mail_beside() {
    let _ = systemctl(&["start", "--no-block", "--quiet", MAIL]).stderr(Stdio::null()).status();
}

/// Lets the service go on with the program that lies there now, where it runs; says whether it does. What is at work in it
/// comes to its end first, and nobody waits for that.
pub fn restart_service() -> bool {
    let quiet = |args: &[&str]| {
        systemctl(args).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    rustix::process::geteuid().is_root()
        && quiet(&["is-active", "--quiet", SERVICE])
        && quiet(&["try-restart", "--no-block", SERVICE])
}

/// Something that was started.
#[derive(Debug)]
pub(super) struct Started {
    /// It; or the program that waits for the service.
    child: Child,
    /// The service.
    unit: Option<String>,
}

/// How something ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It did its work.
    Done,
    /// It ran, and something did not work; that is on record.
    NotWell,
    /// It ran as a service, and how it went is on record.
    Beside,
    /// Not even that could be done.
    Undone(String),
}

impl Started {
    /// Starts a job.
    ///
    /// # Errors
    /// Why it cannot be started.
    pub(super) fn job(here: &Here, job: &Planned) -> Result<Self, String> {
        if host::confined() && changes(job.job.task) {
            return Started::beside(format!("{JOB}@{}.service", job.name));
        }
        Started::program(here, &["schedule", "run", &job.name, "--if-due"])
    }

    /// Starts handing over mail.
    ///
    /// # Errors
    /// Why it cannot be started.
    pub(super) fn mail(here: &Here) -> Result<Self, String> {
        if mail_goes_beside(here) {
            return Started::beside(MAIL.to_owned());
        }
        Started::program(here, &["email", "queue", "--send"])
    }

    fn program(here: &Here, command: &[&str]) -> Result<Self, String> {
        let mut command = here.program(command).map_err(|e: ScheduleError| e.to_string())?;
        let child = command.stdin(Stdio::null()).process_group(0).spawn().map_err(|e| e.to_string())?;
        Ok(Started { child, unit: None })
    }

    fn beside(unit: String) -> Result<Self, String> {
        // It waits until the service has ended.
        let mut command = systemctl(&["start", "--quiet", &unit]);
        let child = command.process_group(0).spawn().map_err(|e| format!("{unit} cannot be started: {e}"))?;
        Ok(Started { child, unit: Some(unit) })
    }

    /// How it ended; none while it is at work.
    pub(super) fn ended(&mut self) -> io::Result<Option<End>> {
        let status = self.child.try_wait()?;
        Ok(status.map(|status| match &self.unit {
            Some(unit) => beside(unit, status),
            None => own(status),
        }))
    }

    /// Asks it to come to an end.
    pub(super) fn stop(&self) {
        if let Some(unit) = &self.unit {
            let _ = systemctl(&["stop", "--no-block", "--quiet", unit]).status();
        } else if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
    }
}

fn own(status: ExitStatus) -> End {
    match status.code() {
        Some(0) => End::Done,
        Some(1) => End::NotWell,
        _ => End::Undone(status.to_string()),
    }
}

fn beside(unit: &str, status: ExitStatus) -> End {
    match status.code() {
        Some(0) => End::Beside,
        // systemctl's word for a unit that is not there.
        Some(5) => End::Undone(format!("{unit} is not there; put it there with: sudo cleanbill schedule install")),
        _ => End::Undone(format!("see why: journalctl -u {unit}")),
    }
}

/// A call of systemctl.
pub(super) fn systemctl(args: &[&str]) -> Command {
    let there = ["/usr/bin/systemctl", "/bin/systemctl"].iter().find(|path| Path::new(path).exists());
    let mut command = Command::new(there.unwrap_or(&"/usr/bin/systemctl"));
    command.args(args).stdin(Stdio::null()).env("SYSTEMD_COLORS", "0").env("SYSTEMD_PAGER", "");
    command
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    #[test]
    fn how_it_ended_decides_whether_it_is_tried_again() {
        let status = |code: i32| ExitStatus::from_raw(code << 8);
        assert_eq!((own(status(0)), own(status(1))), (End::Done, End::NotWell));
        assert!(matches!(own(status(3)), End::Undone(_)));
        assert!(matches!(own(ExitStatus::from_raw(9)), End::Undone(_)));
        assert_eq!(beside("cleanbill-job@a.service", status(0)), End::Beside);
        // A service that failed did not even write its run down.
        assert!(matches!(beside("cleanbill-job@a.service", status(1)), End::Undone(_)));
        let End::Undone(why) = beside("cleanbill-job@a.service", status(5)) else { panic!("it is not there") };
        assert!(why.contains("schedule install"), "{why}");
    }
}
