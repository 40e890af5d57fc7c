//! Trends of small hand-made histories.

use super::*;
use crate::{
    analysis::testing::{EVIL, Past, Seen},
    report::Style,
};

fn seen(past: &Past, about: About<'_>, since: Option<Since>) -> Trend {
    let store = past.store();
    let audit = store.audit(None).unwrap();
    trend(&store, &audit, about, since, &past.catalogue).unwrap()
}

/// Open, gone, not to be told, open again.
fn turns() -> Past {
    let mut past = Past::new();
    past.look(Seen::new().problem("disk-nearly-full", Severity::High, "The disk is full"));
    past.look(Seen::new().fine("disk-nearly-full"));
    past.look(Seen::new().unsure("disk-nearly-full"));
    past.look(Seen::new().problem("disk-nearly-full", Severity::Medium, "The disk is full"));
    past.look(Seen::new().problem("disk-nearly-full", Severity::High, "The disk is full").problem(
        "b",
        Severity::Low,
        "B",
    ));
    past
}

#[test]
fn a_problem_comes_and_goes_and_what_could_not_be_told_ends_nothing() {
    let past = turns();
    let trend = seen(&past, About::Check("disk-nearly-full"), None);
    assert_eq!(trend.sentence, "Open since 23 November (7 days). It had been gone once before that.");
    let Figures::Check(check) = &trend.figures else { panic!() };
    let texts: Vec<_> = check.spells.iter().map(|s| s.text.as_str()).collect();
    assert_eq!(texts, ["from 2 November to 9 November 2026, 7 days", "since 23 November 2026, 7 days"]);
    assert_eq!(check.spells.last().unwrap().severity, Some(Severity::High));
    let results: Vec<_> = check.looks.iter().map(|l| l.result.as_str()).collect();
    assert_eq!(results, ["problem", "ok", "unknown", "problem", "problem"]);
    assert!(text(&trend, Style::default()).contains("could not tell"));
    assert!(svg(&trend).unwrap().contains("</svg>"));
}

#[test]
fn the_sentence_on_top_says_where_the_risk_went() {
    let past = turns();
    let trend = seen(&past, About::Score, None);
    assert!(trend.sentence.starts_with("In 28 days the risk rose from"), "{}", trend.sentence);
    let trend = seen(&past, About::Problems, None);
    assert_eq!(
        trend.sentence,
        "2 problems are open, 1 more than 28 days ago. One of them should be dealt with this week."
    );
}

#[test]
fn a_look_that_asked_only_a_part_is_left_out_and_said() {
    let mut past = turns();
    past.look(Seen { complete: false, ..Seen::new().fine("disk-nearly-full") });
    let trend = seen(&past, About::Problems, None);
    assert_eq!(
        trend.sentence,
        "2 problems are open, 1 more than 28 days ago. One of them should be dealt with this week. The last look, of \
         7 December 2026, asked only a part of the questions and is left out."
    );
    let Figures::Problems(points) = &trend.figures else { panic!() };
    assert_eq!(points.points.len(), 5);
}

#[test]
fn looks_of_one_day_are_told_by_the_hour() {
    let mut past = Past::new();
    past.pace = 3600;
    past.look(Seen::new().problem("a", Severity::Critical, "A").problem("b", Severity::High, "B"));
    past.look(Seen::new().problem("a", Severity::Critical, "A"));
    assert_eq!(
        seen(&past, About::Problems, None).sentence,
        "1 problem is open, 1 fewer than at 06:00 UTC. It should be dealt with today."
    );
    let risk = seen(&past, About::Score, None).sentence;
    assert!(risk.contains("It was worst at 06:00 UTC (") && risk.contains("best at 07:00 UTC ("), "{risk}");
    past.look(Seen::new().problem("a", Severity::Critical, "A"));
    past.look(Seen::new().problem("a", Severity::Critical, "A").problem("b", Severity::High, "B"));
    assert_eq!(
        seen(&past, About::Problems, None).sentence,
        "2 problems are open, as many as at 06:00 UTC. One of them should be dealt with today, one this week."
    );
}

