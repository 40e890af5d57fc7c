//! What a report shows of the machine's resources: it asks for them, and picks what a page has room for. The numbers and
//! sentences are those of the model.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{
    charts::{self, Drawing},
    model::Report,
    options::Detail,
};
use crate::{
    analysis::resources::{Asked, Resource, ResourceKind, Resources, resources},
    metrics,
    store::{Store, StoreError},
};

/// What a technician reads where nothing was measured.
pub(super) const BEGIN: &str = "How busy and how full this machine was is not known: nothing was measured. To begin, write `enabled = true` below `[metrics]` in cleanbill.toml.";

/// Adds to a report of this machine what was measured of it in the time that it tells.
///
/// # Errors
/// When the history cannot be read.
pub fn measure(report: &mut Report, store: &Store, zone: &TimeZone) -> Result<(), StoreError> {
    // What was measured is the machine itself, and no image of another.
    if report.host.root != "/" {
        return Ok(());
    }
    let compared = report.changes.as_ref().and_then(|changes| changes.since);
    let since = report.history.iter().find(|p| p.audit.is_some() && p.audit == compared).map(|p| p.started);
    report.resources = resources(store, Asked { host: &report.host.id, to: report.audit.started, since, zone })?;
    Ok(())
}

/// What is told in sentences.
#[derive(Debug, Default)]
pub(super) struct Told<'a> {
    /// What ran out or nearly did.
    pub(super) short: Vec<&'a str>,
    /// What will run out.
    pub(super) forecasts: Vec<&'a str>,
    /// What changed.
    pub(super) changes: Vec<&'a str>,
}

/// What is told in sentences; an owner reads the first few of each.
pub(super) fn told(resources: &Resources, detail: Detail) -> Told<'_> {
    let few = |n| if detail == Detail::Owner { n } else { usize::MAX };
    Told {
        short: resources.shortages.iter().take(few(4)).map(|s| s.text.as_str()).collect(),
        forecasts: resources.forecasts.iter().take(few(3)).map(|f| f.text.as_str()).collect(),
        changes: resources.changes.iter().take(few(3)).map(String::as_str).collect(),
    }
}

/// How many charts there are.
const CHARTS: usize = 4;

/// What is drawn large: the processor, the memory, the fullest disk, and what else matters most.
fn drawn(resources: &Resources) -> Vec<&Resource> {
    use ResourceKind::{Answers, DiskAtWork, Load, Memory, Network, Processor, Space, Swap};
    let first = |kind| resources.list.iter().find(|r| r.kind == kind);
    let order = [Processor, Memory, Space, Answers, Network, DiskAtWork, Swap, Load];
    order.into_iter().filter_map(first).filter(|r| r.course.mean.iter().flatten().count() > 1).take(CHARTS).collect()
}

/// The charts, each with its title; `names` begins the names by which a page tells them apart.
pub(super) fn charts(resources: &Resources, names: &str, size: (f64, f64)) -> Vec<(String, Drawing)> {
    let chart = |(n, r): (usize, &Resource)| {
        let metric = metrics::metric(&r.metric)?;
        let course = charts::Course { name: String::new(), points: points(resources, r) };
        let words = sentence(r);
        let time = (resources.from, resources.to);
        let name = format!("{names}-{}", n + 1);
        let drawing = charts::lines(&[course], metric, time, (&r.title, &words), &name, size)?;
        Some((r.title.clone(), drawing))
    };
    drawn(resources).into_iter().enumerate().filter_map(chart).collect()
}

/// A line of the table as a line that is drawn.
pub(super) fn tiny(r: &Resource, name: &str, size: (f64, f64)) -> Option<Drawing> {
    charts::course(&r.course.mean, &sentence(r), name, size)
}

/// What a chart shows.
fn sentence(r: &Resource) -> String {
    let now = &r.now;
    format!("{}: {} on average, between {} and {}.", r.title, now.mean_text, now.min_text, now.max_text)
}

