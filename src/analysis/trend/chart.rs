//! Charts made of characters: a filled line, stacked columns, a strip. Each has a form for terminals that know only ASCII.

use jiff::Timestamp;

/// Rows of a chart.
const ROWS: usize = 10;

/// Where moments lie on the chart, from left to right.
pub(in crate::analysis) struct Columns {
    start: i64,
    span: i64,
    count: usize,
}

impl Columns {
    /// `count` columns for these moments, oldest first.
    pub(in crate::analysis) fn new(moments: &[Timestamp], count: usize) -> Self {
        let start = moments.first().map_or(0, |t| t.as_second());
        let end = moments.last().map_or(0, |t| t.as_second());
        Columns { start, span: end.saturating_sub(start), count: count.max(2) }
    }

    /// The column of a moment; by order where all are of the same second.
    fn of(&self, at: Timestamp, n: usize, all: usize) -> usize {
        let last = self.count - 1;
        if self.span == 0 {
            return (n * last).checked_div(all.saturating_sub(1).max(1)).unwrap_or(0).min(last);
        }
        let passed = i128::from(at.as_second().saturating_sub(self.start).max(0));
        let width = i128::try_from(last).unwrap_or(0);
        usize::try_from(passed * width / i128::from(self.span)).unwrap_or(0).min(last)
    }

    /// For each column which of the items holds there: its own that is worst, or the last one before it.
    pub(in crate::analysis) fn fill(&self, moments: &[Timestamp], worse: &dyn Fn(usize, usize) -> bool) -> Vec<usize> {
        let mut own: Vec<Option<usize>> = vec![None; self.count];
        let mut last_in: Vec<Option<usize>> = vec![None; self.count];
        for (n, at) in moments.iter().enumerate() {
            let column = self.of(*at, n, moments.len());
            if let Some(cell) = own.get_mut(column) {
                *cell = Some(cell.map_or(n, |before| if worse(n, before) { n } else { before }));
            }
            if let Some(cell) = last_in.get_mut(column) {
                *cell = Some(n);
            }
        }
        // The last column is the last look, not the worst near it.
        if let (Some(cell), Some(last)) = (own.last_mut(), moments.len().checked_sub(1)) {
            *cell = Some(last);
        }
        let mut current = 0;
        own.into_iter()
            .zip(last_in)
            .map(|(own, last)| {
                let shown = own.unwrap_or(current);
                current = last.unwrap_or(current);
                shown
            })
            .collect()
    }

    /// The line of dates below: the first, one in the middle where there is room, the last.
    pub(in crate::analysis) fn dates(&self, first: Timestamp, last: Timestamp) -> String {
        let format = match self.span / 3600 {
            ..36 => "%-d %b %H:%M",
            36..7200 => "%-d %b",
            _ => "%b %Y",
        };
        let say = |t: Timestamp| t.strftime(format).to_string();
        let (a, b) = (say(first), say(last));
        let middle =
            Timestamp::from_second(self.start.saturating_add(self.span / 2)).map_or_else(|_| String::new(), say);
        let mut line = vec![' '; self.count];
        let mut put = |text: &str, at: usize| {
            for (n, c) in text.chars().enumerate() {
                if let Some(cell) = line.get_mut(at + n) {
                    *cell = c;
                }
            }
        };
        // Where only one has room, it is the last.
        let both = a.chars().count() + b.chars().count() < self.count;
        if both || a == b {
            put(&a, 0);
        }
        if a != b {
            put(&b, self.count.saturating_sub(b.chars().count()));
        }
        if self.count > 40 && middle != a && middle != b {
            put(&middle, (self.count - middle.chars().count()) / 2);
        }
        line.into_iter().collect()
    }
}

