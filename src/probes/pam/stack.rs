//! pam.conf(5) and the files of pam.d, with `@include`, `include` and `substack` put in place.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    facts::Reason,
    host::{Host, Kind},
};

const DEPTH: usize = 16;
/// Lines of one service at most.
const LINES: usize = 2000;

/// A line that asks a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub source: String,
    pub line: i64,
    pub pam_type: String,
    pub control: String,
    pub module: String,
    pub arguments: Vec<String>,
}

impl Entry {
    /// The value of `name=value` among the arguments; the last one counts.
    pub fn argument(&self, name: &str) -> Option<&str> {
        self.arguments.iter().rev().find_map(|a| a.strip_prefix(name)?.strip_prefix('='))
    }

    /// Whether a word stands among the arguments.
    pub fn has(&self, word: &str) -> bool {
        self.arguments.iter().any(|a| a == word)
    }
}

/// The effective stacks by service.
#[derive(Debug, Default)]
pub(super) struct Stacks {
    pub services: BTreeMap<String, Vec<Entry>>,
    pub gaps: Vec<(String, Reason)>,
}

/// A line as written.
enum Line {
    Whole(String),
    Module(Entry),
}

impl Stacks {
    /// Reads every service.
    pub fn read(host: &Host) -> Self {
        let mut stacks = Stacks::default();
        let mut paths: BTreeMap<String, String> = BTreeMap::new();
        for folder in ["/etc/pam.d", "/usr/lib/pam.d", "/usr/share/pam.d"] {
            match host.list(folder) {
                Ok(entries) => {
                    for entry in entries.into_iter().filter(|e| matches!(e.kind, Kind::File | Kind::Link)) {
                        // What package managers and editors leave behind is no service.
                        let left = [".dpkg-", ".ucf-", ".rpmnew", ".rpmsave", ".pam-old", ".bak"];
                        if !entry.name.ends_with('~') && !left.iter().any(|l| entry.name.contains(l)) {
                            paths.entry(entry.name).or_insert(entry.path);
                        }
                    }
                }
                Err(error) if error.is_not_found() => {}
                Err(error) => stacks.gaps.push((folder.to_owned(), error.reason())),
            }
        }
        let mut files: BTreeMap<String, Vec<Line>> = BTreeMap::new();
        for (name, path) in &paths {
            match host.read_text(path) {
                Ok(text) => {
                    files.insert(name.clone(), parse(&text, path));
                }
                Err(error) if error.is_not_found() => {}
                Err(error) => stacks.gaps.push((path.clone(), error.reason())),
            }
        }
        // A file that others include is a part, not a service.
        let parts: BTreeSet<String> = files.values().flatten().filter_map(|l| included(l).map(str::to_owned)).collect();
        for name in files.keys() {
            let mut entries = Vec::new();
            if !open(&files, name, None, &mut vec![name], &mut entries) {
                let path = paths.get(name).cloned().unwrap_or_default();
                stacks.gaps.push((path, Reason::Broken("it includes too many lines".to_owned())));
            }
            if !parts.contains(name) || name.starts_with("su") {
                stacks.services.insert(name.clone(), entries);
            }
        }
        stacks
    }

    /// Entries of one kind in the first of these services that is there; else of `other`, as PAM does.
    pub fn of<'a>(&'a self, services: &[&str], pam_type: &'a str) -> impl Iterator<Item = &'a Entry> {
        let found = services.iter().chain(&["other"]).find_map(|s| self.services.get(*s));
        found.into_iter().flatten().filter(move |e| e.pam_type == pam_type)
    }
}

/// The file that a line takes in.
fn included(line: &Line) -> Option<&str> {
    match line {
        Line::Whole(name) => Some(base(name)),
        Line::Module(e) if matches!(e.control.as_str(), "include" | "substack") => Some(base(&e.module)),
        Line::Module(_) => None,
    }
}

fn base(path: &str) -> &str {
    path.strip_prefix("/etc/pam.d/").unwrap_or(path)
}

/// Follows includes; a file that is open already on the way here ends its branch, as it would never end. Says whether
/// all was taken in.
fn open<'a>(
    files: &'a BTreeMap<String, Vec<Line>>,
    name: &str,
    only: Option<&str>,
    way: &mut Vec<&'a str>,
    out: &mut Vec<Entry>,
) -> bool {
    let mut whole = true;
    for line in files.get(name).into_iter().flatten() {
        if out.len() >= LINES || way.len() > DEPTH {
            return false;
        }
        let (part, only) = match (line, included(line)) {
            (Line::Whole(_), Some(part)) => (part, only),
            (Line::Module(e), Some(part)) if only.is_none_or(|t| t == e.pam_type) => (part, Some(e.pam_type.as_str())),
            (Line::Module(e), None) if only.is_none_or(|t| t == e.pam_type) => {
                out.push(e.clone());
                continue;
            }
            _ => continue,
        };
        if !way.contains(&part) {
            way.push(part);
            whole &= open(files, part, only, way, out);
            way.pop();
        }
    }
    whole
}

fn parse(text: &str, source: &str) -> Vec<Line> {
    let mut out = Vec::new();
    let mut open: Option<(i64, String)> = None;
    for (number, text) in (1_i64..).zip(text.lines()) {
        let (start, mut whole) = open.take().unwrap_or((number, String::new()));
        let kept = text.split('#').next().unwrap_or_default();
        if let (Some(part), false) = (kept.strip_suffix('\\'), text.contains('#')) {
            whole.push_str(part);
            whole.push(' ');
            open = Some((start, whole));
            continue;
        }
        whole.push_str(kept);
        out.extend(line(&whole, source, start));
    }
    out.extend(open.and_then(|(start, whole)| line(&whole, source, start)));
    out
}

fn line(text: &str, source: &str, number: i64) -> Option<Line> {
    let words = words(text);
    let [first, second, rest @ ..] = words.as_slice() else { return None };
    if first == "@include" {
        return Some(Line::Whole(second.clone()));
    }
    let module = rest.first()?;
    Some(Line::Module(Entry {
        source: source.to_owned(),
        line: number,
        pam_type: first.trim_start_matches('-').to_lowercase(),
        // A list in brackets keeps its case, a word does not mind it.
        control: if second.contains('=') { second.clone() } else { second.to_lowercase() },
        // A full path is the same module as its name.
        module: if matches!(second.to_lowercase().as_str(), "include" | "substack") {
            module.clone()
        } else {
            module.rsplit('/').next().unwrap_or(module).to_owned()
        },
        arguments: rest.get(1..).unwrap_or_default().to_vec(),
    }))
}

/// Words separated by white space; brackets hold several together and are taken off.
fn words(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('[') {
            Some(inner) => {
                let end = inner.find(']').unwrap_or(inner.len());
                (inner.get(..end).unwrap_or_default(), inner.get(end + 1..).unwrap_or_default())
            }
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        out.push(word.to_owned());
        rest = after.trim_start();
    }
    out
}
