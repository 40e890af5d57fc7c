//! A plan as a POSIX shell script: readable, idempotent, with a backup and a way back. Every value stands in single
//! quotes, odd ones are spelled in digits, so that no shell or terminal obeys anything from the machine.

use std::fmt::Write as _;

use base64ct::{Base64, Encoding as _};

use super::{
    super::{
        change::{Change, FileChange, Run},
        plan::Plan,
        tree::{Content, State},
        validate,
    },
    Exported, Head, Later, Written, digest, each, is_plain, is_secret, late, lists_go, moment, odd_attributes,
    parts::{Part, parts},
    resolved,
    shadow::{self, Field, Kind},
    told,
};
use crate::{
    fixes::PlannedFix,
    words::{harmless, shell},
};

/// What the steps are made of.
const LIBRARY: &str = include_str!("script.sh");
/// Columns of lines that hold what is no text.
const COLUMNS: usize = 76;

/// Writes a plan as a script.
pub fn script(plan: &Plan, head: &Head<'_>) -> Exported {
    let mut writer = Writer { head: *head, step: 0, odd: 0 };
    let (done, left) = each(plan, |fix, later| writer.fix(fix, later).map(|body| body.into_iter().collect()));
    let mut fixes = String::new();
    for (n, Written { fix, steps }) in (1..).zip(&done) {
        let _ = writeln!(fixes, "\n# {n}. {}", harmless(&fix.title));
        for line in told(fix) {
            let _ = writeln!(fixes, "#    {line}");
        }
        for body in steps {
            let _ = write!(fixes, "{}fix_{n}() {{\n{}}}\n", body.before, body.steps);
        }
    }
    let runs = late(done.iter().map(|w| w.fix));
    fixes.push_str(&writer.order(&done, &runs));
    let plan: String = digest(fixes.as_bytes()).chars().take(16).collect();
    let mut text = opening(head, &done, &left);
    let _ = writeln!(text, "set -u\nPLAN={plan}");
    if head.live {
        text.push_str("ROOT=\n");
    } else {
        let root = writer.word(&head.tree.root().to_string_lossy(), &mut text);
        let _ = writeln!(text, "[ -n \"${{ROOT-}}\" ] || ROOT={root}");
    }
    text.push_str("BACKUPS=${BACKUPS:-/var/backups/cleanbill}\n\n# ---- The fixes. ----\n");
    text.push_str(&fixes);
    text.push_str("\n# ---- How a step is done. ----\n\n");
    text.push_str(LIBRARY);
    text.push_str("\nstart \"$@\"\n");
    Exported { text, fixes: done.len(), left }
}

/// The head for people.
fn opening(head: &Head<'_>, done: &[Written<'_, Body>], left: &[(String, String)]) -> String {
    let what = if head.live { "the machine" } else { "the image of" };
    let sudo = if head.live { "sudo " } else { "" };
    let mut text = format!(
        "#!/bin/sh
# Fixes for {what} {}, planned by cleanbill {} on {}.
#
#   {sudo}sh FILE         does them; what stands already is left alone
#   {sudo}sh FILE undo    takes the newest start of it back
#
# A file is changed only while it is as it was when this was planned. What it was is kept in
# /var/backups/cleanbill/ (or $BACKUPS), with owner, rights and times. Exit codes: 0 all of it stands,
# 1 something was left alone (it says what and why), 2 it could not start.
",
        harmless(head.machine),
        env!("CARGO_PKG_VERSION"),
        moment(head),
    );
    if !head.live {
        text.push_str("# Another folder with the same image: ROOT=DIR sh FILE\n");
    }
    text.push_str("#\n# In it:\n");
    for (n, Written { fix, .. }) in (1..).zip(done) {
        let _ = writeln!(text, "#   {n}. {}", harmless(&fix.title));
    }
    if done.is_empty() {
        text.push_str("#   nothing\n");
    }
    if !left.is_empty() {
        text.push_str("# Not in it; use cleanbill itself, or do it by hand (cleanbill show ID):\n");
    }
    for (check, why) in left {
        let _ = writeln!(text, "#   {check}: {why}");
    }
    // What stands in single quotes is meant as it is, and steps are called by number.
    text.push_str("\n# shellcheck disable=SC2016,SC2317,SC2329\n");
    text
}

fn line(command: &[String]) -> String {
    command.iter().map(|a| shell(a)).collect::<Vec<_>>().join(" ")
}

/// A fix as shell.
#[derive(Debug, Default)]
struct Body {
    /// What its steps use: odd names, contents, tests.
    before: String,
    /// Its steps.
    steps: String,
    /// What takes its programs back, by step.
    undo: Vec<(String, Vec<String>)>,
}

struct Writer<'a> {
    head: Head<'a>,
    step: usize,
    odd: usize,
}

