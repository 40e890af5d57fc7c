//! The units of systemd: what the daemon or the timers need for the jobs of the settings.

use std::fmt::Write as _;

use super::{ScheduleError, Way, mark, needs::Needs, quote, walls};
use crate::schedule::{Planned, start};

/// A unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unit {
    /// Its name.
    pub(super) name: String,
    /// Its text, with our mark.
    pub(super) text: String,
    /// Whether it is turned on; the others are started by these.
    pub(super) on: bool,
}

/// The service in which the daemon waits.
pub(super) use crate::schedule::start::SERVICE;
/// What runs jobs that only look, by timers.
const LOOK: &str = "cleanbill-look";
/// The timer of the mail that waits.
const MAIL_TIMER: &str = "cleanbill-mail.timer";

/// All units that are needed.
///
/// # Errors
/// When a path cannot be written down.
pub(super) fn units(way: Way, needs: &Needs) -> Result<Vec<Unit>, ScheduleError> {
    let mut units = Vec::new();
    let changing = needs.changing().next().is_some();
    match way {
        Way::Service => {
            units.push(Unit { on: true, ..unit(SERVICE, needs, &daemon(needs)?) });
            // Without walls, a daemon of one user does all by itself.
            if !needs.user && changing {
                units.push(unit(&template(start::JOB), needs, &job(needs, true)?));
            }
            if !needs.user && needs.sendmail.is_some() {
                units.push(unit(start::MAIL, needs, &mail(needs)?));
            }
        }
        Way::Timers => {
            if needs.jobs.iter().any(|job| !start::changes(job.job.task)) {
                units.push(unit(&template(LOOK), needs, &job(needs, false)?));
            }
            if changing {
                units.push(unit(&template(start::JOB), needs, &job(needs, true)?));
            }
            units.push(unit(start::MAIL, needs, &mail(needs)?));
            for job in &needs.jobs {
                let kind = if start::changes(job.job.task) { start::JOB } else { LOOK };
                let name = format!("{kind}@{}.timer", job.name);
                units.push(Unit { on: true, ..unit(&name, needs, &timer(job)) });
            }
            units.push(Unit { on: true, ..unit(MAIL_TIMER, needs, MAIL_TIMES) });
        }
        Way::Crontab => {}
    }
    Ok(units)
}

/// Whether a unit of this name may be one of ours.
pub(super) fn is_name_of_ours(name: &str) -> bool {
    let own = [SERVICE, start::MAIL, MAIL_TIMER].contains(&name);
    let instance = [start::JOB, LOOK].iter().any(|kind| {
        name.strip_prefix(kind)
            .is_some_and(|rest| rest.starts_with('@') && (rest.ends_with(".timer") || rest == "@.service"))
    });
    own || instance
}

fn template(kind: &str) -> String {
    format!("{kind}@.service")
}

fn unit(name: &str, needs: &Needs, body: &str) -> Unit {
    let edit = if needs.user { "systemctl --user edit" } else { "sudo systemctl edit" };
    let own = format!("What you want to have otherwise goes into a file of yours, which stays: {edit} {name}");
    Unit { name: name.to_owned(), text: mark::marked(&own, body), on: false }
}

fn daemon(needs: &Needs) -> Result<String, ScheduleError> {
    let wanted = if needs.user { "default.target" } else { "multi-user.target" };
    let mut out = "[Unit]\nDescription=cleanbill, which looks after this machine on a schedule\n".to_owned();
    out.push_str(after(needs));
    out.push_str(
        "# Where it cannot be kept running, that must be seen and not go on forever: cleanbill status tells it.\n\
         StartLimitIntervalSec=1h\nStartLimitBurst=6\n\
         \n[Service]\nType=notify\nNotifyAccess=main\n",
    );
    let _ = writeln!(out, "ExecStart={} daemon", quote::exec(&needs.program)?);
    out.push_str(
        "# Reads the settings anew. It also does when the file changes.\n\
         ExecReload=/bin/sh -c \"kill -HUP $MAINPID\"\n\
         Restart=on-failure\nRestartSec=30\nTimeoutStartSec=120\nWatchdogSec=180\n\
         # A stop is passed on to the jobs that are at work, and they may come to an end in an orderly way.\n\
         KillMode=mixed\nTimeoutStopSec=180\n",
    );
    environment(needs, &mut out)?;
    out.push_str(&politeness());
    out.push_str(&if needs.user { walls::of_user(needs) } else { walls::looking(needs)? });
    let _ = write!(out, "\n[Install]\nWantedBy={wanted}\n");
    Ok(out)
}

