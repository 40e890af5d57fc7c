//! Lists as a table for people, JSON or CSV for programs.

use unicode_width::UnicodeWidthStr as _;

use super::{error::CliError, terminal};
use crate::{
    facts::{QueryResult, cell},
    words::harmless,
};

/// How a list is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum ListFormat {
    /// Columns for people.
    #[default]
    Table,
    /// A JSON array of objects.
    Json,
    /// Comma-separated values with a header.
    Csv,
}

/// Prints rows in the format asked for.
pub(super) fn print(list: &QueryResult, format: ListFormat) -> Result<(), CliError> {
    terminal::print(&text(list, format))
}

/// Rows in the format asked for.
pub(super) fn text(list: &QueryResult, format: ListFormat) -> String {
    match format {
        ListFormat::Table => table(list),
        ListFormat::Json => {
            let maps = list.clone().into_maps();
            serde_json::to_string_pretty(&maps).unwrap_or_default() + "\n"
        }
        ListFormat::Csv => list.csv(),
    }
}

fn table(list: &QueryResult) -> String {
    let rows: Vec<Vec<String>> = list.rows.iter().map(|r| r.iter().map(|v| harmless(&cell(v))).collect()).collect();
    let numeric: Vec<bool> = (0..list.columns.len())
        .map(|i| {
            let mut cells = list.rows.iter().filter_map(|r| r.get(i)).filter(|v| !v.is_null()).peekable();
            cells.peek().is_some() && cells.all(serde_json::Value::is_number)
        })
        .collect();
    let width = |i: usize| {
        let cells = rows.iter().filter_map(|r| r.get(i)).map(|c| c.width());
        cells.chain(list.columns.get(i).map(|c| c.width())).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..list.columns.len()).map(width).collect();
    let line = |cells: &[String]| {
        let mut out = String::new();
        for (i, text) in cells.iter().enumerate() {
            let pad = widths.get(i).copied().unwrap_or(0).saturating_sub(text.width());
            if i > 0 {
                out.push_str("  ");
            }
            if numeric.get(i).copied().unwrap_or(false) {
                out.push_str(&" ".repeat(pad));
                out.push_str(text);
            } else {
                out.push_str(text);
                out.push_str(&" ".repeat(pad));
            }
        }
        out.trim_end().to_owned() + "\n"
    };
    let mut out = line(&list.columns);
    out.push_str(&line(&widths.iter().map(|w| "-".repeat(*w)).collect::<Vec<_>>()));
    for row in &rows {
        out.push_str(&line(row));
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn list() -> QueryResult {
        QueryResult {
            columns: vec!["name".into(), "n".into()],
            rows: vec![vec![json!("=cmd()"), json!(-5)], vec![json!("a,\"b\"\x1b[31m"), json!(12)]],
        }
    }

    #[test]
    fn a_table_lines_up_and_shows_no_escapes() {
        assert_eq!(table(&list()), "name         n\n----------  --\n=cmd()      -5\na,\"b\"\u{fffd}[31m  12\n");
    }
}
