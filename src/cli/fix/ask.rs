//! What is asked on a terminal: which fixes, what only a person can decide, and whether to go on.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use console::{Alignment, pad_str, truncate_str};
use dialoguer::{Input, MultiSelect, Select, theme::ColorfulTheme};

use super::{
    super::{error::CliError, terminal},
    told,
};
use crate::{
    checks::{Safety, Severity},
    fixes::{Answers, Plan, PlannedFix, Question},
    words::harmless,
};

/// Columns of a title in the list.
const TITLE: usize = 42;

/// Lets someone choose; none when they leave. Safe fixes are chosen already.
pub(super) fn choose(plan: &Plan, live: bool) -> Result<Option<Vec<String>>, CliError> {
    let mut open: Vec<&PlannedFix> = plan.fixes.iter().filter(|f| f.refused.is_none()).collect();
    open.sort_by_key(|f| f.place);
    for refused in plan.fixes.iter().filter(|f| f.refused.is_some()) {
        let why = refused.refused.as_deref().unwrap_or_default();
        let told = format!("Cannot be done here: {}. {}", refused.title, crate::words::sentence(why));
        anstream::print!("{}", told::wrapped(&harmless(&told), "  ", "    "));
    }
    if open.is_empty() {
        anstream::println!("  There is nothing that could be fixed here.");
        return Ok(None);
    }
    let width = terminal::style().width;
    let items: Vec<String> = open.iter().map(|fix| line(fix, live, width)).collect();
    let is_tip = |fix: &PlannedFix| fix.severity == Severity::Info;
    let chosen: Vec<bool> = open.iter().map(|f| f.safety == Safety::Safe && f.asks.is_none() && !is_tip(f)).collect();
    anstream::println!();
    if open.iter().any(|f| is_tip(f)) && !open.iter().all(|f| is_tip(f)) {
        anstream::println!("  What is safe is chosen already. Tips, at the end, are yours to choose.");
    }
    let picked = MultiSelect::with_theme(&ColorfulTheme::default())
        .with_prompt("Which of these shall I do? (space: choose, enter: go on, q: leave)")
        .items(&items)
        .defaults(&chosen)
        .report(false)
        .interact_opt()
        .ok()
        .flatten();
    let ids = |picked: Vec<usize>| picked.into_iter().filter_map(|n| open.get(n)).map(|f| f.check.clone()).collect();
    Ok(picked.filter(|p| !p.is_empty()).map(ids))
}

/// One fix in the list, on one line: what it does, what it takes off, what it may interrupt.
fn line(fix: &PlannedFix, live: bool, width: usize) -> String {
    let points = match fix.points.as_str() {
        "" => String::new(),
        "under 1" => "<1".to_owned(),
        points => format!("−{points}"),
    };
    let title = harmless(&fix.title);
    let title = pad_str(&title, TITLE, Alignment::Left, Some("…"));
    let effect = match fix.asks {
        Some(_) => "asks you something first".to_owned(),
        None => told::effect(fix, live),
    };
    // The mark in front and one column at the end stay free.
    let room = width.saturating_sub(TITLE + 21);
    format!("{title} {points:>4}   {:<7}  {}", told::time(fix), truncate_str(&harmless(&effect), room, "…"),)
}

/// Asks what the fixes need to know; whether anything was answered.
pub(super) fn questions(plan: &Plan, answers: &mut Answers) -> Result<bool, CliError> {
    let mut any = false;
    for fix in &plan.fixes {
        let Some(question) = &fix.asks else { continue };
        anstream::println!("\n  {}", harmless(&fix.title));
        let values = answer(question)?;
        if !values.is_empty() {
            answers.entry(fix.check.clone()).or_default().insert(question.name.clone(), values);
            any = true;
        }
    }
    Ok(any)
}

fn answer(question: &Question) -> Result<Vec<String>, CliError> {
    let theme = ColorfulTheme::default();
    let prompt = harmless(&question.text);
    let left =
        |e: dialoguer::Error| CliError::usage(format!("Nothing was answered: {e}"), "Give the answer with --answer");
    if question.choices.is_empty() {
        let said: String =
            Input::with_theme(&theme).with_prompt(prompt).allow_empty(true).interact_text().map_err(left)?;
        return Ok(Some(said).filter(|s| !s.trim().is_empty()).into_iter().collect());
    }
    let items: Vec<String> = question
        .choices
        .iter()
        .map(|(name, why)| harmless(&if why.is_empty() { name.clone() } else { format!("{name}  ({why})") }))
        .collect();
    let picked = if question.many {
        MultiSelect::with_theme(&theme)
            .with_prompt(prompt)
            .items(&items)
            .interact_opt()
            .map_err(left)?
            .unwrap_or_default()
    } else {
        Select::with_theme(&theme).with_prompt(prompt).items(&items).interact_opt().map_err(left)?.into_iter().collect()
    };
    Ok(picked.into_iter().filter_map(|n| question.choices.get(n)).map(|(name, _)| name.clone()).collect())
}

/// Whether to go on; what exactly changes is shown on request.
pub(super) fn agree(plan: &Plan, live: bool) -> Result<bool, CliError> {
    loop {
        anstream::println!("\n{}", told::summary(plan, live));
        let choice = Select::with_theme(&ColorfulTheme::default())
            .with_prompt("Go on?")
            .items(["Do it", "Show exactly what changes", "Leave everything as it is"])
            .default(0)
            .report(false)
            .interact_opt()
            .ok()
            .flatten();
        match choice {
            Some(0) => return Ok(true),
            Some(1) => page(&told::preview(plan, super::Format::Text)),
            _ => return Ok(false),
        }
    }
}

/// Shows a long text page by page, where there is a program for that.
fn page(text: &str) {
    let pager = Command::new("less").args(["-R", "-F", "-X"]).stdin(Stdio::piped()).spawn();
    match pager {
        Ok(mut pager) => {
            if let Some(stdin) = &mut pager.stdin {
                let _ = stdin.write_all(text.as_bytes());
            }
            drop(pager.stdin.take());
            let _ = pager.wait();
        }
        Err(_) => anstream::println!("{text}"),
    }
}
