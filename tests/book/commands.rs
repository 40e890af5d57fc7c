//! Every command of the book is run on a made machine, and what it shows is what the program says. What needs a real
//! machine is at least understood by the program.

use std::{collections::BTreeSet, panic::AssertUnwindSafe};

use crate::{
    chapters::{self, Block, Chapter},
    sandbox::Sandbox,
};

/// Stands in what is shown for anything: alone for lines, else within one.
const ANYTHING: &str = "…";

#[test]
fn every_command_of_the_book_does_what_it_says() {
    let sandbox = Sandbox::new();
    let (mut blocks, mut ran, mut read, mut wrong) = (0, 0, 0, Vec::new());
    let only = std::env::var("CLEANBILL_BOOK_ONLY").unwrap_or_default();
    for chapter in chapters::all() {
        if !chapter.name.contains(&only) {
            continue;
        }
        sandbox.anew();
        for block in &chapter.blocks {
            blocks += 1;
            let tried = std::panic::catch_unwind(AssertUnwindSafe(|| try_block(&sandbox, block)));
            let said = |error: Box<dyn std::any::Any + Send>| error.downcast::<String>().map_or_else(|_| "?".to_owned(), |s| *s);
            match tried {
                Ok((a, b)) => (ran, read) = (ran + a, read + b),
                Err(error) => wrong.push(format!("docs/{}:{}: {}", chapter.name, block.line, said(error))),
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {blocks} blocks:\n\n{}", wrong.len(), wrong.join("\n\n"));
    assert!(!only.is_empty() || (blocks > 60 && ran > 90 && read > 10), "{blocks} blocks, {ran} run, {read} only read");
}

/// How many calls of the program it ran, and how many it only read.
fn try_block(sandbox: &Sandbox, block: &Block) -> (usize, usize) {
    let only_read = block.host.is_some();
    let typed = typed(block);
    assert!(!typed.is_empty(), "a block without a command");
    let mut calls = 0;
    for (command, shown) in &typed {
        assert!(only_read || !command.contains("> /"), "it writes to a real place");
        let said = sandbox.sh(command, only_read);
        let out = sandbox.there(&said.out);
        let expected = if only_read { 0 } else { block.exit };
        assert_eq!(said.code, expected, "`{command}` ended with {}:\n{out}", said.code);
        if !only_read && !block.elsewhere && !shown.is_empty() {
            if let Err(line) = alike(shown, &out) {
                panic!("`{command}` does not say `{line}`, but:\n{out}");
            }
        }
        let made = sandbox.calls();
        for call in &made {
            understood(call);
        }
        calls += made.len();
        let named = command.split_whitespace().filter(|w| *w == "cleanbill").count();
        assert!(made.len() >= usize::from(named > 0), "`{command}` does not call cleanbill");
        assert!(!only_read || made.len() >= named, "`{command}` calls cleanbill {} times, not {named}", made.len());
    }
    if only_read { (0, calls) } else { (calls, 0) }
}

/// Each command of a block, and what is shown below it.
fn typed(block: &Block) -> Vec<(String, Vec<String>)> {
    if !block.console {
        return vec![(block.text.clone(), Vec::new())];
    }
    let mut typed: Vec<(String, Vec<String>)> = Vec::new();
    for line in block.text.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            typed.push((command.to_owned(), Vec::new()));
        } else {
            let (command, shown) = typed.last_mut().expect("a line of output before a command");
            match line.strip_prefix("> ") {
                Some(more) if shown.is_empty() => *command += &format!("\n{more}"),
                _ => shown.push(line.trim_end().to_owned()),
            }
        }
    }
    typed
}

/// The command line is one that the program takes.
fn understood(call: &[String]) {
    let words = std::iter::once("cleanbill").chain(call.iter().map(String::as_str));
    if let Err(error) = cleanbill::cli::command().try_get_matches_from(words) {
        use clap::error::ErrorKind;
        let fine = [ErrorKind::DisplayHelp, ErrorKind::DisplayVersion];
        assert!(fine.contains(&error.kind()), "{call:?}: {error}");
    }
}

/// Whether what is shown is what was said; the first line that is not.
fn alike(shown: &[String], said: &str) -> Result<(), String> {
    let mut said = said.lines().map(str::trim_end);
    let mut skips = false;
    for line in shown {
        if line.trim() == ANYTHING {
            skips = true;
            continue;
        }
        let found = if skips { said.any(|s| fits(line, s)) } else { said.next().is_some_and(|s| fits(line, s)) };
        if !found {
            return Err(line.clone());
        }
        skips = false;
    }
    match said.find(|line| !line.is_empty()) {
        Some(more) if !skips => Err(format!("the end, before: {more}")),
        _ => Ok(()),
    }
}

fn fits(shown: &str, said: &str) -> bool {
    let mut parts = shown.split(ANYTHING);
    let Some(mut rest) = said.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else { return rest.is_empty() };
    for part in between {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

#[test]
fn what_is_shown_is_compared_and_an_ellipsis_is_anything() {
    let shown = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let said = "Grade  D   Risk 52 of 100\n\nDO THESE FIRST\n 1  a\n 2  b\nthe end\n";
    for right in [said, "Grade  …\n…\nthe end", "Grade  D   Risk … of 100\n\nDO THESE FIRST\n…", "…\n 2  b\n…"] {
        assert_eq!(alike(&shown(right), said), Ok(()), "{right}");
    }
    for wrong in ["Grade  C\n…", "Grade  …", "…\n 3  …\n…", "Grade …\nDO THESE FIRST\n…", "…\n 2  b"] {
        assert!(alike(&shown(wrong), said).is_err(), "{wrong}");
    }
}

/// Code in a sentence that begins with `cleanbill` is a command line, too.
#[test]
fn commands_in_sentences_are_understood() {
    let sandbox = Sandbox::empty();
    let mut tried = BTreeSet::new();
    let mut wrong = Vec::new();
    for Chapter { name, spans, .. } in chapters::all() {
        for (line, span) in spans {
            let words = span.strip_prefix("sudo ").unwrap_or(&span);
            // `cleanbill` alone is the name of the program.
            if !words.starts_with("cleanbill ") || words.contains(ANYTHING) || !tried.insert(span.clone()) {
                continue;
            }
            // A group of options to choose from is no command line: `cleanbill fix --root DIR [--yes]`.
            assert!(!words.contains('['), "docs/{name}:{line}: `{span}`");
            let tried = std::panic::catch_unwind(AssertUnwindSafe(|| {
                assert_eq!(sandbox.sh(&span, true).code, 0);
                let calls = sandbox.calls();
                assert!(!calls.is_empty());
                calls.iter().for_each(|call| understood(call));
            }));
            wrong.extend(tried.is_err().then(|| format!("docs/{name}:{line}: `{span}`")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tried.len() > 100, "only {}", tried.len());
}

/// The examples that each `--help` ends with, too.
#[test]
fn the_examples_of_the_help_are_understood() {
    let sandbox = Sandbox::empty();
    let mut root = cleanbill::cli::command();
    root.build();
    let (mut commands, mut tried) = (vec![&root], 0);
    while let Some(command) = commands.pop() {
        commands.extend(command.get_subcommands());
        let help = command.get_after_long_help().or(command.get_after_help()).map(ToString::to_string).unwrap_or_default();
        for line in help.lines().map(str::trim).filter(|l| l.starts_with("cleanbill ") || l.starts_with("sudo cleanbill")) {
            // What it does stands after some blanks.
            let example = line.split("  ").next().unwrap();
            let said = sandbox.sh(&sandbox_safe(example), true);
            assert_eq!(said.code, 0, "{line}: {}", said.out);
            sandbox.calls().iter().for_each(|call| understood(call));
            tried += 1;
        }
    }
    assert!(tried > 60, "only {tried}");
}

/// Without where it would be written to.
fn sandbox_safe(example: &str) -> String {
    example.split(" > ").next().unwrap().to_owned()
}

#[test]
#[ignore = "leaves the made machine where CLEANBILL_BOOK_SANDBOX says, to try commands on: PATH=DIR/bin"]
fn a_sandbox_is_left() {
    Sandbox::left_at(&std::path::PathBuf::from(std::env::var_os("CLEANBILL_BOOK_SANDBOX").unwrap()));
}
