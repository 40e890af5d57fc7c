//! How long it took to fix problems, month by month.

use super::{
    Drawing, Ink, measure,
    pen::{BODY, SMALL, from_to, line, rect},
    says,
};
use crate::report::model::{Repair, RepairMonth};

const TOP: f64 = 24.0;

/// A bar for each month in this width; none where nothing was fixed in any of them.
pub fn fixed(repair: &Repair, name: &str, width: f64) -> Option<Drawing> {
    let months = repair.months.as_slice();
    let most = months.iter().filter_map(days).max_by(f64::total_cmp)?.max(1.0);
    let height = if width < 480.0 { 90.0 } else { 110.0 };
    let base = TOP + height;
    let mut d = Drawing::new(name, "Days until problems were fixed", (width, base + 24.0));
    d.words = says::fixed(repair);
    let slot = width / months.len() as f64;
    let bar = (slot * 0.6).min(56.0);
    let middle = |n: usize| slot * (n as f64 + 0.5);
    let latest = months.iter().rposition(|m| days(m).is_some())?;
    for (n, month) in months.iter().enumerate() {
        let Some(days) = days(month) else { continue };
        let tall = (height * days / most).max(2.0);
        let ink = if n == latest { Ink::Accent } else { Ink::Track };
        d.fill(ink, rect(middle(n) - bar / 2.0, base - tall, bar, tall));
    }
    d.stroke(line(Ink::Grid, 1.0), from_to((0.5, base), (width - 0.5, base)));
    let (mut values, mut names) = (0.0, 0.0);
    for (n, month) in months.iter().enumerate() {
        let look = if n == latest { BODY.size(15.0).bold() } else { SMALL };
        let (y, text) = match days(month) {
            Some(days) if n == latest => (base - (height * days / most).max(2.0) - 6.0, says::days(days)),
            Some(days) => (base - (height * days / most).max(2.0) - 6.0, says::few(days)),
            None => (base - 6.0, "–".to_owned()),
        };
        place(&mut d, (middle(n), y), look, &text, &mut values);
        place(&mut d, (middle(n), base + 17.0), SMALL, &month.name, &mut names);
    }
    Some(d)
}

/// Writes a text centred on its place if the one before it left room.
fn place(d: &mut Drawing, (x, y): (f64, f64), look: super::pen::Type, text: &str, free: &mut f64) {
    let half = measure::width(text, look.size, look.bold) / 2.0;
    let x = x.min(d.width - half).max(half);
    if x - half >= *free && x + half <= d.width {
        d.text((x, y), look.middle(), text);
        *free = x + half + 4.0;
    }
}

fn days(month: &RepairMonth) -> Option<f64> {
    month.median_days.filter(|d| d.is_finite()).map(|d| d.clamp(0.0, 36_500.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::charts::tests::{repair, texts};

    #[test]
    fn a_month_without_a_fix_has_no_bar_and_a_short_time_is_seen() {
        let chart = fixed(&repair(&[Some(30.0), None, Some(0.2)]), "fixed", 680.0).unwrap();
        let texts = texts(&chart);
        assert!(texts.contains(&"30") && texts.contains(&"–") && texts.contains(&"under a day"), "{texts:?}");
        assert_eq!(fixed(&repair(&[None, None]), "fixed", 680.0), None);
        assert_eq!(fixed(&repair(&[]), "fixed", 680.0), None);
    }
}