/// What runs one job, by its name.
fn job(needs: &Needs, changing: bool) -> Result<String, ScheduleError> {
    let what = if changing { ", which changes the machine" } else { "" };
    let mut out = format!("[Unit]\nDescription=The job %i of cleanbill{what}\n");
    out.push_str(after(needs));
    out.push_str("\n[Service]\nType=oneshot\n");
    let _ = writeln!(out, "ExecStart={} schedule run %i --if-due --wait", quote::exec(&needs.program)?);
    out.push_str(
        "# A job that did not work is on record (cleanbill schedule history) and told in the mail; the service did its part.\n\
         SuccessExitStatus=1\n\
         # Each job has a limit of its own, after which it is ended.\n\
         TimeoutStartSec=infinity\nKillMode=mixed\nTimeoutStopSec=180\n",
    );
    environment(needs, &mut out)?;
    if changing {
        // Being ended half way does harm here.
        out.push_str("Nice=10\nIOSchedulingClass=idle\n# MemoryMax= is not set: a fix that is ended half way does more harm than one that needs much.\n");
    } else {
        out.push_str(&politeness());
    }
    out.push_str(&match (needs.user, changing) {
        (true, _) => walls::of_user(needs),
        (false, true) => walls::changing(),
        (false, false) => walls::looking(needs)?,
    });
    Ok(out)
}

fn mail(needs: &Needs) -> Result<String, ScheduleError> {
    let mut out = "[Unit]\nDescription=Hands over the mail of cleanbill that waits\n".to_owned();
    out.push_str(after(needs));
    out.push_str("\n[Service]\nType=oneshot\n");
    let _ = writeln!(out, "ExecStart={} email queue --send", quote::exec(&needs.program)?);
    out.push_str(
        "# A mail that was not taken is tried again, and cleanbill status tells it; the service did its part.\n\
         SuccessExitStatus=1\nTimeoutStartSec=1h\nTimeoutStopSec=180\n",
    );
    environment(needs, &mut out)?;
    out.push_str(&politeness());
    out.push_str(&match (needs.user, &needs.sendmail) {
        (true, _) => walls::of_user(needs),
        (false, Some(_)) => walls::sendmail(),
        (false, None) => walls::mailing(needs)?,
    });
    Ok(out)
}

const MAIL_TIMES: &str = "[Unit]\nDescription=Tries the mail of cleanbill that waits\n\n[Timer]\nOnCalendar=*:00/15\n\
                          AccuracySec=1min\n\n[Install]\nWantedBy=timers.target\n";

fn timer(job: &Planned) -> String {
    let mut out = format!(
        "[Unit]\nDescription=Wakes the job {} of cleanbill: {}\n\n[Timer]\n",
        job.name,
        job.when.says().replace('%', "%%")
    );
    for line in job.when.calendar() {
        let _ = writeln!(out, "OnCalendar={line}");
    }
    out.push_str(
        "# The job itself sees whether it is due, waits for a delay of its own (jitter), and makes up for what was missed.\n\
         Persistent=true\nAccuracySec=1min\n\n[Install]\nWantedBy=timers.target\n",
    );
    out
}

/// What has to be there first; the units of a user know no such targets.
fn after(needs: &Needs) -> &'static str {
    if needs.user { "" } else { "After=local-fs.target time-set.target network.target\n" }
}

fn environment(needs: &Needs, out: &mut String) -> Result<(), ScheduleError> {
    for (name, path) in &needs.environment {
        let _ = writeln!(out, "Environment={}", quote::unit(&format!("{name}={}", quote::text(path)?))?);
    }
    if let Some((name, locked)) = &needs.credential {
        let key = if *locked { "LoadCredentialEncrypted" } else { "LoadCredential" };
        let _ = writeln!(out, "# The password of the mail server.\n{key}={}", quote::unit(name)?);
    }
    if let Some(name) = &needs.password_env {
        let _ = writeln!(
            out,
            "# The settings want the password of the mail server in {}. Set it with `systemctl edit`, or better, name a file.",
            crate::words::harmless(name)
        );
    }
    Ok(())
}

/// Whoever works on the machine comes first.
fn politeness() -> String {
    "\n# Others come first. A job needs about 150 MB for a few seconds; where memory is short, it is ended before others are.\n\
     Nice=10\nIOSchedulingClass=idle\nOOMScoreAdjust=500\nMemoryMax=1G\nTasksMax=128\n"
        .to_owned()
}
