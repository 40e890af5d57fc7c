//! A comparison of two times for tickets and programs: Markdown, one line a series for a spreadsheet.

use serde_json::Value;

use super::{Change, Comparison, Verdict};

/// Columns and rows, one a series; with `all`, also what did not change.
pub fn csv_rows(comparison: &Comparison, all: bool) -> (Vec<&'static str>, Vec<Vec<Value>>) {
    let row = |change: &Change, changed: bool| {
        let labels: Vec<String> = change.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        vec![
            change.metric.clone().into(),
            labels.join(" ").into(),
            changed.into(),
            change.before.mean.into(),
            change.after.mean.into(),
            change.shift.into(),
            change.p.into(),
        ]
    };
    let changed = comparison.changes.iter().map(|change| row(change, true));
    let same = comparison.same.iter().filter(|_| all).map(|change| row(change, false));
    (vec!["metric", "labels", "changed", "before", "after", "shift", "p"], changed.chain(same).collect())
}

/// The comparison as Markdown.
pub fn markdown(comparison: &Comparison, all: bool) -> String {
    let safe = |text: &str| crate::words::harmless(text).replace(['|', '`', '<', '*', '_'], " ");
    let mut out = format!(
        "# {}: {} and {}\n\n{}\n",
        safe(&comparison.host),
        safe(&comparison.before.name),
        safe(&comparison.after.name),
        safe(&comparison.sentence)
    );
    for (title, list) in [("What changed", &comparison.changes), ("What did not", &comparison.same)] {
        if list.is_empty() || (title == "What did not" && !all) {
            continue;
        }
        out.push_str(&format!("\n## {title}\n\n"));
        for change in list {
            let mark = match change.verdict {
                Verdict::Worse if title == "What changed" => "worse: ",
                Verdict::Better if title == "What changed" => "better: ",
                _ => "",
            };
            out.push_str(&format!("- {mark}{}\n", safe(&change.sentence)));
        }
    }
    out + &format!("\n{}\n", comparison.test)
}
