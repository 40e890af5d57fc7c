//! Which version apt prefers: preferences(5), `NotAutomatic` repositories, the default release. It follows apt's
//! own policy code for what people write; what it does not understand it reports.

use globset::GlobBuilder;

use super::{config::Config, lists::Release, parts, updates::Updates};
use crate::{
    facts::{Facts, Gap, Reason},
    host::Host,
    probes::packages::{
        Package,
        control::{self, paragraphs},
    },
};

/// What a pin looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Match {
    Release(Vec<(char, String)>),
    Origin(String),
    Version(String),
}

/// One record of preferences.
#[derive(Debug, Clone)]
struct Pin {
    /// Package patterns; empty for all packages.
    packages: Vec<String>,
    wanted: Match,
    priority: i64,
}

/// All records in apt's order.
#[derive(Debug, Default)]
pub(super) struct Pins(Vec<Pin>);

impl Pins {
    /// Reads preferences and preferences.d.
    pub fn read(host: &Host, config: &Config, facts: &mut Facts) -> Pins {
        let mut pins = Pins::default();
        if let Some(release) = config.get("APT::Default-Release").filter(|r| !r.is_empty()) {
            let wanted = match release.as_bytes().get(1) {
                Some(b'=') => release_terms(release),
                _ => vec![('*', release.to_owned())],
            };
            pins.0.push(Pin { packages: Vec::new(), wanted: Match::Release(wanted), priority: 990 });
        }
        let mut files = Vec::new();
        if host.exists("/etc/apt/preferences") {
            files.push("/etc/apt/preferences".to_owned());
        }
        let ok = |name: &str| !name.contains('.') || name.ends_with(".pref");
        files.extend(parts(host, "/etc/apt/preferences.d", ok));
        for path in files {
            match host.read_text(&path) {
                Ok(text) => {
                    if let Err(what) = pins.parse(&text) {
                        let reason = Reason::Broken(format!("it says `{what}`, which is not understood here"));
                        facts.partial::<Updates>(Gap::new("every update that is waiting", path.as_str(), reason));
                    }
                }
                Err(error) => {
                    facts.partial::<Updates>(Gap::new("every update that is waiting", path.as_str(), error.reason()));
                }
            }
        }
        pins
    }

    /// Adds the records of one file; an error names the first that is not understood.
    fn parse(&mut self, text: &str) -> Result<(), String> {
        let mut strange = None;
        paragraphs(text, |fields| {
            let get = |name: &str| control::value(fields, name);
            let (Some(package), Some(pin), Some(priority)) = (get("Package"), get("Pin"), get("Pin-Priority")) else {
                if get("Package").is_some() {
                    strange.get_or_insert_with(|| format!("Package: {}", get("Package").unwrap_or_default()));
                }
                return;
            };
            let Ok(priority) = priority.trim().parse() else {
                strange.get_or_insert_with(|| format!("Pin-Priority: {priority}"));
                return;
            };
            let (kind, rest) = pin.split_once(char::is_whitespace).unwrap_or((pin, ""));
            let rest = rest.trim();
            let wanted = match kind {
                "release" => Match::Release(release_terms(rest)),
                "origin" => Match::Origin(rest.trim_matches('"').to_owned()),
                "version" => Match::Version(rest.to_owned()),
                _ => {
                    strange.get_or_insert_with(|| format!("Pin: {pin}"));
                    return;
                }
            };
            let odd = |s: &str| s.starts_with('/') && expand(s).is_none();
            let pattern = match &wanted {
                Match::Release(terms) => terms.iter().any(|(_, pattern)| odd(pattern)),
                Match::Origin(pattern) | Match::Version(pattern) => odd(pattern),
            };
            if pattern || package.split_whitespace().any(|p| odd(p.trim_start_matches("src:"))) {
                strange.get_or_insert_with(|| format!("Package: {package}, Pin: {pin}"));
                return;
            }
            let packages: Vec<String> = package.split_whitespace().map(str::to_owned).collect();
            let packages = if packages == ["*"] { Vec::new() } else { packages };
            self.0.push(Pin { packages, wanted, priority });
        });
        strange.map_or(Ok(()), Err)
    }

    /// Priority of a whole list: the first general record that matches, or what the repository asks for.
    pub fn of_list(&self, release: Option<&Release>, host: Option<&str>, component: &str) -> i64 {
        let general = self.0.iter().filter(|p| p.packages.is_empty());
        let found = general.filter(|p| !matches!(p.wanted, Match::Version(_)));
        let found = found.filter(|p| p.wanted.fits(release, host, component, "")).map(|p| p.priority).next();
        found.unwrap_or(match release {
            Some(r) if r.not_automatic && r.but_automatic_upgrades => 100,
            Some(r) if r.not_automatic => 1,
            _ => 500,
        })
    }

    /// Place and priority of the first record that names the package and fits this version of it.
    pub fn of_version(
        &self,
        package: &Package,
        version: &str,
        release: Option<&Release>,
        host: Option<&str>,
        component: &str,
    ) -> Option<(usize, i64)> {
        let special =
            self.0.iter().enumerate().filter(|(_, p)| p.packages.iter().any(|pattern| names(pattern, package)));
        let mut fits = special.filter(|(_, p)| p.wanted.fits(release, host, component, version));
        fits.next().map(|(order, p)| (order, p.priority))
    }

    /// Whether any record names packages.
    pub fn any_special(&self) -> bool {
        self.0.iter().any(|p| !p.packages.is_empty())
    }
}