#[test]
fn a_time_without_a_problem_has_no_picture_of_problems() {
    let mut past = Past::new();
    past.look(Seen::new().fine("b"));
    past.look(Seen::new().fine("b"));
    let trend = seen(&past, About::Problems, None);
    assert_eq!(trend.sentence, "No problem is open, and none was 7 days ago.");
    assert_eq!(svg(&trend), None);
}

#[test]
fn since_leaves_out_what_was_before() {
    let past = turns();
    let looks = |since| match seen(&past, About::Score, Some(since)).figures {
        Figures::Score(points) => points.points.len(),
        _ => 0,
    };
    assert_eq!(looks(Since::Days(7)), 2);
    assert_eq!(looks(Since::Day(jiff::civil::date(2026, 11, 16))), 3);
    assert_eq!(looks(Since::Day(jiff::civil::date(2027, 1, 1))), 0);
    let late = seen(&past, About::Score, Some(Since::Day(jiff::civil::date(2027, 1, 1))));
    assert_eq!(late.sentence, "There is no look at this machine in that time.");
    // A spell that had ended before is not told, one that had begun before is told whole.
    let trend = seen(&past, About::Check("disk-nearly-full"), Some(Since::Days(1)));
    let Figures::Check(check) = &trend.figures else { panic!() };
    assert_eq!((check.looks.len(), check.spells.len()), (1, 1));
}

#[test]
fn one_look_is_a_sentence_and_no_chart() {
    let mut past = Past::new();
    past.look(Seen::new().fine("disk-nearly-full"));
    let trend = seen(&past, About::Score, None);
    assert_eq!(trend.sentence, "There is only one look to show: the risk was 0, grade A.");
    assert_eq!(svg(&trend), None);
    assert_eq!(seen(&past, About::Check("disk-nearly-full"), None).sentence, "Never there in 1 look.");
    assert_eq!(seen(&past, About::Check("ssh-root-login"), None).sentence, "No look in that time asked this.");
}

#[test]
fn pages_fit_80_columns_in_unicode_and_ascii_and_nothing_hostile_gets_through() {
    let mut past = Past::new();
    for n in 0..9 {
        let look = Seen::new().problem("x", Severity::Critical, EVIL);
        past.look(if n % 3 == 0 { look.problem("y", Severity::Low, "Y") } else { look.fine("y") });
    }
    for about in [About::Score, About::Problems, About::Check("x")] {
        let trend = seen(&past, about, None);
        for unicode in [true, false] {
            let page = text(&trend, Style { unicode, ..Style::default() });
            assert!(!page.contains(['\u{1b}', '\u{202e}']), "{page}");
            assert!(unicode || page.is_ascii());
            assert!(page.lines().all(|l| textwrap::core::display_width(l) <= 80), "{page}");
        }
        let colour = text(&trend, Style { colour: true, ..Style::default() });
        assert!(colour.contains('\u{1b}'));
        let picture = svg(&trend).unwrap();
        assert!(!picture.contains("<b>") && !picture.contains("{{") && !picture.contains('\u{202e}'), "{picture}");
        let validator =
            jsonschema::validator_for(&serde_json::from_str(&crate::analysis::schema::<Trend>()).unwrap()).unwrap();
        assert!(validator.is_valid(&serde_json::from_str(&crate::analysis::json(&trend)).unwrap()));
        let (columns, rows) = csv_rows(&trend);
        assert!(rows.iter().all(|r| r.len() == columns.len()));
    }
}

#[test]
fn an_accepted_problem_is_still_there() {
    let mut past = Past::new();
    past.look(Seen::new().problem("b", Severity::Low, "B"));
    let waiver = crate::store::Waiver {
        check: "b".to_owned(),
        reason: "known".to_owned(),
        who: "anna".to_owned(),
        made: "2026-11-03T00:00:00Z".parse().unwrap(),
        until: jiff::civil::date(2027, 1, 1),
    };
    past.store().waive("web01", &waiver).unwrap();
    past.look(Seen::new().problem("b", Severity::Low, "B"));
    let trend = seen(&past, About::Check("b"), None);
    assert_eq!(trend.sentence, "Open at all 2 looks, at least since 2 November (7 days). Someone accepted it.");
}
