//! Trend and comparison of the main sample, as people read them.

use cleanbill::{
    analysis::{compare, trend},
    report::Style,
    store::{Moment, Store},
};

use crate::{history::Workshop, recording};

#[test]
fn half_a_year_reads_well_as_a_trend_and_as_a_comparison() {
    let workshop = Workshop::open();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("s.duckdb");
    let (audit, _) = workshop.record(&recording::host("weeks"), &file);
    let store = Store::at(&file);
    for (name, about) in [
        ("score", trend::About::Score),
        ("problems", trend::About::Problems),
        ("one-check", trend::About::Check("services-failed")),
    ] {
        let told = trend::trend(&store, &audit, about, None, &workshop.catalogue).unwrap();
        insta::assert_snapshot!(format!("trend-of-{name}"), trend::text(&told, Style::default()));
    }
    for (name, one, other) in
        [("the-last-two", None, None), ("half-a-year", Some(Moment::Audit(1)), Some(Moment::Last))]
    {
        let picked = compare::pick(&store, one, other).unwrap();
        let told = compare::compare(&store, picked, &workshop.catalogue).unwrap();
        insta::assert_snapshot!(format!("comparison-of-{name}"), compare::text(&told, Style::default(), false));
    }
}
