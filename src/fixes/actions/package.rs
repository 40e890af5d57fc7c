//! Packages by apt: installed, upgraded, removed. What apt would do is asked first, shown, and what was installed goes
//! again when the fix is taken back.

use serde::{Deserialize, Serialize};

use super::Act;
use crate::fixes::{
    change::Run,
    run,
    view::{Refusal, View},
};

/// Installs, upgrades or removes packages; names are separated by blanks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// Those to install.
    #[serde(default)]
    pub install: String,
    /// Those to bring to their newest version.
    #[serde(default)]
    pub upgrade: String,
    /// Those to remove; their settings stay.
    #[serde(default)]
    pub remove: String,
    /// Whether the lists of packages are fetched first.
    #[serde(default)]
    pub fetch: bool,
    /// Whether their settings go too when they are taken back, also those that were changed: where the fix changes them.
    #[serde(default)]
    pub no_traces: bool,
}

const APT: &str = "/usr/bin/apt-get";
const CACHE: &str = "/usr/bin/apt-cache";
/// Settings that someone changed stay as they are, and nobody is asked.
const QUIET: [&str; 5] = ["-y", "-q", "-o", "Dpkg::Options::=--force-confdef", "-oDpkg::Options::=--force-confold"];
/// Settings that packages write anew for one another.
const WRITTEN: [&str; 1] = ["/etc/pam.d/common-*"];
/// Takes packages away again, their settings too, but for those that someone changed meanwhile. `QUIET` is filled in.
const AWAY: &str = r#"kept= gone=
for p; do
    case "$(dpkg --verify "$p" 2>/dev/null)" in *" c /"*) kept="$kept $p" ;; *) gone="$gone $p" ;; esac
done
for way in "remove $kept" "purge $gone"; do
    set -- $way
    [ $# -eq 1 ] || apt-get QUIET "$@" || exit
done"#;
/// Seconds that apt may take.
const SECONDS: u64 = 3600;

impl Act for Package {
    fn plan(&self, view: &mut View<'_>) -> Result<(), Refusal> {
        if !view.is_live() {
            return Err(Refusal::new("the programs of an image are installed where it is built, by `apt-get`"));
        }
        if !view.host().exists(APT) {
            return Err(Refusal::new("there is no apt-get on this machine"));
        }
        if self.fetch {
            view.run(Run { seconds: 600, ..Run::new("the lists of packages are fetched", &[APT, "-q", "update"]) });
        }
        let groups = [
            (&self.install, &["install", "--no-install-recommends"][..]),
            (&self.upgrade, &["install", "--only-upgrade"][..]),
            (&self.remove, &["remove"][..]),
        ];
        for (names, verb) in groups {
            let names = names.split_whitespace().map(checked).collect::<Result<Vec<_>, _>>()?;
            if !names.is_empty() {
                step(view, verb, &names, self.no_traces)?;
            }
        }
        Ok(())
    }
}

/// A name that apt takes for a package and nothing else.
fn checked(name: &str) -> Result<&str, Refusal> {
    let good = |c: char| c.is_ascii_alphanumeric() || "+-.:".contains(c);
    let first = name.chars().next().is_some_and(|c| c.is_ascii_alphanumeric());
    // A plus or minus at the end would turn the wish round.
    if first && name.chars().all(good) && !name.ends_with(['+', '-']) || name.ends_with("++") {
        return Ok(name);
    }
    Err(Refusal::new(format!("`{name}` is no name of a package")))
}

fn step(view: &mut View<'_>, verb: &[&str], names: &[&str], no_traces: bool) -> Result<(), Refusal> {
    let command = |simulate: bool| -> Vec<String> {
        let simulate = if simulate { &["-s"][..] } else { &[] };
        let parts = [&[APT][..], simulate, &QUIET, verb, &["--"], names];
        parts.iter().flat_map(|p| p.iter().map(|a| (*a).to_owned())).collect()
    };
    let told = run::run(&command(true), 120).map_err(|e| Refusal::new(format!("apt cannot do this: {e}")))?;
    let plan = Simulated::read(&told);
    if plan.is_nothing() {
        return Ok(());
    }
    if let ["remove"] = verb
        && let Some(other) = plan.removed.iter().find(|r| !names.contains(&r.as_str()))
    {
        return Err(Refusal::new(format!("{other} needs what would be removed, so this is left to a person")));
    }
    if verb.first() == Some(&"install") && !plan.removed.is_empty() {
        return Err(Refusal::new(format!(
            "apt would remove {} for it, so this is left to a person",
            crate::words::list(&plan.removed)
        )));
    }
    let mut run = Run { seconds: SECONDS, preview: Some(preview(&told)), ..Run::new(plan.words(), &[]) };
    run.command = command(false);
    run.touches = super::touched(view, &WRITTEN);
    // An update cannot be taken back, so accounts that it makes stay too.
    run.accounts = !plan.fresh.is_empty() && plan.upgraded.is_empty();
    let undo = |verb: &str, names: &[String]| {
        let mut undo: Vec<String> = [APT].iter().chain(&QUIET).map(|a| (*a).to_owned()).collect();
        undo.push(verb.to_owned());
        undo.push("--".to_owned());
        undo.extend(names.iter().cloned());
        undo
    };
    let (old, new) = left_behind(&plan.fresh, |path| view.host().exists(path));
    if !new.is_empty() && no_traces {
        run.undo.push(undo("purge", &new));
    } else if !new.is_empty() {
        let script = AWAY.replace("QUIET", &QUIET.join(" "));
        let mut away = ["/bin/sh", "-c", &script, "sh"].map(str::to_owned).to_vec();
        away.extend(new);
        run.undo.push(away);
    }
    if !old.is_empty() {
        run.undo.push(undo("remove", &old));
    }
    let (known, lost): (Vec<String>, Vec<String>) = plan.removed.iter().cloned().partition(|n| has_source(n));
    if !known.is_empty() {
        run.undo.push(undo("install", &known));
    }
    if !lost.is_empty() {
        run.stays = Some(format!("No source has {} any more, so it stays away.", crate::words::list(&lost)));
    }
    if !plan.upgraded.is_empty() {
        run.stays =
            Some("Updates that were installed stay: an older version would bring the old holes back.".to_owned());
    }
    view.run(run);
    Ok(())
}

/// The lines of `apt-get -s` that say what becomes of a package, in words.
fn preview(told: &str) -> String {
    let line = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let version = |text: &str| text.trim_matches(['[', ']', '(', ')']).to_owned();
        match words.as_slice() {
            ["Inst", name, old, new, ..] if old.starts_with('[') => {
                Some(format!("{name}: {} becomes {}", version(old), version(new)))
            }
            ["Inst", name, new, ..] => Some(format!("{name}: {} is new", version(new))),
            ["Remv", name, ..] => Some(format!("{name}: goes")),
            _ => None,
        }
    };
    told.lines().filter_map(line).collect::<Vec<_>>().join("\n")
}

