//! Which problems cannot wait for the next report: pure, from what an audit found and what was told before.
//!
//! Each is told once, and once more when it gets worse or is still there after a week; that it is solved is told too.

use jiff::Timestamp;

use crate::{
    audit::Audit,
    checks::{Finding, Outcome, Verdict},
    config::Alerts,
    store::Alert,
};

/// Why something is told now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It was not there before.
    Found,
    /// It was told, and is worse now.
    Worse,
    /// It was told, and is still there after the time that the settings give.
    StillThere,
}

/// What is to be told now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Told {
    /// Problems, each with the reason why it is told.
    pub news: Vec<(Alert, Why)>,
    /// Problems that are solved.
    pub solved: Vec<Alert>,
    /// Problems that nobody needs to hear of any more: accepted, or no longer so bad.
    pub quiet: Vec<Alert>,
}

impl Told {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.news.is_empty() && self.solved.is_empty() && self.quiet.is_empty()
    }

    /// What the history keeps of it.
    pub fn kept(&self) -> Vec<Alert> {
        let news = self.news.iter().map(|(alert, _)| alert);
        news.chain(&self.solved).chain(&self.quiet).cloned().collect()
    }
}

/// How many times as much of something is worse.
const MUCH_MORE: usize = 2;

/// What is to be told of an audit. `open` are the problems that were told and are not over.
pub fn told(audit: &Audit, open: &[Alert], settings: &Alerts) -> Told {
    let now = audit.started;
    let mut told = Told::default();
    let counted = |outcome: &&Outcome| outcome.counted().is_some_and(|f| f.severity >= settings.min_severity);
    for outcome in audit.outcomes.iter().filter(counted) {
        let Some(finding) = outcome.counted() else { continue };
        match open.iter().find(|a| a.check == outcome.check) {
            None => told.news.push((alert(outcome, finding, now, now), Why::Found)),
            Some(before) => {
                if let Some(why) = again(before, finding, settings, now) {
                    told.news.push((alert(outcome, finding, before.opened, now), why));
                }
            }
        }
    }
    for before in open {
        let closed = || Alert { closed: Some(now), ..before.clone() };
        let Some(outcome) = audit.outcomes.iter().find(|o| o.check == before.check) else { continue };
        match &outcome.verdict {
            Verdict::Ok | Verdict::NotApplicable(_) => told.solved.push(closed()),
            Verdict::Problem(_) if outcome.waived => told.quiet.push(closed()),
            Verdict::Problem(finding) if finding.severity < settings.min_severity => told.quiet.push(closed()),
            // What could not be looked at is not solved; what stands under another problem is there.
            Verdict::Problem(_) | Verdict::Unknown(_) => {}
        }
    }
    told
}

fn alert(outcome: &Outcome, finding: &Finding, opened: Timestamp, told: Timestamp) -> Alert {
    Alert {
        check: outcome.check.clone(),
        title: finding.title.clone(),
        severity: finding.severity,
        count: finding.count,
        opened,
        told,
        closed: None,
    }
}

