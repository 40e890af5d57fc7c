//! Risk and grade: one number out of 100 that says how likely trouble is, and what each problem adds to it.
//!
//! Each problem has a chance of harm r by severity. Risk = 100 × (1 − Π(1 − r)): nothing known is 0, certain trouble
//! is 100, more problems never make it smaller, and their order does not matter.

use serde::{Deserialize, Serialize};

use crate::{checks::Severity, words};

/// The chance of harm that a problem of this severity brings.
///
/// Settled on real hosts (`tests/hosts`): a fresh, patched Debian comes out at B, a hardened one at A, one with missed
/// security updates and root's password open to the world at F. One critical problem alone makes a D, one high a C.
pub fn weight(severity: Severity) -> f64 {
    match severity {
        Severity::Critical => 0.60,
        Severity::High => 0.40,
        Severity::Medium => 0.10,
        Severity::Low => 0.02,
        Severity::Info => 0.0,
    }
}

/// Risk of problems with these severities, from 0 to 100.
pub fn risk(problems: impl IntoIterator<Item = Severity>) -> f64 {
    let safe: f64 = problems.into_iter().map(|s| 1.0 - weight(s)).product();
    100.0 * (1.0 - safe)
}

/// How many points of `risk` go away when one problem of this severity is solved.
pub fn points(risk: f64, severity: Severity) -> f64 {
    let rest = (1.0 - risk / 100.0) / (1.0 - weight(severity));
    risk - 100.0 * (1.0 - rest)
}

/// Points for people; empty where a number would mislead: on a machine with much wrong, solving one serious problem
/// alone changes little.
pub fn points_text(before: f64, after: f64, severity: Severity) -> String {
    // As the risk is told, in whole numbers: so the points of a list add up to what it takes off.
    let whole = words::tenth(before).round() - words::tenth(after).round();
    match before - after {
        p if p < 0.005 || p < 0.95 && severity >= Severity::Medium => String::new(),
        _ if whole >= 1.0 => words::whole(whole),
        _ => "under 1".to_owned(),
    }
}

/// How many problems there are of each severity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct BySeverity {
    /// Critical ones.
    pub critical: usize,
    /// High ones.
    pub high: usize,
    /// Medium ones.
    pub medium: usize,
    /// Low ones.
    pub low: usize,
    /// Tips.
    pub info: usize,
}

impl BySeverity {
    /// All together.
    pub fn total(&self) -> usize {
        self.critical + self.high + self.medium + self.low + self.info
    }

    /// The count of one severity.
    pub fn of(&mut self, severity: Severity) -> &mut usize {
        match severity {
            Severity::Critical => &mut self.critical,
            Severity::High => &mut self.high,
            Severity::Medium => &mut self.medium,
            Severity::Low => &mut self.low,
            Severity::Info => &mut self.info,
        }
    }
}

impl FromIterator<Severity> for BySeverity {
    fn from_iter<I: IntoIterator<Item = Severity>>(severities: I) -> Self {
        let mut counts = Self::default();
        for severity in severities {
            *counts.of(severity) += 1;
        }
        counts
    }
}

/// A school grade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
pub enum Grade {
    /// Risk up to 10.
    A,
    /// Up to 25; the best grade with an open problem that should be dealt with this month.
    B,
    /// Up to 45.
    C,
    /// Up to 70; the best grade with an open critical problem.
    D,
    /// Above 70.
    F,
}

impl Grade {
    /// Where each grade begins and ends on the scale of risk.
    pub const BANDS: [(f64, f64, Grade); 5] = [
        (0.0, 10.0, Grade::A),
        (10.0, 25.0, Grade::B),
        (25.0, 45.0, Grade::C),
        (45.0, 70.0, Grade::D),
        (70.0, 100.0, Grade::F),
    ];

    /// The grade of a risk and the worst open problem: with a critical one it is D at best, with one that wants to be
    /// dealt with this month B at best.
    pub fn of(risk: f64, worst: Option<Severity>) -> Self {
        let best = match worst {
            Some(Severity::Critical) => Grade::D,
            Some(Severity::High | Severity::Medium) => Grade::B,
            _ => Grade::A,
        };
        Self::by_risk(risk).max(best)
    }

    /// The grade of a risk alone.
    pub fn by_risk(risk: f64) -> Self {
        let risk = risk.round();
        Self::BANDS.into_iter().find(|(_, end, _)| risk <= *end).map_or(Grade::F, |(.., grade)| grade)
    }

    /// The letter.
    pub fn letter(self) -> &'static str {
        match self {
            Grade::A => "A",
            Grade::B => "B",
            Grade::C => "C",
            Grade::D => "D",
            Grade::F => "F",
        }
    }

    /// The letter with its article.
    pub fn named(self) -> &'static str {
        match self {
            Grade::A => "an A",
            Grade::B => "a B",
            Grade::C => "a C",
            Grade::D => "a D",
            Grade::F => "an F",
        }
    }

    /// From its letter.
    pub fn parse(letter: &str) -> Option<Self> {
        [Grade::A, Grade::B, Grade::C, Grade::D, Grade::F].into_iter().find(|g| g.letter() == letter)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn severity() -> impl Strategy<Value = Severity> {
        prop_oneof![
            Just(Severity::Info),
            Just(Severity::Low),
            Just(Severity::Medium),
            Just(Severity::High),
            Just(Severity::Critical)
        ]
    }

    proptest! {
        #[test]
        fn one_more_problem_never_lowers_the_risk(mut problems in prop::collection::vec(severity(), 0..60), more in severity()) {
            let before = risk(problems.iter().copied());
            problems.push(more);
            prop_assert!(risk(problems) >= before - 1e-9);
        }

        #[test]
        fn a_worse_problem_never_lowers_the_risk(problems in prop::collection::vec(severity(), 0..60), a in severity(), b in severity()) {
            let with = |s| risk(problems.iter().copied().chain([s]));
            prop_assert!(with(a.max(b)) >= with(a.min(b)) - 1e-9);
        }

        #[test]
        fn risk_stays_between_0_and_100(problems in prop::collection::vec(severity(), 0..400)) {
            prop_assert!((0.0..=100.0).contains(&risk(problems)));
        }

        #[test]
        fn the_order_of_problems_does_not_matter(problems in prop::collection::vec(severity(), 0..40).prop_shuffle()) {
            let mut sorted = problems.clone();
            sorted.sort();
            prop_assert!((risk(problems) - risk(sorted)).abs() < 1e-9);
        }

        #[test]
        fn points_are_what_solving_a_problem_takes_off(problems in prop::collection::vec(severity(), 1..40)) {
            let all = risk(problems.iter().copied());
            let rest = risk(problems.iter().copied().skip(1));
            prop_assert!((points(all, problems[0]) - (all - rest)).abs() < 1e-6);
        }

        #[test]
        fn a_critical_problem_caps_the_grade(r in 0.0..100.0_f64) {
            prop_assert!(Grade::of(r, Some(Severity::Critical)) >= Grade::D);
            prop_assert!(Grade::of(r, Some(Severity::Medium)) >= Grade::B);
            prop_assert_eq!(Grade::of(r, Some(Severity::Low)), Grade::by_risk(r));
        }
    }

    #[test]
    fn nothing_known_is_zero_and_grade_a() {
        assert!(risk([]).abs() < f64::EPSILON);
        assert_eq!(Grade::of(0.0, None), Grade::A);
    }
}
