//! What the templates see: the model, with the few words beside it that only a page needs, and every text made
//! harmless for the kind of page it goes to.

use serde_json::{Map, Value, json};

use super::{
    model::{Problem, Report},
    text::{SHOWN, severity_words},
};
use crate::{
    checks::{Evidence, Severity},
    facts::Reason,
    score::Grade,
    words,
};

/// How much evidence a page shows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Pieces of one problem.
    pub(super) each: usize,
    /// Pieces in all; past them, each problem still shows one.
    pub(super) all: usize,
}

impl Limits {
    /// For pages that show each problem alone.
    pub(super) const PLAIN: Limits = Limits { each: 20, all: usize::MAX };

    /// How many of so many pieces are shown.
    fn take(&mut self, pieces: usize) -> usize {
        let taken = pieces.min(self.each).min(self.all.max(1));
        self.all = self.all.saturating_sub(taken);
        taken
    }
}

/// How many of the last audits the table lists.
const LOOKS: usize = 30;

/// Where a text stands: the names on the way to it.
pub(super) type Place<'a> = [&'a str];

/// The report for a template, with so much evidence; `clean` treats every text in it.
pub(super) fn view(report: &Report, mut limits: Limits, clean: impl Fn(&Place<'_>, &str) -> String) -> Value {
    let mut view = serde_json::to_value(report).unwrap_or_default();
    let mut urgent = 0;
    for_each(&mut view, "problems", &report.problems, |n, p, map| {
        map.insert("n".to_owned(), json!(n + 1));
        problem(p, &mut limits, map);
        urgent += usize::from(p.severity >= Severity::Medium);
        let place = match p.severity {
            Severity::Info => "tip",
            Severity::Low => "small",
            _ if urgent <= SHOWN => "first",
            _ => "then",
        };
        map.insert("place".to_owned(), json!(place));
    });
    for_each(&mut view, "results", &report.results, |_, r, map| {
        map.insert("result_text".to_owned(), json!(result_words(&r.result)));
        map.insert("why".to_owned(), json!(r.why.as_deref().map(words::capital)));
    });
    if let Value::Object(map) = &mut view {
        beside(report, map);
    }
    walk(&mut view, &mut Vec::new(), &clean);
    view
}

/// The result of a check in words.
pub(super) fn result_words(result: &str) -> &'static str {
    match result {
        "problem" => "Found",
        "ok" => "Not found",
        "not_applicable" => "Does not apply",
        "waived" => "Accepted",
        _ => "No answer",
    }
}

fn for_each<T>(view: &mut Value, list: &str, items: &[T], mut add: impl FnMut(usize, &T, &mut Map<String, Value>)) {
    let Some(values) = view.get_mut(list).and_then(Value::as_array_mut) else { return };
    for (n, (value, item)) in values.iter_mut().zip(items).enumerate() {
        if let Value::Object(map) = value {
            add(n, item, map);
        }
    }
}

fn problem(p: &Problem, limits: &mut Limits, map: &mut Map<String, Value>) {
    map.insert("when".to_owned(), json!(severity_words(p.severity)));
    map.insert("points_words".to_owned(), json!(p.takes_off()));
    evidence(&p.evidence, p.evidence_total, limits, map);
    let Some(parts) = map.get_mut("parts").and_then(Value::as_array_mut) else { return };
    for (value, part) in parts.iter_mut().zip(&p.parts) {
        if let Value::Object(map) = value {
            evidence(&part.evidence, part.evidence_total, limits, map);
        }
    }
}

fn evidence(all: &[Evidence], total: usize, limits: &mut Limits, map: &mut Map<String, Value>) {
    let taken = limits.take(all.len());
    let seen = once(all.get(..taken).unwrap_or_default());
    map.insert("seen".to_owned(), seen.map(|(e, place)| json!({ "text": e.text, "place": place })).collect());
    map.insert("unseen".to_owned(), json!(more(total.saturating_sub(taken))));
    map.remove("evidence");
}

/// Each piece with its place, that once for several lines of the same place.
pub(super) fn once(all: &[Evidence]) -> impl Iterator<Item = (&Evidence, Option<String>)> {
    let mut before = None;
    all.iter().map(move |e| {
        let place = e.place();
        let shown = place.clone().filter(|_| place != before);
        before = place;
        (e, shown)
    })
}

/// One of the last audits, in words.
pub(super) struct LookWords {
    pub(super) when: String,
    pub(super) grade: Grade,
    pub(super) risk: String,
}

/// The last audits, the newest first.
pub(super) fn looks(report: &Report) -> impl Iterator<Item = LookWords> {
    report.history.iter().rev().take(LOOKS).map(|p| LookWords {
        when: p.started.strftime("%-d %B %Y, %H:%M").to_string(),
        grade: p.grade,
        risk: words::whole(p.risk),
    })
}

