//! Every fix on a host that has its problem: seen, mended, gone, still working, taken back, seen again.
//!
//! `tests/hosts/fixes/GROUP.sh` knows how to break a host: `list`, `tree`, `break ID`, `answers ID` and `works ID`; see
//! `lib.sh` there. What the area of the network is about is looked at from another machine. All ids of a script are tried
//! on one host, one after the other, and where one goes wrong again on a host of its own; `CLEANBILL_FIXES` names scripts
//! or ids that are tried alone, `CLEANBILL_FIXES_TREE` another tree. What no host can have stands in `without.txt`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use cleanbill::checks::Catalogue;

use super::host::{Host, checked, scripts};

/// What became of an id: the step at which it went wrong, and what was said there.
struct Result {
    id: String,
    wrong: Option<(&'static str, String)>,
}

fn groups() -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(scripts().join("fixes")) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
    found.retain(|p| p.extension().is_some_and(|e| e == "sh") && p.file_stem().is_some_and(|s| s != "lib"));
    found.sort();
    found
}

fn name(script: &Path) -> String {
    script.file_stem().unwrap().to_string_lossy().into_owned()
}

/// The words that a script says on any machine.
fn told(script: &Path, what: &str) -> Vec<String> {
    let output = Command::new("bash").arg(script).arg(what).output().unwrap();
    assert!(output.status.success(), "{}: {}", script.display(), String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).split_whitespace().map(str::to_owned).collect()
}

/// The fixes that no host can have tried, each with its reason.
fn without() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(scripts().join("fixes/without.txt")).unwrap();
    let lines = text.lines().filter(|l| !l.is_empty() && !l.starts_with('#'));
    lines
        .map(|line| {
            let (id, why) = line.split_once(' ').unwrap_or_else(|| panic!("no reason: {line}"));
            (id.to_owned(), why.trim().to_owned())
        })
        .collect()
}

#[test]
fn every_fix_is_tried_on_a_host_or_says_why_not() {
    let catalogue = Catalogue::builtin().unwrap();
    let acts = |check: &&cleanbill::checks::Check| check.fix.as_ref().is_some_and(|f| !f.actions.is_empty());
    let fixes: BTreeSet<String> = catalogue.checks().filter(acts).map(|c| c.id.clone()).collect();
    let mut tried = BTreeSet::new();
    for script in groups() {
        for id in told(&script, "list") {
            let group = catalogue.get(&id).map(|c| c.group.clone());
            // A large area has several scripts: `hardening-logins`.
            let fits = |group: String| format!("{}-", name(&script)).starts_with(&format!("{group}-"));
            assert!(group.is_some_and(fits), "{id} in {}", script.display());
            assert!(tried.insert(id.clone()), "{id} is broken twice");
        }
    }
    let without: BTreeSet<String> = without().into_keys().collect();
    let known: BTreeSet<_> = tried.union(&without).cloned().collect();
    let gap = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).cloned().collect::<Vec<_>>();
    assert_eq!(gap(&fixes, &known), Vec::<String>::new(), "no host has these; see tests/hosts/fixes/lib.sh");
    assert_eq!(gap(&known, &fixes), Vec::<String>::new(), "these have no fix that does something");
    let both: Vec<_> = tried.intersection(&without).collect();
    assert!(both.is_empty(), "tried, and said to be impossible: {both:?}");
}

/// Whether an audit finds it, or what it says instead.
fn found(host: &Host, id: &str) -> std::result::Result<bool, String> {
    told_by(&host.exec(&["cleanbill", "audit", "--only", id, "--no-store", "--format", "json"]), id)
}

fn told_by(out: &str, id: &str) -> std::result::Result<bool, String> {
    let report: serde_json::Value = serde_json::from_str(out).map_err(|e| format!("{e}: {out}"))?;
    let result = report["results"].as_array().into_iter().flatten().find(|r| r["check"] == id);
    let told = result.map_or_else(String::new, |r| r["result"].to_string());
    let problems = report["problems"].as_array().into_iter().flatten();
    let seen = problems.clone().any(|p| p["check"] == id || p["parts"].to_string().contains(&format!("\"{id}\"")));
    if seen || told.contains("problem") {
        return Ok(true);
    }
    if told.contains("ok") || told.contains("not_applicable") {
        Ok(false)
    } else {
        Err(format!("the audit says {told}"))
    }
}

