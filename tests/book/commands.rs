//! Every command of the book is run on a made machine, and what it shows is what the program says. What needs a real
//! machine is at least understood by the program.

use std::collections::BTreeSet;

use clap::error::ErrorKind;

use crate::{
    chapters::{self, Block},
    sandbox::Sandbox,
};

/// Stands in what is shown for anything: alone for lines, else within one.
const ANYTHING: &str = "…";

/// `CLEANBILL_BOOK_ONLY=fixes` tries only the chapters with that in their name.
#[test]
fn every_command_of_the_book_does_what_it_says() {
    let sandbox = Sandbox::new();
    let only = std::env::var("CLEANBILL_BOOK_ONLY").unwrap_or_default();
    let (mut blocks, mut ran, mut read, mut wrong) = (0, 0, 0, Vec::new());
    for chapter in chapters::all().into_iter().filter(|c| c.name.contains(&only) && !c.blocks.is_empty()) {
        sandbox.anew();
        for block in &chapter.blocks {
            blocks += 1;
            match tried(&sandbox, block) {
                Ok(calls) if block.host.is_some() => read += calls,
                Ok(calls) => ran += calls,
                Err(what) => wrong.push(format!("docs/{}:{}: {what}", chapter.name, block.line)),
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {blocks} blocks:\n\n{}", wrong.len(), wrong.join("\n\n"));
    // A book that was read wrongly has nothing to try.
    assert!(!only.is_empty() || (blocks > 70 && ran > 100 && read > 15), "{blocks} blocks, {ran} run, {read} read");
}

/// How many calls of the program a block makes.
fn tried(sandbox: &Sandbox, block: &Block) -> Result<usize, String> {
    let only_read = block.host.is_some();
    let typed = typed(block)?;
    let mut calls = 0;
    for (command, shown) in &typed {
        if let Some(place) = sandbox.real(command).filter(|_| !only_read) {
            return Err(format!("{place} is a place of the real machine"));
        }
        let said = sandbox.sh(command, only_read);
        let (out, made) = (sandbox.there(&said.out), sandbox.calls());
        let expected = if only_read { 0 } else { block.exit };
        // One command, or the last of several.
        if said.code != expected {
            return Err(format!("`{command}` ended with {}, not {expected}:\n{out}", said.code));
        }
        if !only_read && !block.elsewhere && !shown.is_empty() {
            alike(shown, &out).map_err(|line| format!("`{command}` does not say `{line}`, but:\n{out}"))?;
        }
        made.iter().try_for_each(|call| understood(call, false))?;
        let named = command.lines().filter(|l| !l.starts_with('#')).flat_map(str::split_whitespace);
        let named = named.filter(|w| *w == "cleanbill").count();
        if made.len() != named {
            return Err(format!("`{command}` names cleanbill {named} times and calls it {} times", made.len()));
        }
        calls += made.len();
    }
    Ok(calls)
}

/// Each command of a block, and what is shown below it.
fn typed(block: &Block) -> Result<Vec<(String, Vec<String>)>, String> {
    if !block.console {
        return Ok(vec![(block.text.clone(), Vec::new())]);
    }
    let mut typed: Vec<(String, Vec<String>)> = Vec::new();
    for line in block.text.lines() {
        if let (Some(command), false) = (line.strip_prefix("$ "), line.starts_with("$ /")) {
            typed.push((command.to_owned(), Vec::new()));
            continue;
        }
        let (command, shown) = typed.last_mut().ok_or("a line of output before a command")?;
        match line.strip_prefix("> ") {
            Some(more) if shown.is_empty() => *command += &format!("\n{more}"),
            _ => shown.push(line.trim_end().to_owned()),
        }
    }
    if typed.is_empty() { Err("a block without a command".to_owned()) } else { Ok(typed) }
}

/// The command line is one that the program takes.
fn understood(call: &[String], in_sentence: bool) -> Result<(), String> {
    let program = cleanbill::cli::command();
    let words = std::iter::once("cleanbill").chain(call.iter().map(String::as_str));
    match program.try_get_matches_from(words) {
        Err(e) if !matches!(e.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            // A sentence may name a command without all that it needs.
            let names = in_sentence && e.kind() == ErrorKind::MissingRequiredArgument;
            if names { Ok(()) } else { Err(format!("{call:?}: {e}")) }
        }
        _ => Ok(()),
    }
}

/// Whether what is shown is what was said; else the first line that is not.
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
    for right in [said, "Grade  …\n…\nthe end", "Grade  D   Risk … of 100\n\nDO THESE FIRST\n…", "…\n 2  b\n…"]
    {
        assert_eq!(alike(&shown(right), said), Ok(()), "{right}");
    }
    for wrong in ["Grade  C\n…", "Grade  …", "…\n 3  …\n…", "Grade …\nDO THESE FIRST\n…", "…\n 2  b"] {
        assert!(alike(&shown(wrong), said).is_err(), "{wrong}");
    }
}

/// What each of these blocks is tried for is found, so that no chapter passes by being read wrongly.
#[test]
fn a_wrong_command_of_a_chapter_is_found() {
    let sandbox = Sandbox::empty();
    for (text, what) in [
        ("```sh,host=network\ncleanbill audti\n```\n", "unrecognized subcommand 'audti'"),
        ("```sh,host=network\nsudo cleanbill audit --rot /x\n```\n", "unexpected argument '--rot'"),
        ("```console,host=network\n$ frobnicate\n```\n", "ended with 127"),
        ("```console\n$ cleanbill --version\ncleanbill 99.0\n```\n", "does not say `cleanbill 99.0`"),
        ("```console\n$ cleanbill checks list nothing\n```\n", "ended with 2, not 0"),
        ("```console,exit=1\n$ cleanbill --version\n```\n", "ended with 0, not 1"),
        ("```sh\ntrue || cleanbill --version\n```\n", "names cleanbill 1 times and calls it 0 times"),
        ("```sh\ncleanbill --version > /dev/full\n```\n", "/dev/full is a place of the real machine"),
        ("```console\ncleanbill --version\n```\n", "a line of output before a command"),
    ] {
        let chapter = chapters::parse("made.md", text);
        let said = tried(&sandbox, &chapter.blocks[0]).unwrap_err();
        assert!(said.contains(what), "{text}: {said}");
    }
}

/// Code in a sentence that begins with `cleanbill` is a command line, or names a command.
#[test]
fn commands_in_sentences_are_understood() {
    let sandbox = Sandbox::empty();
    let (mut seen, mut wrong) = (BTreeSet::new(), Vec::new());
    for chapter in chapters::all() {
        for (line, span) in chapter.spans {
            let words = span.strip_prefix("sudo ").unwrap_or(&span);
            if !words.starts_with("cleanbill ") || words.contains(ANYTHING) || !seen.insert(span.clone()) {
                continue;
            }
            let named = words
                .split(' ')
                .skip(1)
                .try_fold(cleanbill::cli::command(), |command, word| command.find_subcommand(word).cloned());
            if named.is_some() {
                continue;
            }
            let said = sandbox.sh(&span, true);
            let calls = sandbox.calls();
            let fine = said.code == 0 && !calls.is_empty();
            let tried = if fine { calls.iter().try_for_each(|call| understood(call, true)) } else { Err(said.out) };
            wrong.extend(tried.err().map(|why| format!("docs/{}:{line}: `{span}`: {why}", chapter.name)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen.len() > 80, "only {}", seen.len());
}

/// The examples that each `--help` ends with, too.
#[test]
fn the_examples_of_the_help_are_understood() {
    let sandbox = Sandbox::empty();
    let mut root = cleanbill::cli::command();
    root.build();
    let (mut commands, mut tried, mut wrong) = (vec![&root], 0, Vec::new());
    while let Some(command) = commands.pop() {
        commands.extend(command.get_subcommands());
        let help = command.get_after_long_help().or(command.get_after_help());
        // A line may go on in the next.
        let help = help.map(ToString::to_string).unwrap_or_default().replace("\\\n       ", "");
        for line in help.lines().map(str::trim) {
            if !line.starts_with("cleanbill ") && !line.starts_with("sudo cleanbill") {
                continue;
            }
            // What it does stands after some blanks; where it is written to is left out.
            let example = line.split(" > ").next().unwrap();
            let example = example.split("  ").next().unwrap();
            let said = sandbox.sh(example, true);
            let calls = sandbox.calls();
            let fine = said.code == 0 && !calls.is_empty();
            let result = if fine { calls.iter().try_for_each(|call| understood(call, false)) } else { Err(said.out) };
            wrong.extend(result.err().map(|why| format!("{line}: {why}")));
            tried += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tried > 60, "only {tried}");
}

#[test]
#[ignore = "leaves the made machine where CLEANBILL_BOOK_SANDBOX says, to try commands on"]
fn a_sandbox_is_left() {
    Sandbox::left_at(&std::path::PathBuf::from(std::env::var_os("CLEANBILL_BOOK_SANDBOX").unwrap()));
}