/// The areas in which nothing was found; none when there is none.
pub(super) fn quiet_areas(report: &Report) -> Option<String> {
    let quiet: Vec<String> = report.areas.iter().filter(|a| a.is_quiet()).map(|a| a.title.clone()).collect();
    (!quiet.is_empty()).then(|| words::list(&quiet))
}

pub(super) fn more(n: usize) -> Option<String> {
    (n > 0).then(|| format!("and {} more", words::thousands(n)))
}

/// What stands on a page beside the model.
fn beside(report: &Report, map: &mut Map<String, Value>) {
    map.insert("risk_text".to_owned(), json!(words::whole(report.risk)));
    let looks = looks(report).map(|l| json!({ "when": l.when, "risk": l.risk, "grade": l.grade }));
    map.insert("looks".to_owned(), looks.collect());
    let count = |s: &dyn Fn(Severity) -> bool| report.problems.iter().filter(|p| s(p.severity)).count();
    let small = count(&|s| s == Severity::Low);
    let tips = count(&|s| s == Severity::Info);
    let mut rest = Vec::new();
    if small > 0 {
        rest.push(words::count(small, "smaller problem", "smaller problems"));
    }
    if tips > 0 {
        rest.push(words::count(tips, "tip", "tips"));
    }
    map.insert("rest_text".to_owned(), json!((!rest.is_empty()).then(|| words::capital(&words::list(&rest)))));
    map.insert("urgent".to_owned(), json!(count(&|s| s >= Severity::Medium)));
    map.insert("shown".to_owned(), json!(SHOWN));
    map.insert("quiet_areas".to_owned(), json!(quiet_areas(report)));
    map.insert("gaps".to_owned(), gaps(report));
    map.insert("answers".to_owned(), json!(answers(report)));
    // A template must be able to ask for it.
    map.entry("resources").or_insert(Value::Null);
}

/// What could not be seen, in words.
pub(super) struct Gaps<'a> {
    /// What only root may read.
    pub(super) root: Vec<&'a str>,
    /// A sentence for each other thing, and where it is, unless the sentence says it.
    pub(super) other: Vec<(String, Option<&'a str>)>,
    /// `3 questions have`; none when all got an answer.
    pub(super) questions: Option<String>,
}

/// What could not be seen, each thing once; first what root could see.
pub(super) fn gap_words(report: &Report) -> Gaps<'_> {
    let mut root: Vec<&str> = Vec::new();
    let mut other: Vec<(String, Option<&str>)> = Vec::new();
    for gap in &report.not_seen {
        if gap.reason == Reason::NeedsRoot {
            if !root.contains(&gap.what.as_str()) {
                root.push(&gap.what);
            }
        } else {
            let text = format!("I could not see {}: {}.", gap.what, gap.why.trim_end_matches('.'));
            if !other.iter().any(|(t, _)| *t == text) {
                let source = (!gap.source.is_empty() && !text.contains(&gap.source)).then_some(gap.source.as_str());
                other.push((text, source));
            }
        }
    }
    let unknown = report.checks.unknown;
    let questions = (unknown > 0).then(|| words::count(unknown, "question has", "questions have"));
    Gaps { root, other, questions }
}

fn gaps(report: &Report) -> Value {
    let Gaps { root, other, questions } = gap_words(report);
    let other: Vec<Value> = other.into_iter().map(|(text, source)| json!({ "text": text, "source": source })).collect();
    json!({ "root": root, "other": other, "questions": questions })
}

/// How many questions came to which answer, in a sentence.
pub(super) fn answers(report: &Report) -> String {
    let c = report.checks;
    let mut parts = vec![
        words::count(c.problem, "question found something", "questions found something"),
        words::count(c.ok, "came out fine", "came out fine"),
    ];
    for (n, words_for) in [
        (c.not_applicable, "did not apply to this machine"),
        (c.unknown, "got no answer"),
        (c.waived, "found something that was accepted"),
    ] {
        if n > 0 {
            parts.push(words::count(n, words_for, words_for));
        }
    }
    format!("{} in all: {}.", words::count(c.total, "question", "questions"), words::list(&parts))
}

/// Treats every text in `value`, which stands at `place`.
pub(super) fn walk<'a>(value: &'a mut Value, place: &mut Vec<&'a str>, clean: &impl Fn(&Place<'_>, &str) -> String) {
    match value {
        Value::String(text) => *text = clean(place, text),
        Value::Array(items) => {
            for item in items {
                walk(item, place, clean);
            }
        }
        Value::Object(map) => {
            for (key, item) in map {
                place.push(key);
                walk(item, place, clean);
                place.pop();
            }
        }
        _ => {}
    }
}
