//! What is said about fixes: before, meanwhile and afterwards.

use std::{collections::BTreeMap, fmt::Write as _, io::IsTerminal as _, time::Duration};

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressStyle};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use serde_json::{Value, json};

use super::{
    super::{error::CliError, terminal},
    Format,
};
use crate::{
    audit::Audit,
    checks::{Safety, Verdict},
    fixes::{Change, Event, Found, Plan, PlannedFix, Recovered, diff},
    score::Grade,
    store::{FixRun, FixStep, StepState},
    words::{self, harmless},
};

/// What a fix may interrupt; on a running machine also that it takes itself back.
pub(super) fn effect(fix: &PlannedFix, live: bool) -> String {
    match (&fix.effect, fix.safety) {
        (None, Safety::Guarded) if live => "could lock you out: takes itself back unless you confirm".to_owned(),
        (None, _) => "breaks nothing".to_owned(),
        (Some(effect), _) => effect.clone(),
    }
}

/// Says why what was asked for by name is not planned; whether a problem is left by that.
pub(super) fn unfixable<'a>(ids: impl Iterator<Item = &'a str>, plan: &Plan, audit: &Audit) -> bool {
    let mut left = false;
    for id in ids.filter(|id| !plan.fixes.iter().any(|f| f.check == *id)) {
        let outcome = audit.outcomes.iter().find(|o| o.check == id);
        let (open, told) = match outcome.map(|o| (&o.verdict, o.waived)) {
            Some((Verdict::Problem(_), true)) => (false, format!("{id} is an accepted risk. See: cleanbill waivers")),
            Some((Verdict::Problem(_), false)) => {
                (true, format!("Only a person can fix {id}. How, step by step: cleanbill show {id}"))
            }
            Some((Verdict::Unknown(_), _)) => (
                true,
                format!("Whether {id} is a problem could not be seen, so it cannot be fixed: cleanbill show {id}"),
            ),
            _ => (false, format!("There is nothing to fix: the problem {id} is not here.")),
        };
        anstream::eprintln!("{told}");
        left |= open;
    }
    left
}

/// How long a fix takes; nothing where it has not been planned yet.
pub(super) fn time(fix: &PlannedFix) -> &'static str {
    let long = |c: &Change| matches!(c, Change::Run(run) if run.seconds > 600);
    match fix.changes.as_slice() {
        [] => "",
        changes if changes.iter().any(long) => "minutes",
        _ => "seconds",
    }
}

/// What will be done: each fix with what it may interrupt, how many files, which programs.
pub(super) fn summary(plan: &Plan, live: bool) -> String {
    let (files, runs) = (plan.files(), plan.runs());
    let mut text = String::new();
    for fix in plan.fixes.iter().filter(|f| !f.changes.is_empty()) {
        let told = format!("{} (takes {}): {}", fix.title, time(fix), effect(fix, live));
        text.push_str(&wrapped(&harmless(&told), "  - ", "    "));
    }
    for run in &runs {
        let stays = run.stays.as_deref().map(|s| format!(" ({})", s.trim_end_matches('.'))).unwrap_or_default();
        text.push_str(&wrapped(&harmless(&format!("Then {}{stays}", run.what)), "  - ", "    "));
    }
    if !files.is_empty() {
        let files = words::count(files.len(), "file changes", "files change");
        text.push_str(&wrapped(
            &format!("{files}. A copy of each is kept: cleanbill undo brings it back."),
            "  ",
            "  ",
        ));
    }
    if live && plan.is_guarded() {
        let guard = "Because some of this could lock you out, all of it takes itself back after some minutes unless you \
                     confirm that you still get in.";
        text.push_str(&wrapped(guard, "  ", "  "));
    }
    text
}

/// Lines of a text that fit the terminal.
pub(super) fn wrapped(text: &str, first: &str, next: &str) -> String {
    let options = textwrap::Options::new(terminal::style().width).initial_indent(first).subsequent_indent(next);
    textwrap::wrap(text, options).iter().map(|line| format!("{line}\n")).collect()
}