/// `o=Debian,n=bookworm`, or a lone version or suite.
fn release_terms(text: &str) -> Vec<(char, String)> {
    let clean = |s: &str| s.trim().trim_matches('"').to_owned();
    let terms = text.split(',').filter(|t| !t.trim().is_empty());
    terms
        .map(|term| match term.split_once('=') {
            Some((key, value)) => (key.trim().chars().next().unwrap_or('?'), clean(value)),
            None => ('*', clean(term)),
        })
        .collect()
}

fn names(pattern: &str, package: &Package) -> bool {
    if let Some(source) = pattern.strip_prefix("src:") {
        return glob(source, &package.source_package);
    }
    match pattern.split_once(':') {
        Some((name, arch)) => glob(name, &package.name) && (arch == package.arch || arch == "any" || arch == "native"),
        None => glob(pattern, &package.name),
    }
}

fn glob(pattern: &str, text: &str) -> bool {
    if pattern.starts_with('/') && pattern.ends_with('/') {
        return expand(pattern).is_some_and(|globs| globs.iter().any(|g| glob(g, text)));
    }
    if !pattern.contains(['*', '?', '[']) {
        return pattern == text;
    }
    GlobBuilder::new(pattern).build().is_ok_and(|g| g.compile_matcher().is_match(text))
}

/// A regular expression of the simple kind that Debian's release notes recommend, `/^bookworm(|-security)$/`, as
/// patterns; none for anything more.
fn expand(pattern: &str) -> Option<Vec<String>> {
    let inner = pattern.strip_prefix('/')?.strip_suffix('/')?;
    let (before, inner) = inner.strip_prefix('^').map_or(("*", inner), |rest| ("", rest));
    let (inner, after) = inner.strip_suffix('$').map_or((inner, "*"), |rest| (rest, ""));
    let plain = |s: &str| s.chars().all(|c| c.is_ascii_alphanumeric() || "-_|".contains(c));
    let (start, choices, end) = match inner.split_once('(') {
        Some((start, rest)) => {
            let (choices, end) = rest.split_once(')')?;
            (start, choices, end)
        }
        None => (inner, "", ""),
    };
    let outside = format!("{start}{end}");
    if !plain(&outside) || outside.contains('|') || !plain(choices) {
        return None;
    }
    Some(choices.split('|').map(|choice| format!("{before}{start}{choice}{end}{after}")).collect())
}

impl Match {
    fn fits(&self, release: Option<&Release>, host: Option<&str>, component: &str, version: &str) -> bool {
        match self {
            Match::Version(pattern) => glob(pattern, version),
            Match::Origin(name) => glob(name, host.unwrap_or_default()),
            Match::Release(terms) => !terms.is_empty() && terms.iter().all(|t| term_fits(t, release, component)),
        }
    }
}

fn term_fits((key, pattern): &(char, String), release: Option<&Release>, component: &str) -> bool {
    if *key == '*' && pattern == "*" {
        return true;
    }
    let Some(release) = release else { return false };
    let fits = |value: &Option<String>| value.as_deref().is_some_and(|v| glob(pattern, v));
    match key {
        'o' => fits(&release.origin),
        'l' => fits(&release.label),
        'a' => fits(&release.archive),
        'n' => fits(&release.codename),
        'c' => glob(pattern, component),
        'v' => fits(&release.version),
        '*' => fits(&release.archive) || fits(&release.codename) || fits(&release.version),
        // The architecture: one machine has its own lists only.
        'b' => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(archive: &str, codename: &str) -> Release {
        Release {
            origin: Some("Debian".to_owned()),
            archive: Some(archive.to_owned()),
            codename: Some(codename.to_owned()),
            ..Release::default()
        }
    }

    #[test]
    fn the_first_general_record_counts() {
        let mut pins = Pins::default();
        let text = "Explanation: keep testing out\nPackage: *\nPin: release a=testing\nPin-Priority: -10\n\n\
            Package: *\nPin: release o=Debian\nPin-Priority: 700\n";
        pins.parse(text).unwrap();
        assert_eq!(pins.of_list(Some(&release("testing", "forky")), None, "main"), -10);
        assert_eq!(pins.of_list(Some(&release("stable", "trixie")), None, "main"), 700);
        assert_eq!(pins.of_list(None, None, "main"), 500);
    }

    #[test]
    fn backports_are_not_for_updates_unless_chosen() {
        let pins = Pins::default();
        let backports = Release {
            not_automatic: true,
            but_automatic_upgrades: true,
            ..release("stable-backports", "trixie-backports")
        };
        assert_eq!(pins.of_list(Some(&backports), None, "main"), 100);
        let experimental = Release { not_automatic: true, ..release("experimental", "rc-buggy") };
        assert_eq!(pins.of_list(Some(&experimental), None, "main"), 1);
    }

    #[test]
    fn the_pattern_of_the_release_notes_is_understood() {
        let pattern = "/^bookworm(|-security|-updates)$/";
        for (text, fits) in [("bookworm", true), ("bookworm-security", true), ("bookworm-backports", false)] {
            assert_eq!(glob(pattern, text), fits, "{text}");
        }
        assert!(glob("/kde/", "akdeb"));
        assert_eq!(expand("/a.b/"), None);
    }

    #[test]
    fn what_is_not_understood_is_reported() {
        let mut pins = Pins::default();
        assert!(pins.parse("Package: /^k[dx]e.*/\nPin: release a=x\nPin-Priority: 1\n").is_err());
        assert!(pins.parse("Package: x\nPin: moon full\nPin-Priority: 1\n").is_err());
        assert!(pins.parse("Package: x\nPin: version 1*\nPin-Priority: many\n").is_err());
    }
}
