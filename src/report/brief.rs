//! How much work the open problems are, for the first page of a report. It reads only the model.

use super::{build, model::Report, sentences, text::SHOWN};
use crate::{checks::Severity, words};

/// A part of the work that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Work {
    /// Which part: `The first three`.
    pub(super) what: String,
    /// The least severity in it.
    pub(super) least: Severity,
    /// What a person needs for it: `about 45 minutes`.
    pub(super) needs: String,
    /// What it brings; none where the numbers stay.
    pub(super) brings: Option<String>,
}

/// How long the open problems take, in the order in which they are best solved.
pub(super) fn work(report: &Report) -> Vec<Work> {
    let all = report.problems.as_slice();
    let urgent = all.iter().filter(|p| p.severity >= Severity::Medium).count();
    let counted = all.iter().filter(|p| p.severity >= Severity::Low).count();
    // Tips alone are no work that waits.
    if counted == 0 {
        return Vec::new();
    }
    let first = urgent.min(SHOWN);
    let names = [
        (0, first, if first == 1 { "the first one".to_owned() } else { format!("the first {}", words::number(first)) }),
        (first, urgent, format!("{} more", words::number(urgent - first))),
        (urgent, counted, sentences::some(counted - urgent, "smaller problem", "smaller problems")),
        (counted, all.len(), sentences::some(all.len() - counted, "tip", "tips")),
    ];
    let mut now = (report.risk, report.grade);
    let mut parts = Vec::new();
    for (from, to, what) in names {
        let (Some(part), Some(left)) = (all.get(from..to), all.get(to..)) else { continue };
        let Some(least) = part.iter().map(|p| p.severity).min() else { continue };
        let effort = build::effort(part, left);
        let brings = sentences::brings(now, effort.after);
        parts.push(Work {
            what: words::capital(&what),
            least,
            needs: words::capital(&sentences::needs(effort)),
            brings,
        });
        now = effort.after;
    }
    parts
}