impl Writer<'_> {
    /// A word that the shell reads back as it is. One that would deceive whoever reads the script is spelled in digits.
    fn word(&mut self, word: &str, before: &mut String) -> String {
        if harmless(word) == word {
            return shell(word);
        }
        self.odd += 1;
        let n = self.odd;
        let mut spelled = String::new();
        for byte in word.bytes() {
            match byte {
                b if b.is_ascii_alphanumeric() || b"/_-.=:, ".contains(&b) => spelled.push(char::from(b)),
                b => {
                    let _ = write!(spelled, "\\{b:03o}");
                }
            }
        }
        // The dot keeps line breaks at the end.
        let _ = writeln!(before, "odd_{n}=$(printf '{spelled}.')\nodd_{n}=${{odd_{n}%.}}");
        format!("\"$odd_{n}\"")
    }

    /// What calls the fixes one by one, the late programs, and what takes programs back.
    fn order(&mut self, done: &[Written<'_, Body>], runs: &[&Run]) -> String {
        let mut text = String::from("\n");
        let commands: Vec<String> = runs.iter().map(|r| self.words(&r.command, &mut text)).collect();
        text.push_str("fixes() {\n");
        for (n, Written { fix, .. }) in (1..).zip(done) {
            let _ = write!(text, "\tbegin {n} {}\n\tfix_{n}\n\tend $?\n", shell(&harmless(&fix.title)));
        }
        for (n, run) in (1..).zip(runs) {
            let _ = writeln!(text, "\tlate {n} {}", shell(&harmless(&run.what)));
        }
        if done.is_empty() {
            text.push_str("\t:\n");
        }
        text.push_str("}\n# What each fix wants run when all files stand.\nlate_of() {\n\tcase $1 in\n");
        for (n, Written { fix, .. }) in (1..).zip(done) {
            let wanted = |run: &Run| fix.changes.iter().any(|c| matches!(c, Change::Run(r) if r == run));
            let numbers: Vec<String> =
                (1..).zip(runs).filter(|(_, r)| wanted(r)).map(|(n, _): (i32, _)| n.to_string()).collect();
            if !numbers.is_empty() {
                let _ = writeln!(text, "\t{n}) echo {} ;;", shell(&numbers.join(" ")));
            }
        }
        text.push_str("\t*) ;;\n\tesac\n}\nlate_run() {\n\tcase $1 in\n");
        for (n, (run, command)) in (1..).zip(runs.iter().zip(&commands)) {
            let _ = writeln!(text, "\t{n}) run {} {command} ;;", run.seconds);
        }
        text.push_str("\t*) ;;\n\tesac\n}\nundo_program() {\n\tbad=0\n\tcase $1 in\n");
        for (step, commands) in done.iter().flat_map(|w| &w.steps).flat_map(|b| &b.undo) {
            let _ = writeln!(text, "\t{step})");
            for command in commands {
                let _ = writeln!(text, "\t\trun {command} || bad=1");
            }
            text.push_str("\t\t;;\n");
        }
        text.push_str("\t*) ;;\n\tesac\n\treturn \"$bad\"\n}\n");
        text
    }

    fn words(&mut self, words: &[String], before: &mut String) -> String {
        words.iter().map(|w| self.word(w, before)).collect::<Vec<_>>().join(" ")
    }

    fn number(&mut self) -> String {
        self.step += 1;
        format!("{:04}", self.step)
    }

    fn fix(&mut self, fix: &PlannedFix, later: &Later<'_>) -> Result<Option<Body>, String> {
        let mut body = Body::default();
        let mut asked: Vec<Vec<String>> = Vec::new();
        for change in &fix.changes {
            match change {
                Change::File(file) => {
                    self.file(file, later, &mut body)?;
                    asked.extend(validate::of_whole(&file.path).into_iter().filter(|_| self.head.live));
                }
                Change::Run(run) if !run.when.is_late() => {
                    ask(&mut body, &mut asked);
                    self.run(run, &mut body);
                }
                Change::Run(_) => {}
            }
        }
        ask(&mut body, &mut asked);
        if body.steps.is_empty() && !late(std::iter::once(fix)).is_empty() {
            let step = self.number();
            let _ = writeln!(body.steps, "\tknown {step} || mark {step} || return 1");
        }
        Ok(Some(body).filter(|b| !b.steps.is_empty()))
    }

    fn file(&mut self, change: &FileChange, later: &Later<'_>, body: &mut Body) -> Result<(), String> {
        let path = &change.path;
        if self.head.live
            && path == shadow::SHADOW
            && let Some(fields) = shadow::fields(change)
        {
            return self.accounts(&fields, later, body);
        }
        let step = self.number();
        let place = self.word(&resolved(self.head.tree, path), &mut body.before);
        let before = shell(&state(change.before.as_ref()));
        let mut wanted = vec![state(change.after.as_ref())];
        for change in later.of(path) {
            let next = state(change.after.as_ref());
            if !wanted.contains(&next) {
                wanted.push(next);
            }
        }
        let wanted = shell(&wanted.join(" "));
        let rights = |state: &State| format!("{}:{} {:o}", state.uid, state.gid, state.mode & 0o7777);
        match (&change.before, &change.after) {
            (Some(old), Some(new)) if old.content == new.content => {
                // The last argument.
                let lists = if lists_go(path, old, new)? { " none" } else { "" };
                let set = rights(new);
                let _ = writeln!(body.steps, "\tset_rights {step} {place} {set} {before} {wanted}{lists} || return 1");
            }
            (old, Some(new @ State { content: Content::File(bytes), .. })) => {
                if old.iter().chain([new]).any(odd_attributes) {
                    return Err(format!("{path} has access rules or attributes that a script cannot keep."));
                }
                let (producer, text) = self.content(change, bytes, &step, body)?;
                let try_it = self.test(path, &step, body);
                let set = rights(new);
                let _ = writeln!(
                    body.steps,
                    "\tput {step} {place} {set} \\\n\t\t{before} \\\n\t\t{wanted} \\\n\t\t{try_it} {producer} || return 1{text}"
                );
            }
            (_, Some(State { content: Content::Link(target), .. })) => {
                let target = std::str::from_utf8(target).map_err(|_| format!("{path} would lead to an odd name."))?;
                let target = self.word(target, &mut body.before);
                let _ = writeln!(body.steps, "\tlink {step} {place} {target} {before} {wanted} || return 1");
            }
            (None, Some(new @ State { content: Content::Directory, .. })) => {
                let set = rights(new);
                let _ = writeln!(body.steps, "\tfolder {step} {place} {set} {before} {wanted} || return 1");
            }
            (Some(State { content: Content::File(_) | Content::Link(_), .. }), None) => {
                let _ = writeln!(body.steps, "\taway {step} {place} {before} {wanted} || return 1");
            }
            _ => return Err(format!("{path} is something that a script does not change.")),
        }
        Ok(())
    }

    /// What prints the new content, and the document that it reads.
    fn content(
        &mut self,
        change: &FileChange,
        bytes: &[u8],
        step: &str,
        body: &mut Body,
    ) -> Result<(String, String), String> {
        if is_secret(change) {
            let Some(State { content: Content::File(old), .. }) = &change.before else {
                return Err(format!("{} is no file that a script may write.", change.path));
            };
            let pieces =
                parts(old, bytes).filter(|_| !super::PASSWORDS.contains(&change.path.as_str()) || !self.head.live);
            let pieces = pieces.ok_or_else(|| {
                format!("What {} holds is not for everybody, so it is not written into a script.", change.path)
            })?;
            let _ = write!(
                body.before,
                "# Not everybody may read this file, so only what is new is told here.\nnew_{step}() {{\n"
            );
            for piece in pieces {
                match piece {
                    Part::Old(from, length) => {
                        let _ = writeln!(body.before, "\tfrom {from} {length}");
                    }
                    Part::New(new) => match std::str::from_utf8(&new) {
                        Ok(text) if is_plain(&format!("{}\n", text.replace('\n', " "))) => {
                            let _ = writeln!(body.before, "\tprintf %s {}", shell(text));
                        }
                        _ => {
                            let _ = writeln!(body.before, "\techo {} | base64 -d", shell(&Base64::encode_string(&new)));
                        }
                    },
                }
            }
            body.before.push_str("}\n");
            return Ok((format!("new_{step}"), String::new()));
        }
        let (producer, text) = match std::str::from_utf8(bytes) {
            Ok(text) if is_plain(text) => ("cat", text.to_owned()),
            _ if bytes.is_empty() => ("cat", String::new()),
            _ => {
                let coded = Base64::encode_string(bytes);
                let lines: Vec<String> =
                    coded.as_bytes().chunks(COLUMNS).map(|l| String::from_utf8_lossy(l).into_owned() + "\n").collect();
                ("base64 -d", lines.concat())
            }
        };
        let mut end = "END".to_owned();
        while text.lines().any(|l| l.trim().starts_with(&end)) {
            end.push('_');
        }
        Ok((format!("{producer} <<'{end}'"), format!("\n{text}{end}")))
    }

    /// What asks the program that owns a file about its new content.
    fn test(&mut self, path: &str, step: &str, body: &mut Body) -> String {
        let command = validate::of_copy(path).into_iter().next().filter(|_| self.head.live);
        let Some(command) = command else { return "no_test".to_owned() };
        let words: Vec<String> =
            command.iter().map(|a| if a == "{}" { "\"$1\"".to_owned() } else { shell(a) }).collect();
        let _ = writeln!(body.before, "test_{step}() {{ ask {}; }}", words.join(" "));
        format!("test_{step}")
    }

    fn accounts(&mut self, fields: &[Field], later: &Later<'_>, body: &mut Body) -> Result<(), String> {
        let none = |value: &str| if value.is_empty() { "none".to_owned() } else { value.to_owned() };
        let days = |value: &str| if value.is_empty() { "-1".to_owned() } else { value.to_owned() };
        for field in fields {
            if harmless(&field.name) != field.name {
                return Err(format!("The account {} has an odd name.", field.name));
            }
            let step = self.number();
            let name = shell(&field.name);
            let mut wanted = vec![none(&field.after)];
            for other in later.of(shadow::SHADOW).filter_map(shadow::fields).flatten() {
                if other.name == field.name && other.kind == field.kind {
                    wanted.push(none(&other.after));
                }
            }
            let command = |to: &str| -> Vec<String> {
                match (field.kind, to) {
                    (Kind::Password, "locked") => vec!["usermod".into(), "-L".into()],
                    (Kind::Password, _) if field.bare.is_some() => vec!["usermod".into(), "-p".into(), String::new()],
                    (Kind::Password, _) => vec!["usermod".into(), "-U".into()],
                    (kind, value) => vec!["chage".into(), kind.letter().into(), days(value)],
                }
            };
            let _ = writeln!(
                body.steps,
                "\taccount_step {step} {name} {} {} {} {} -- {name} || return 1",
                field.kind.number(),
                shell(&none(&field.before)),
                shell(&wanted.join(" ")),
                line(&command(&field.after)),
            );
            let mut back = vec![command(&field.before)];
            back.extend(field.bare.iter().map(|day| vec!["chage".to_owned(), "-d".to_owned(), days(day)]));
            body.undo.push((step, back.iter().map(|c| format!("60 {} -- {name}", line(c))).collect()));
        }
        Ok(())
    }

    fn run(&mut self, run: &Run, body: &mut Body) {
        let step = self.number();
        let words = self.words(&run.command, &mut body.before);
        let what = shell(&harmless(&run.what));
        let done = done(&run.command).unwrap_or_else(|| format!("known {step}"));
        let _ = writeln!(
            body.steps,
            "\t{done} ||\n\t\tprogram {step} {} {what} \\\n\t\t\t{} || return 1",
            run.seconds, words
        );
        if !run.undo.is_empty() {
            let back = |c: &Vec<String>| format!("{} {}", run.seconds, self.words(c, &mut body.before));
            body.undo.push((step, run.undo.iter().map(back).collect()));
        }
    }
}