/// Why a problem that was told is told again, if it is.
fn again(before: &Alert, finding: &Finding, settings: &Alerts, now: Timestamp) -> Option<Why> {
    let more = finding.count >= before.count.saturating_mul(MUCH_MORE) && finding.count > before.count;
    if finding.severity > before.severity || more {
        return Some(Why::Worse);
    }
    // A clock that went back must not silence it for long.
    let since = now.duration_since(before.told);
    (since >= settings.again_after.signed() || -since >= settings.again_after.signed()).then_some(Why::StillThere)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{audit::MachineInfo, checks::Severity, config::Length};

    const CHECK: &str = "ssh-root-login";

    fn audit(at: &str, verdict: Verdict) -> Audit {
        let outcome = Outcome { check: CHECK.to_owned(), verdict, waived: false, part_of: None };
        Audit {
            id: None,
            machine: MachineInfo::default(),
            started: at.parse().unwrap(),
            took: Duration::ZERO,
            version: String::new(),
            privileged: true,
            complete: true,
            outcomes: vec![outcome],
            gaps: Vec::new(),
            looked_at: Default::default(),
        }
    }

    fn found(severity: Severity, count: usize) -> Verdict {
        Verdict::Problem(Finding { title: "Bad".to_owned(), severity, count, evidence: Vec::new() })
    }

    /// Tells one audit after the other; what was said each time.
    fn weeks(settings: &Alerts, audits: Vec<Audit>) -> Vec<&'static str> {
        let mut open: Vec<Alert> = Vec::new();
        let mut said = Vec::new();
        for audit in audits {
            let told = told(&audit, &open, settings);
            said.push(match (told.news.first(), told.solved.len(), told.quiet.len()) {
                (Some((_, Why::Found)), 0, 0) => "found",
                (Some((_, Why::Worse)), 0, 0) => "worse",
                (Some((_, Why::StillThere)), 0, 0) => "still",
                (None, 1, 0) => "solved",
                (None, 0, 1) => "quiet",
                (None, 0, 0) => "",
                _ => "several",
            });
            for alert in told.kept() {
                open.retain(|a| a.check != alert.check);
                open.extend(Some(alert).filter(|a| a.closed.is_none()));
            }
        }
        said
    }

    #[test]
    fn a_problem_is_told_once_and_again_when_that_says_something_new() {
        use Severity::{Critical, High};
        let settings = Alerts::default();
        let said = weeks(
            &settings,
            vec![
                audit("2026-01-01T02:00:00Z", found(High, 1)),
                audit("2026-01-02T02:00:00Z", found(Critical, 2)),
                audit("2026-01-03T02:00:00Z", found(Critical, 3)),
                audit("2026-01-04T02:00:00Z", found(Critical, 4)),
                audit("2026-01-05T02:00:00Z", Verdict::Unknown(Vec::new())),
                audit("2026-01-10T02:00:00Z", found(Critical, 4)),
                audit("2026-01-11T02:00:00Z", found(Critical, 4)),
                audit("2026-01-12T02:00:00Z", found(Critical, 4)),
                audit("2026-01-13T02:00:00Z", Verdict::Ok),
                audit("2026-01-14T02:00:00Z", Verdict::Ok),
                audit("2026-01-15T02:00:00Z", found(Critical, 1)),
                audit("2026-01-16T02:00:00Z", found(High, 1)),
                audit("2026-01-17T02:00:00Z", found(Critical, 1)),
            ],
        );
        assert_eq!(said, ["", "found", "", "worse", "", "", "still", "", "solved", "", "found", "quiet", "found"]);
        let high = Alerts { min_severity: High, again_after: Length::seconds(86_400), ..settings };
        let said = weeks(
            &high,
            vec![
                audit("2026-01-01T02:00:00Z", found(High, 1)),
                audit("2026-01-01T12:00:00Z", found(Critical, 1)),
                audit("2026-01-02T12:00:00Z", found(Critical, 1)),
            ],
        );
        assert_eq!(said, ["found", "worse", "still"]);
    }

    #[test]
    fn what_is_accepted_or_stands_under_another_is_not_told() {
        let settings = Alerts::default();
        let first = audit("2026-01-01T02:00:00Z", found(Severity::Critical, 1));
        let mut waived = audit("2026-01-02T02:00:00Z", found(Severity::Critical, 1));
        waived.outcomes[0].waived = true;
        let mut part = audit("2026-01-02T02:00:00Z", found(Severity::Critical, 1));
        part.outcomes[0].part_of = Some("other".to_owned());
        assert_eq!(weeks(&settings, vec![waived.clone(), part.clone()]), ["", ""]);
        assert_eq!(weeks(&settings, vec![first.clone(), waived, first.clone()]), ["found", "quiet", "found"]);
        assert_eq!(weeks(&settings, vec![first.clone(), part, first.clone()]), ["found", "", ""]);
        // A clock that was years ahead when it was told.
        let wrong = audit("2036-01-01T02:00:00Z", found(Severity::Critical, 1));
        assert_eq!(weeks(&settings, vec![wrong, first]), ["found", "still"]);
    }
}
