//! The lines of a crontab: for root a file in /etc/cron.d, for everyone else a part of their own crontab.

use std::fmt::Write as _;

use super::{ScheduleError, mark, needs::Needs, quote};

/// The whole file, or the part of a crontab.
///
/// # Errors
/// When a path cannot be written down.
pub(super) fn lines(needs: &Needs) -> Result<String, ScheduleError> {
    let mut out = String::new();
    out.push_str(
        "# Each line only wakes a job. The job itself sees whether it is due, waits for a delay of its own (jitter), makes up\n\
         # for what was missed, and never runs twice at the same time. What it says is kept: cleanbill schedule history.\n\
         # Only what keeps it from its work is written, and so mailed by cron.\n",
    );
    let (who, program) = (if needs.user { "" } else { "root " }, quote::cron(&needs.program)?);
    let mut call = String::new();
    if needs.user {
        // The crontab of a user has other lines too, which must not get variables of ours.
        for (name, path) in &needs.environment {
            let _ = write!(call, "{name}={} ", quote::cron(path)?);
        }
    } else {
        out.push_str("SHELL=/bin/sh\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nMAILTO=root\n");
        for (name, path) in &needs.environment {
            let _ = writeln!(out, "{name}={}", variable(quote::text(path)?)?);
        }
    }
    call.push_str(&program);
    for job in &needs.jobs {
        let run = format!("{who}{call} schedule run {} --if-due --wait >/dev/null", job.name);
        let _ = writeln!(out, "\n# {}: {}", job.name, job.when.says());
        for line in job.when.crontab() {
            let _ = writeln!(out, "{} {run}", line.fields);
        }
        let _ = writeln!(out, "@reboot {run}");
    }
    let _ =
        writeln!(out, "\n# Mail that waits is tried again.\n*/15 * * * * {who}{call} email queue --send >/dev/null");
    let own = if needs.user {
        "It follows the jobs: what you want to have otherwise, say in the settings. Take it out: cleanbill schedule uninstall"
    } else {
        "It follows the jobs: what you want to have otherwise, say in the settings. Take it out: sudo cleanbill schedule uninstall"
    };
    Ok(mark::marked(own, &out))
}

/// A value in a file of cron: quoted, nothing in it is replaced.
fn variable(value: &str) -> Result<String, ScheduleError> {
    let value = quote::one_line(value)?;
    if !value.contains([' ', '"', '\'', '#']) {
        return Ok(value.to_owned());
    }
    if value.contains('"') {
        return Err(ScheduleError::Install {
            what: format!("`{value}` has a quotation mark in it, and a crontab cannot say that."),
            hint: "Give the file or folder a plain name".to_owned(),
        });
    }
    Ok(format!("\"{value}\""))
}