/// Asks the programs that own what was written so far.
fn ask(body: &mut Body, commands: &mut Vec<Vec<String>>) {
    let mut asked: Vec<Vec<String>> = Vec::new();
    for command in commands.drain(..) {
        if !asked.contains(&command) {
            let _ = writeln!(body.steps, "\tunchanged || ask {} || return 1", line(&command));
            asked.push(command);
        }
    }
}

/// What says whether a program has nothing left to do.
fn done(command: &[String]) -> Option<String> {
    let (program, rest) = command.split_first()?;
    let name = program.rsplit('/').next()?;
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    match (name, rest.as_slice()) {
        ("sysctl", ["-q", "-w", set]) => {
            let (key, value) = set.split_once('=')?;
            Some(format!("is_kernel_setting {} {}", shell(key), shell(value)))
        }
        ("systemctl", ["enable", "--now", unit]) => Some(format!("is_on {}", shell(unit))),
        ("systemctl", ["disable", "--now", unit]) => Some(format!("is_off {}", shell(unit))),
        ("systemctl", ["mask", "--now", unit]) => Some(format!("is_masked {}", shell(unit))),
        ("modprobe", ["-r", module]) => Some(format!("! is_loaded {}", shell(&module.replace('-', "_")))),
        ("modprobe", [module]) => Some(format!("is_loaded {}", shell(&module.replace('-', "_")))),
        ("apt-get", ["-q", "update"]) => Some("lists_are_new".to_owned()),
        ("apt-get", [..]) => {
            let rest: Vec<String> = rest.iter().map(|a| shell(a)).collect();
            Some(format!("apt_has_nothing_to_do {} -s {}", shell(program), rest.join(" ")))
        }
        _ => None,
    }
}

/// What lies at a place, as the script says it.
fn state(state: Option<&State>) -> String {
    let Some(state) = state else { return "nothing".to_owned() };
    let list = if state.has_list() { "+" } else { "" };
    let rights = format!("{:o}:{}:{}{list}", state.mode & 0o7777, state.uid, state.gid);
    match &state.content {
        Content::File(bytes) => format!("file:{rights}:{}", digest(bytes)),
        Content::Link(target) => format!("link:{}", digest(target)),
        Content::Directory => format!("folder:{rights}"),
        Content::Opaque(..) => format!("rights:{rights}"),
    }
}
