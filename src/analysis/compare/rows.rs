//! The comparison for a spreadsheet: one line a change.

use super::model::Comparison;

/// Columns and rows: first the problems, then the changes.
pub fn csv_rows(comparison: &Comparison, all: bool) -> (Vec<&'static str>, Vec<Vec<serde_json::Value>>) {
    let mut rows: Vec<Vec<serde_json::Value>> = comparison
        .lists(all)
        .into_iter()
        .flat_map(|listed| listed.problems.iter().map(move |p| (listed.id, p)))
        .map(|(kind, p)| {
            vec![
                kind.into(),
                "problem".into(),
                p.severity.name().into(),
                p.check.clone().into(),
                p.title.clone().into(),
            ]
        })
        .collect();
    for group in &comparison.changes {
        for change in &group.changes {
            rows.push(vec![
                "change".into(),
                group.id.clone().into(),
                serde_json::to_value(change.weight).unwrap_or_default(),
                change.table.clone().into(),
                change.full_text.clone().into(),
            ]);
        }
    }
    for other in comparison.other.iter().filter(|_| all) {
        rows.push(vec![
            "rows".into(),
            "other".into(),
            "".into(),
            other.table.clone().into(),
            other.text.clone().into(),
        ]);
    }
    (vec!["what", "subject", "weight", "id", "text"], rows)
}