fn one(host: &Host, group: &str, id: &str) -> Option<(&'static str, String)> {
    let script = format!("/root/fixes/{group}.sh");
    let with = |what: &str| host.run(&["/bin/bash", &script, what, id]);
    let seen = |step: &'static str, wanted: bool| match found(host, id) {
        Ok(seen) if seen == wanted => None,
        Ok(_) => Some((step, if wanted { "it is not seen" } else { "it is still seen" }.to_owned())),
        Err(said) => Some((step, said)),
    };
    let (code, said) = with("break");
    if code != 0 {
        return Some(("break", said));
    }
    if let wrong @ Some(_) = seen("see", true) {
        return wrong;
    }
    let (code, answers) = with("answers");
    if code != 0 {
        return Some(("answers", answers));
    }
    let outside = |mended: bool| if group == "network" { from_outside(host, &with, mended) } else { None };
    if let wrong @ Some(_) = outside(false) {
        return wrong;
    }
    let answers: Vec<String> = answers.lines().filter(|l| !l.is_empty()).map(|a| format!("{id}={a}")).collect();
    let before = files(host);
    let mut args = vec!["cleanbill", "fix", id, "--yes", "--window", "0"];
    for answer in &answers {
        args.extend(["--answer", answer]);
    }
    let (code, fixed) = host.run(&args);
    if code != 0 {
        return Some(("fix", fixed));
    }
    if let wrong @ Some(_) = seen("gone", false) {
        return wrong;
    }
    let (code, said) = with("works");
    if code != 0 {
        return Some(("works", if said.is_empty() { "it does not work any more".to_owned() } else { said }));
    }
    if let wrong @ Some(_) = outside(true) {
        return wrong;
    }
    let (code, again) = host.run(&args);
    if code != 0 || !again.contains("Nothing is left to fix") {
        return Some(("again", again));
    }
    let (code, said) = host.run(&["cleanbill", "undo", "--yes"]);
    if code != 0 {
        return Some(("undo", said));
    }
    let (code, stays) = with("stays");
    if code != 0 {
        return Some(("stays", stays));
    }
    if let wrong @ Some(_) = seen("back", stays.is_empty()) {
        return wrong;
    }
    let after = files(host);
    let differ: Vec<_> = before.symmetric_difference(&after).map(String::as_str).collect();
    (!differ.is_empty()).then(|| ("files", differ.join("\n")))
}

/// Other machines always reach SSH; the door that a script opens, if it does, until the host is mended.
fn from_outside(host: &Host, with: &dyn Fn(&str) -> (i32, String), mended: bool) -> Option<(&'static str, String)> {
    let wrong = |said: String| Some((if mended { "outside, mended" } else { "outside, broken" }, said));
    if !host.reached(22) {
        return wrong("SSH is not reached".to_owned());
    }
    let (code, door) = with("door");
    if code != 0 {
        return wrong(door);
    }
    let Ok(port) = door.trim().parse() else {
        return if door.is_empty() { None } else { wrong(door) };
    };
    let reached = host.reached(port);
    // It is shut again before anything is mended: where someone listens, that is let in.
    let (code, said) = with("shut");
    if code != 0 {
        return wrong(said);
    }
    if reached == mended { wrong(format!("door {port} is {}", if reached { "open" } else { "shut" })) } else { None }
}

#[test]
#[ignore = "needs root and throw-away hosts: make hosts"]
fn an_image_gets_a_firewall_and_loses_it_again() {
    const ID: &str = "firewall-off-in-image";
    let host = Host::tree("fix-image", "plus", None);
    let (root, store) = (host.root(), tempfile::tempdir().unwrap());
    let db = store.path().join("history.duckdb");
    let program = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cleanbill"));
        let output = command.args(args).arg("--root").arg(&root).arg("--db").arg(&db).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let seen = || told_by(&program(&["audit", "--only", ID, "--no-store", "--format", "json"]).1, ID);
    let before = files(&host);
    assert_eq!(seen(), Ok(true));
    let (code, said) = program(&["fix", ID, "--yes", "--answer", &format!("{ID}=tcp/80")]);
    assert_eq!((code, seen()), (Some(0), Ok(false)), "{said}");
    let rules = host.exec(&["/bin/cat", "/etc/nftables.conf"]);
    assert!(rules.contains("policy drop") && rules.contains("tcp dport { 22, 80 } accept"), "{rules}");
    assert_eq!(host.exec(&["/bin/systemctl", "is-enabled", "nftables"]).trim(), "enabled");
    let (code, said) = program(&["undo", "--yes"]);
    assert_eq!((code, seen()), (Some(0), Ok(true)), "{said}");
    assert_eq!(files(&host), before);
}

