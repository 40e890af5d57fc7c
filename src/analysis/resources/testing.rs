//! Resources that were never measured, for tests of what is made of them.

use jiff::Timestamp;

use super::{Change, Course, Foreseen, Resource, ResourceKind, Resources, Shortage, Stretch};
use crate::analysis::periods::Verdict;

/// A week of a machine, with `text` wherever a text of the machine may stand.
pub(crate) fn made(text: &str, resources: usize) -> Resources {
    let t = || text.to_owned();
    let at = |hour: i64| Timestamp::from_second(1_794_204_000 + hour * 3600).unwrap();
    let stretch = |mean: f64| Stretch {
        min: 0.1,
        mean,
        max: 0.9,
        min_text: "10%".to_owned(),
        mean_text: format!("{:.0}%", mean * 100.0),
        max_text: "90%".to_owned(),
    };
    let course = |n: usize| if n == 40 { None } else { Some(0.3 + 0.1 * (n % 4) as f64) };
    let course = Course {
        step_hours: 2,
        min: (0..84).map(course).collect(),
        mean: (0..84).map(course).collect(),
        max: (0..84).map(course).collect(),
    };
    let kinds = [ResourceKind::Processor, ResourceKind::Memory, ResourceKind::Space, ResourceKind::Answers];
    let metrics = ["system.cpu.utilization", "system.memory.utilization", "system.filesystem.utilization", "target.up"];
    let resource = |n: usize| Resource {
        kind: kinds[n % 4],
        title: t(),
        metric: metrics[n % 4].to_owned(),
        labels: [(t(), t())].into(),
        unit: "1".to_owned(),
        hours: 160,
        now: stretch(0.5),
        before: (n != 1).then(|| stretch(0.4)),
        change: Some(Change::More),
        change_text: "more than before".to_owned(),
        verdict: Verdict::Worse,
        course: course.clone(),
    };
    let shortage = Shortage {
        kind: ResourceKind::Space,
        ran_out: true,
        lasts: false,
        from: at(20),
        to: at(23),
        hours: 3,
        text: t(),
    };
    let foreseen = Foreseen { what: t(), at: Some(at(900)), earliest: None, latest: None, text: t() };
    Resources {
        from: at(0),
        to: at(168),
        period: "the 7 days until 16 November".to_owned(),
        before: Some("the 7 days before".to_owned()),
        hours: 168,
        measured: 160,
        gaps: Some("It was measured for 160 of 168 hours.".to_owned()),
        summary: t(),
        shortages: vec![shortage; 12],
        changes: vec![t(); 6],
        forecasts: vec![foreseen; 12],
        list: (0..resources).map(resource).collect(),
        left_out: 3,
    }
}