/// What would change: diffs and programs.
pub(super) fn preview(plan: &Plan, format: Format) -> String {
    if format == Format::Json {
        return serde_json::to_string_pretty(&plan_json(plan)).unwrap_or_default() + "\n";
    }
    let mut text = String::new();
    for fix in &plan.fixes {
        let _ = writeln!(text, "# {}: {}", fix.check, harmless(&fix.title));
        if let Some(why) = &fix.refused {
            let _ = writeln!(text, "#   not done: {}", harmless(why));
        }
        if let Some(question) = &fix.asks {
            let _ = writeln!(text, "#   {}", harmless(&question.text));
            for (choice, _) in &question.choices {
                let _ = writeln!(text, "#     --answer {}={}", fix.check, harmless(choice));
            }
        }
        for why in &fix.left {
            let _ = writeln!(text, "#   left as it is: {}", harmless(why));
        }
        if fix.is_covered() {
            text.push_str("#   another fix of this list does it\n");
        }
        for change in &fix.changes {
            match change {
                Change::File(file) => text.push_str(&diff(file)),
                Change::Run(run) => {
                    let _ = writeln!(text, "$ {}", harmless(&run.line()));
                    for line in run.preview.iter().flat_map(|p| p.lines()) {
                        let _ = writeln!(text, "  {}", harmless(line));
                    }
                }
            }
        }
    }
    if plan.fixes.is_empty() {
        text.push_str("Nothing would change.\n");
    }
    if std::io::stdout().is_terminal() { coloured(&text) } else { text }
}

fn coloured(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let style = match line.as_bytes().first() {
            Some(b'+') => AnsiColor::Green.on_default(),
            Some(b'-') => AnsiColor::Red.on_default(),
            Some(b'@') => AnsiColor::Cyan.on_default(),
            Some(b'#') => Style::new().bold(),
            _ => Style::new(),
        };
        let _ = writeln!(out, "{style}{line}{style:#}");
    }
    out
}