/// Every file where an owner keeps settings or data: content, rights, owner and time, but for the times of what the
/// programs asked by a fix write themselves.
fn files(host: &Host) -> BTreeSet<String> {
    const THEIRS: [&str; 5] = ["etc/ufw/*", "etc/default/ufw", "etc/pam.d/common-*", "etc/adjtime", "boot/grub/*"];
    let kept = THEIRS.map(|path| format!("! -path '{path}'")).join(" ");
    let look = format!(
        "cd /; look() {{ find etc home opt root srv usr/local boot var/spool/cron -xdev -path root/first -prune -o \"$@\"; }}
        look -printf '%p %m %u:%g %l\\n'; look -type f {kept} -printf '%p %T@\\n'; look -type f -print0 | xargs -0 sha256sum"
    );
    let said = host.exec(&["/bin/sh", "-c", &look]);
    assert!(said.lines().count() > 500, "{said}");
    said.lines().map(str::to_owned).collect()
}

#[test]
#[ignore = "needs root and throw-away hosts: make hosts"]
fn every_fix_mends_what_it_should_and_can_be_taken_back() {
    let only = std::env::var("CLEANBILL_FIXES").unwrap_or_default();
    let only: Vec<&str> = only.split_whitespace().collect();
    let mut results: Vec<Result> = Vec::new();
    for script in groups() {
        let group = name(&script);
        let mut ids = told(&script, "list");
        ids.retain(|id| only.is_empty() || only.contains(&id.as_str()) || only.contains(&group.as_str()));
        if ids.is_empty() {
            continue;
        }
        let tree = std::env::var("CLEANBILL_FIXES_TREE").unwrap_or_else(|_| told(&script, "tree").concat());
        let mut host = Some(up(&group, &tree));
        let mut fresh = true;
        for id in ids {
            let mut wrong = host.as_ref().and_then(|host| one(host, &group, &id));
            if wrong.is_some() && !fresh {
                // What others broke before may be in the way: on a host of its own it must go well.
                drop(host.take());
                host = Some(up(&group, &tree));
                wrong = host.as_ref().and_then(|host| one(host, &group, &id));
            }
            fresh = false;
            if wrong.is_some() {
                // What went wrong must not spoil the next ones.
                drop(host.take());
                host = Some(up(&group, &tree));
                fresh = true;
            }
            let short = wrong.as_ref().map_or("ok".to_owned(), |(step, said)| format!("{step}: {}", last(said)));
            println!("{id:<45} {short}");
            results.push(Result { id, wrong });
        }
    }
    assert!(!results.is_empty(), "nothing was tried: CLEANBILL_FIXES={only:?}");
    let mut table = String::new();
    for result in &results {
        if let Some((step, said)) = &result.wrong {
            let _ = writeln!(table, "{} at `{step}`:\n    {}", result.id, said.trim().replace('\n', "\n    "));
        }
    }
    let bad = results.iter().filter(|r| r.wrong.is_some()).count();
    println!("{} fixes tried, {bad} of them wrong", results.len());
    assert_eq!(bad, 0, "\n{table}");
}

fn up(group: &str, tree: &str) -> Host {
    let host = Host::up(&format!("fix-{}", group.replace('_', "-")), tree, None);
    checked(&["push", &host.name, scripts().join("fixes").to_str().unwrap(), "/root/fixes"]);
    host
}

/// The last line that says something.
fn last(said: &str) -> String {
    said.lines().rev().find(|l| !l.trim().is_empty()).unwrap_or_default().trim().chars().take(90).collect()
}