/// Whether a package could be installed again.
fn has_source(name: &str) -> bool {
    run::run(&[CACHE, "madison", name].map(str::to_owned), 120).is_ok_and(|told| !told.trim().is_empty())
}

/// Those that were here once and left settings behind, which are someone's, and the others.
fn left_behind(fresh: &[String], exists: impl Fn(&str) -> bool) -> (Vec<String>, Vec<String>) {
    fresh.iter().cloned().partition(|name| {
        let plain = name.split(':').next().unwrap_or_default();
        exists(&format!("/var/lib/dpkg/info/{plain}.list"))
    })
}

/// What apt said it would do.
#[derive(Debug, Default, PartialEq, Eq)]
struct Simulated {
    fresh: Vec<String>,
    upgraded: Vec<String>,
    removed: Vec<String>,
}

impl Simulated {
    /// From the lines of `apt-get -s`: `Inst NAME [OLD] (NEW …)`, `Remv NAME [OLD]`.
    fn read(text: &str) -> Self {
        let mut plan = Simulated::default();
        for line in text.lines() {
            let mut words = line.split_whitespace();
            let (verb, name, third) = (words.next(), words.next(), words.next());
            let Some(name) = name.map(str::to_owned) else { continue };
            match verb {
                Some("Inst") if third.is_some_and(|w| w.starts_with('[')) => plan.upgraded.push(name),
                Some("Inst") => plan.fresh.push(name),
                Some("Remv") => plan.removed.push(name),
                _ => {}
            }
        }
        plan
    }

    fn is_nothing(&self) -> bool {
        self.fresh.is_empty() && self.upgraded.is_empty() && self.removed.is_empty()
    }

    fn words(&self) -> String {
        let mut parts = Vec::new();
        for (names, done) in [(&self.fresh, "installed"), (&self.upgraded, "updated"), (&self.removed, "removed")] {
            match names.as_slice() {
                [] => {}
                [one] => parts.push(format!("{one} is {done}")),
                many => parts.push(format!("{} programs are {done}", crate::words::number(many.len()))),
            }
        }
        crate::words::list(&parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_apt_would_do_is_read_from_its_simulation() {
        let told = "Reading package lists...\nInst libfoo (1.2 Debian:12 [amd64])\nInst openssl [3.0.1] (3.0.2 Debian:12 \
                    [amd64]) []\nRemv telnet [0.17]\nConf libfoo (1.2)\n";
        let plan = Simulated::read(told);
        assert_eq!(plan.fresh, ["libfoo"]);
        assert_eq!(plan.upgraded, ["openssl"]);
        assert_eq!(plan.removed, ["telnet"]);
        assert_eq!(preview(told), "libfoo: 1.2 is new\nopenssl: 3.0.1 becomes 3.0.2\ntelnet: goes");
        assert_eq!(plan.words(), "libfoo is installed, openssl is updated and telnet is removed");
    }

    #[test]
    fn settings_that_were_here_before_are_nobodys_to_purge() {
        let fresh = ["a".to_owned(), "b:i386".to_owned(), "c".to_owned()];
        let (old, new) = left_behind(&fresh, |path| path == "/var/lib/dpkg/info/b.list");
        assert_eq!((old, new), (vec!["b:i386".to_owned()], vec!["a".to_owned(), "c".to_owned()]));
    }

    #[test]
    fn what_is_no_name_of_a_package_never_reaches_apt() {
        for name in ["-o=Foo", "foo-", "foo;reboot", "", "/etc/x.deb", "foo=1", "foo+"] {
            assert!(checked(name).is_err(), "{name}");
        }
        assert!(checked("libstdc++6").is_ok() && checked("libc6:amd64").is_ok() && checked("g++").is_ok());
    }
}