/// The plan for programs.
pub(super) fn plan_json(plan: &Plan) -> Value {
    let change = |change: &Change| match change {
        Change::File(file) => json!({ "path": file.path, "what": file.what(), "diff": diff(file) }),
        Change::Run(run) => {
            json!({ "command": run.command, "what": run.what, "preview": run.preview, "stays": run.stays })
        }
    };
    let fixes: Vec<Value> = plan
        .fixes
        .iter()
        .map(|f| {
            json!({
                "check": f.check,
                "title": f.title,
                "severity": f.severity,
                "safety": f.safety,
                "refused": f.refused,
                "left": f.left,
                "asks": f.asks.as_ref().map(|q| json!({
                    "question": q.text,
                    "choices": q.choices.iter().map(|(name, _)| name).collect::<Vec<_>>(),
                    "many": q.many,
                })),
                "changes": f.changes.iter().map(change).collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({ "fixes": fixes })
}

/// That nothing can be done, and why.
pub(super) fn nothing(plan: &Plan, format: Format) -> String {
    match format {
        Format::Json => preview(plan, format),
        Format::Junit => junit(&[], plan),
        Format::Text => {
            let mut text = String::new();
            for fix in &plan.fixes {
                let _ = writeln!(text, "  {} {}", mark(StepState::Refused), harmless(&fix.title));
                let why = format!("not done: {}", harmless(&fix.why_not().unwrap_or_default()));
                text.push_str(&wrapped(&why, "      ", "      "));
            }
            if text.is_empty() { "Nothing is left to fix.\n".to_owned() } else { text }
        }
    }
}

fn mark(state: StepState) -> &'static str {
    match (state, terminal::style().unicode) {
        (StepState::Fixed | StepState::Undone, true) => "✔",
        (StepState::Fixed | StepState::Undone, false) => "+",
        (StepState::Unproven | StepState::Planned, _) => "?",
        (StepState::StillOpen, _) => "!",
        (StepState::Refused | StepState::Failed | StepState::Undoing, true) => "✘",
        (StepState::Refused | StepState::Failed | StepState::Undoing, false) => "x",
    }
}

/// What was found half done, and what became of it.
pub(in super::super) fn recovered(found: &Recovered) -> String {
    let (run, when) = (found.run, words::date(found.started));
    let was = match found.what {
        Found::CutOff => format!("Run {run} of {when} had been cut off."),
        Found::UndoCutOff => format!("Taking run {run} of {when} back had been cut off."),
        Found::Expired => format!("Nobody confirmed run {run} of {when} in time."),
    };
    let now = match (&found.left, found.what) {
        (None, Found::UndoCutOff) => "The rest was taken back now.".to_owned(),
        (None, _) => "All of it was taken back now.".to_owned(),
        (Some(left), _) if found.open => {
            format!(
                "It cannot be taken back yet: {}. The next start tries again.",
                harmless(left.trim_end_matches('.'))
            )
        }
        (Some(left), _) => format!("Not all of it could be taken back: {}.", harmless(left.trim_end_matches('.'))),
    };
    let mut text = format!("{was} {now}");
    for copy in &found.kept {
        let _ = write!(text, "\nA file that someone else had just written lies in {} now.", copy.display());
    }
    text
}

/// What became of a step, in a sentence.
pub(in super::super) fn outcome(step: &FixStep) -> String {
    let why = step.why.as_deref().map(harmless).unwrap_or_default();
    let with = |text: &str| if why.is_empty() { format!("{text}.") } else { format!("{text}: {why}") };
    match step.state {
        StepState::Fixed => "done, and asked again: it is gone".to_owned(),
        StepState::StillOpen => with("done, but the problem is still there"),
        StepState::Unproven => with("done, but not proven"),
        StepState::Refused => with("not done"),
        StepState::Failed => with("failed"),
        StepState::Undone if why.is_empty() => "taken back".to_owned(),
        StepState::Undone => with("taken back"),
        StepState::Undoing => with("not wholly taken back yet, the next start of cleanbill tries again"),
        StepState::Planned => "cut off".to_owned(),
    }
}

/// Says what became of everything; whether something is left.
pub(super) fn done(
    run: &FixRun,
    plan: &Plan,
    format: Format,
    grades: (Grade, Option<Grade>),
) -> Result<bool, CliError> {
    let left = run.steps.iter().any(|s| s.state != StepState::Fixed);
    let text = match format {
        Format::Json => {
            let mut value = serde_json::to_value(run).unwrap_or_default();
            if let Some(map) = value.as_object_mut() {
                map.extend(plan_json(plan).as_object().cloned().unwrap_or_default());
            }
            serde_json::to_string_pretty(&value).unwrap_or_default() + "\n"
        }
        Format::Junit => junit(&run.steps, plan),
        Format::Text => text(run, grades),
    };
    terminal::print(&text)?;
    Ok(left)
}

fn text(run: &FixRun, (was, now): (Grade, Option<Grade>)) -> String {
    let mut text = String::from("\n");
    for step in &run.steps {
        let _ = writeln!(text, "  {} {}", mark(step.state), harmless(&step.title));
        text.push_str(&wrapped(&outcome(step), "      ", "      "));
    }
    if let (Some(after), Some(now)) = (run.risk_after, now) {
        let grade = if now == was { was.letter().to_owned() } else { format!("{} to {}", was.letter(), now.letter()) };
        let (before, after) = (words::whole(run.risk_before), words::whole(after));
        let risk = if before == after { before } else { format!("{before} to {after}") };
        let _ = writeln!(text, "\n  Grade {grade}      Risk {risk}");
    }
    if run.steps.iter().any(|s| s.state.stands()) {
        let root = harmless(&words::at_root(&run.root));
        let _ = writeln!(text, "  Take all of it back:  cleanbill undo {}{root}", run.id);
    }
    if let Some(until) = run.confirm_until {
        let _ = writeln!(
            text,
            "\n  Some of this could lock you out. Log in once more from another place to see that you still\n  can, then \
             type:  cleanbill fix confirm\n  Otherwise all of it is taken back at {}.",
            until.strftime("%H:%M:%S UTC")
        );
    }
    text
}

/// One test case for each fix.
fn junit(steps: &[FixStep], plan: &Plan) -> String {
    let steps: BTreeMap<&str, &FixStep> = steps.iter().map(|s| (s.check.as_str(), s)).collect();
    let skipped = |why: &str| {
        let mut status = TestCaseStatus::skipped();
        status.set_message(harmless(why));
        status
    };
    let cases = plan.fixes.iter().map(|fix| {
        let status = match steps.get(fix.check.as_str()) {
            Some(step) if step.state == StepState::Fixed => TestCaseStatus::success(),
            Some(step) if step.state == StepState::Refused => skipped(step.why.as_deref().unwrap_or_default()),
            Some(step) => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                status.set_message(harmless(&outcome(step)));
                status
            }
            None => skipped(&fix.why_not().unwrap_or_default()),
        };
        let mut case = TestCase::new(fix.check.as_str(), status);
        case.set_classname("cleanbill.fix");
        case
    });
    let mut suite = TestSuite::new("cleanbill fix");
    suite.add_test_cases(cases);
    let mut report = Report::new("cleanbill fix");
    report.add_test_suite(suite);
    report.to_string().unwrap_or_default()
}

/// Progress on stderr.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(super) fn start(shown: bool, plan: &Plan) -> Self {
        if !shown || !std::io::stderr().is_terminal() {
            return Progress { bar: None };
        }
        let count = plan.fixes.iter().filter(|f| !f.changes.is_empty()).count();
        let bar = ProgressBar::new(u64::try_from(count).unwrap_or(0));
        if let Ok(style) = ProgressStyle::with_template("  {spinner} {msg:<60} {pos}/{len}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Progress { bar: Some(bar) }
    }

    pub(super) fn on(&mut self, event: &Event<'_>) {
        let Some(bar) = &self.bar else { return };
        match event {
            Event::Begins(fix) => bar.set_message(harmless(&fix.title)),
            Event::Ended(..) => bar.inc(1),
            Event::Proving => bar.set_message("Asking the questions again"),
        }
    }

    pub(super) fn end(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