/// A filled line of values, from the top row to the bottom row. `top` is the value at the upper edge.
pub(in crate::analysis) fn area(values: &[f64], top: f64, unicode: bool) -> Vec<String> {
    let eighths = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    // Eighths of rows, from 0 to 80.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    let height = |value: f64| {
        let value = if value.is_nan() { top } else { value.clamp(0.0, top) };
        let height = (value / top * (ROWS * 8) as f64).round() as usize;
        // What is not nothing shows.
        if value > 0.0 { height.max(1) } else { height }
    };
    (0..ROWS)
        .rev()
        .map(|row| {
            let cell = |value: &f64| {
                let part = height(*value).saturating_sub(row * 8).min(8);
                if unicode {
                    eighths.get(part).copied().unwrap_or(' ')
                } else if part >= 4 || (row == 0 && part > 0) {
                    '#'
                } else {
                    ' '
                }
            };
            values.iter().map(cell).collect()
        })
        .collect()
}

/// A value that is easy to read and not below the largest.
pub(in crate::analysis) fn top(most: f64) -> f64 {
    if most <= 0.0 || !most.is_finite() {
        return 1.0;
    }
    let power = 10_f64.powf(most.log10().floor());
    let steps = [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    steps.into_iter().map(|step| step * power).find(|top| *top >= most).unwrap_or(most)
}

/// Stacked columns: rows from the top, each cell the layer that it belongs to. A row stands for `unit` items.
pub(in crate::analysis) fn stacked(columns: &[[usize; 4]]) -> (Vec<Vec<Option<usize>>>, usize) {
    let most = columns.iter().map(|c| c.iter().sum::<usize>()).max().unwrap_or(0);
    let unit = most.div_ceil(ROWS + 2).max(1);
    let rows = most.div_ceil(unit);
    let layer = |column: &[usize; 4], row: usize| {
        // The cell shows the worst that it stands for.
        let from = row * unit;
        let mut end = 0;
        column.iter().position(|n| {
            end += n;
            *n > 0 && end > from
        })
    };
    ((0..rows).rev().map(|row| columns.iter().map(|c| layer(c, row)).collect()).collect(), unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(days: &[i64]) -> Vec<Timestamp> {
        days.iter().map(|d| Timestamp::from_second(1_780_000_000 + d * 86_400).unwrap()).collect()
    }

    #[test]
    fn a_value_holds_until_the_next_look_and_the_worst_of_a_column_shows() {
        let moments = moments(&[0, 50, 51, 100]);
        let values = [1.0, 9.0, 2.0, 3.0];
        let columns = Columns::new(&moments, 11);
        let shown = columns.fill(&moments, &|a, b| values.get(a) > values.get(b));
        assert_eq!(shown, [0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 3]);
    }

    #[test]
    fn looks_of_one_second_or_of_wild_times_are_still_a_chart() {
        let same = moments(&[0, 0, 0]);
        assert_eq!(Columns::new(&same, 5).fill(&same, &|_, _| true), [0, 0, 1, 1, 2]);
        let wild = [Timestamp::MIN, Timestamp::MAX];
        let columns = Columns::new(&wild, 70);
        assert_eq!(columns.fill(&wild, &|_, _| true).len(), 70);
        assert_eq!(columns.dates(Timestamp::MIN, Timestamp::MAX).chars().count(), 70);
    }

    #[test]
    fn a_small_risk_shows_and_none_does_not() {
        let rows = area(&[0.0, 0.1, 100.0, f64::NAN], 100.0, true);
        assert_eq!(rows.last().unwrap(), " ▁██");
        assert_eq!(rows.first().unwrap(), "  ██");
        assert_eq!(area(&[0.0, 0.1, 50.0], 100.0, false).last().unwrap(), " ##");
    }

    #[test]
    fn columns_are_stacked_with_the_worst_at_the_bottom() {
        let (rows, unit) = stacked(&[[1, 0, 2, 0], [0, 0, 0, 1]]);
        assert_eq!(unit, 1);
        assert_eq!(rows, [[Some(2), None], [Some(2), None], [Some(0), Some(3)]]);
        assert_eq!(stacked(&[[0, 0, 120, 0]]).1, 10);
        assert!(stacked(&[]).0.is_empty());
    }
}