/// The middle of each stretch of a course with its least, mean and most.
fn points(resources: &Resources, r: &Resource) -> Vec<(Timestamp, f64, f64, f64)> {
    let course = &r.course;
    let all = course.min.iter().zip(&course.mean).zip(&course.max).enumerate();
    all.filter_map(|(n, ((min, mean), max))| {
        let minutes =
            i64::try_from(n).ok()?.checked_mul(60 * course.step_hours)?.checked_add(30 * course.step_hours)?;
        let at = resources.from.checked_add(SignedDuration::from_mins(minutes)).ok()?.min(resources.to);
        Some((at, (*min)?, (*mean)?, (*max)?))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{
        analysis::resources::testing::made,
        report::{Options, html_with, markdown, pdf, tests::small},
    };

    fn pages(resources: Option<Resources>) -> [String; 2] {
        let report = Report { resources, ..small() };
        [Detail::Owner, Detail::Technician].map(|detail| {
            let page =
                html_with(Path::new("/nonexistent"), &report, &Options { detail, ..Options::default() }).unwrap();
            assert_eq!(page.warnings, Vec::<String>::new());
            page.text
        })
    }

    #[test]
    fn an_owner_reads_a_few_lines_and_a_technician_all_of_it() {
        let [owner, technician] = pages(Some(made("It is so.", 40)));
        let count = |page: &str, what: &str| page.matches(what).count();
        assert_eq!(count(&owner, "<li>It is so.</li>"), 4 + 3 + 3);
        assert_eq!(count(&technician, "<li>It is so.</li>"), 12 + 12 + 6);
        assert!(!owner.contains("All that was measured") && technician.contains("All that was measured"));
        assert_eq!(count(&technician, "data-label=\"Mean before\""), 40);
        let charts =
            |page: &str| (count(page, "<figcaption>"), count(page, "class=\"line\" data-label=\"How it went\"><svg"));
        assert_eq!((charts(&owner), charts(&technician)), ((4, 0), (4, 40)));
        assert!(technician.contains("3 lines of the same kinds are left out."));
        assert!(owner.len() + 90_000 > technician.len(), "{} and {}", owner.len(), technician.len());
    }

    #[test]
    fn without_measurements_only_a_technician_reads_how_to_begin() {
        let [owner, technician] = pages(None);
        for page in [&owner, &technician] {
            assert!(!page.contains("id=\"resources\""));
        }
        assert!(!owner.contains("nothing was measured") && technician.contains("<code>enabled = true</code>"));
        let report = small();
        assert!(
            !markdown(&report).unwrap().text.contains("machine used")
                && !crate::report::json(&report).contains("resources")
        );
    }

    #[test]
    fn every_form_tells_it() {
        let report = Report { resources: Some(made("It is so.", 3)), ..small() };
        let page = markdown(&report).unwrap().text;
        assert!(
            page.contains("## What the machine used")
                && page.contains("| It is so. | 50% | 10% | 90% | 40% | more than before |"),
            "{page}"
        );
        assert!(page.contains("| 50% | 10% | 90% | – |"), "{page}");
        let read: serde_json::Value = serde_json::from_str(&crate::report::json(&report)).unwrap();
        assert_eq!(read["resources"]["list"][0]["course"]["mean"].as_array().unwrap().len(), 84);
        let (plain, told) = (small(), Options { detail: Detail::Technician, ..Options::default() });
        assert!(pdf(&report, &told).unwrap().len() > pdf(&plain, &told).unwrap().len());
    }

    #[test]
    fn a_chart_has_a_gap_where_nothing_was_measured_and_says_what_it_shows() {
        let resources = made("Memory in use", 4);
        let charts = charts(&resources, "used", (340.0, 88.0));
        assert_eq!(charts.len(), 4);
        assert_eq!(charts[0].1.words, "Memory in use: 50% on average, between 10% and 90%.");
        assert_eq!(points(&resources, &resources.list[0]).len(), 83);
    }
}
