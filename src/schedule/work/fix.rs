//! The job that fixes what may be fixed without asking, as a person would: taken back what was cut off, planned, written
//! down, done, and proven by asking the checks again.

use std::{path::Path, time::Duration};

use jiff::Timestamp;

use super::{ScheduleError, Work, other};
use crate::{
    checks::Check,
    config::PolicyName,
    fixes::{
        self, Answers, Basis, Guard, ITSELF, Job, Place, Proof,
        policy::{self, Now, Policy},
    },
    report::{
        TEMPLATES,
        email::{self, Confirm},
    },
    schedule::Sender,
    store::{FixRun, StepState},
    words::{at_root, count, sentence},
};

/// How long it waits for another one who fixes.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long someone has to confirm what could lock people out. At night nobody sits there: a day.
const WINDOW: Duration = Duration::from_secs(24 * 3600);

impl Work<'_> {
    pub(super) fn fix(&self) -> Result<String, ScheduleError> {
        let here = self.here;
        let policy = match self.job.job.policy {
            PolicyName::Autofix => here.config().autofix.clone(),
            PolicyName::Safe => here.config().autofix.safe(&self.catalogue),
        };
        let host = self.host()?;
        if host.is_live() && !host.is_root() {
            return Err(other("Only root may change this machine."));
        }
        let place = Place::of(host).map_err(other)?;
        let journal = self.mend(&place, PATIENCE).map_err(other)?;
        let past = here.store.fix_runs(Some(&place.root()))?;
        if let Some(why) = policy::stopped(&policy, &past) {
            return Err(other(why));
        }
        journal.ready(&place.root()).map_err(other)?;
        let (seen, _) = self.look_at(&place.host)?;
        let answers = Answers::new();
        let basis = Basis {
            audit: &seen.audit,
            db: &seen.db,
            catalogue: &self.catalogue,
            tree: &place.tree,
            host: &place.host,
            user: "root",
            answers: &answers,
        };
        let whole = fixes::plan(&basis, |check: &Check| check.fix.is_some());
        let now = Now { at: Timestamp::now(), zone: here.zone.clone() };
        let decided = policy::allowed(&policy, &whole, &self.catalogue, &now, &past);
        let chosen: Vec<&str> = decided.iter().filter(|(_, why)| why.is_none()).map(|(id, _)| id.as_str()).collect();
        if chosen.is_empty() {
            return Ok(nothing(&policy, &decided));
        }
        let plan = fixes::plan(&basis, |check: &Check| chosen.contains(&check.id.as_str()));
        let mut run = FixRun::new(&seen.audit, place.root(), ITSELF.to_owned());
        let guard = Guard::new(std::env::current_exe().map_err(other)?, here.store.path(), WINDOW);
        let arm = move |run: &FixRun| guard.arm(run.id);
        let guarded = plan.is_guarded() && place.is_live();
        if guarded {
            run.confirm_until = Timestamp::now().checked_add(WINDOW).ok();
        }
        let job = Job {
            plan: &plan,
            tree: &place.tree,
            live: place.is_live(),
            journal: &journal,
            run,
            arm: guarded.then_some(&arm as fixes::Arm<'_>),
        };
        let done = fixes::apply(job, &mut |_| {}, |checks| self.prove(checks)).map_err(other)?;
        let mut said = told(&done);
        said.extend(self.ask_to_confirm(&done)?);
        let said = said.join("\n");
        let failed = done.steps.iter().any(|s| matches!(s.state, StepState::Failed | StepState::StillOpen));
        if failed { Err(other(said)) } else { Ok(said) }
    }

    /// A mail to those who hear what cannot wait, where fixes take themselves back unless someone keeps them.
    fn ask_to_confirm(&self, done: &FixRun) -> Result<Option<String>, ScheduleError> {
        let (here, config) = (self.here, self.here.config());
        let to = if config.alerts.to.is_empty() { &config.mail.to } else { &config.alerts.to };
        let Some(until) = done.confirm_until.filter(|_| !to.is_empty()) else { return Ok(None) };
        let fixed = done.steps.iter().filter(|step| step.state.stands()).map(|step| step.title.clone());
        let confirm = Confirm {
            host: here.name.clone(),
            purpose: config.machine.purpose.clone(),
            fixed: fixed.collect(),
            at: done.started,
            until,
            zone: here.zone.clone(),
        };
        let mail = email::confirm(&confirm, Path::new(TEMPLATES)).map_err(other)?;
        let people = Sender::new(here)?.recipients(to, config)?;
        let mails = self.short(&mail, &people, format!("confirm.{}", done.id))?;
        here.store.queue_mails(&here.id, &mails, Timestamp::now())?;
        Ok(Some("A mail asks to keep it.".to_owned()))
    }

    /// Asks all checks again, and puts the answers into the history.
    fn prove(&self, checks: &[&str]) -> Proof {
        let seen = self.host().and_then(|host| self.look_at(&host));
        seen.map_or_else(|_| Proof::default(), |(seen, _)| Proof::of(checks, &seen.audit))
    }
}

/// What became of each fix.
fn told(run: &FixRun) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for step in &run.steps {
        let title = step.title.trim_end_matches('.');
        let why = step.why.as_deref().unwrap_or("it did not help");
        lines.push(match step.state {
            StepState::Fixed => format!("Done and checked: {title}."),
            StepState::Unproven => format!("Done, not checked: {title}."),
            _ => format!("Not done: {title}: {}", sentence(why)),
        });
    }
    let root = at_root(&run.root);
    lines.push(format!("Take it back with: sudo cleanbill undo {}{root}", run.id));
    if run.confirm_until.is_some() {
        lines.push("It takes itself back within a day unless someone keeps it: sudo cleanbill fix confirm".to_owned());
    }
    lines
}

/// Why nothing was fixed.
fn nothing(policy: &Policy, decided: &[(String, Option<String>)]) -> String {
    if decided.is_empty() {
        return "Nothing needs a fix.".to_owned();
    }
    let reasons: Vec<&str> = decided.iter().filter_map(|(_, why)| why.as_deref()).collect();
    match reasons.as_slice() {
        [first, rest @ ..] if rest.iter().all(|why| why == first) => format!("Nothing was fixed. {first}"),
        _ if !policy.enabled => "Nothing was fixed: [autofix] is off.".to_owned(),
        all => format!(
            "Nothing was fixed: none of {} may be fixed without asking.",
            count(all.len(), "problem", "problems")
        ),
    }
}
