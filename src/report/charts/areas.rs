//! Risk by area as bars, the worst first, with the places where grades change cut into them.

use super::{
    Drawing, Ink, measure,
    pen::{BODY, SMALL, rect},
    risk_or_worst, says,
};
use crate::{
    report::model::Area,
    score::Grade,
    words::{self, harmless},
};

/// More areas than these are told by their count.
const ROWS: usize = 20;
const BAR: f64 = 10.0;
/// Height of a line of words below the bars.
const LINE: f64 = 15.0;

/// The bars in this width; none where no area has a risk.
pub fn areas(areas: &[Area], name: &str, width: f64) -> Option<Drawing> {
    let mut loud: Vec<&Area> = areas.iter().filter(|a| risk_or_worst(a.risk) > 0.0).collect();
    loud.sort_by(|a, b| risk_or_worst(b.risk).total_cmp(&risk_or_worst(a.risk)).then_with(|| a.title.cmp(&b.title)));
    if loud.is_empty() {
        return None;
    }
    let quiet = areas.iter().filter(|a| risk_or_worst(a.risk) == 0.0 && a.is_quiet()).count();
    let mut notes: Vec<String> = says::other_areas(loud.len().saturating_sub(ROWS), quiet).into_iter().collect();
    if loud.len() > 1 {
        notes.push("Chances overlap: the whole is less than the sum.".to_owned());
    }
    let words = says::areas(&loud, quiet);
    loud.truncate(ROWS);

    // A narrow chart has the names above the bars.
    let stacked = width < 480.0;
    let names: Vec<String> = loud.iter().map(|a| harmless(&a.title)).collect();
    let widest = names.iter().map(|n| measure::width(n, BODY.size, false)).fold(0.0, f64::max);
    let left = if stacked { 0.0 } else { widest.min(width * 0.36) + 16.0 };
    let right = if stacked { width } else { width - 62.0 };
    let row = if stacked { 38.0 } else { 26.0 };
    let x = |risk: f64| left + (right - left) * risk / 100.0;

    let head = 22.0;
    let foot = 2.0 + 8.0 * f64::from(u8::from(!notes.is_empty())) + LINE * notes.len() as f64;
    let mut d = Drawing::new(name, "Risk by area", (width, head + row * loud.len() as f64 + foot));
    d.words = words;
    for (from, to, grade) in Grade::BANDS {
        d.text((x(f64::midpoint(from, to)), 12.0), SMALL.size(11.0).middle(), grade.letter());
    }
    let bar_top = |n: usize| head + row * n as f64 + if stacked { 22.0 } else { (row - BAR) / 2.0 };
    // A small gap shows where one grade ends and the next begins.
    let bands = || Grade::BANDS.into_iter().map(|(from, to, _)| (x(from) + if from > 0.0 { 1.0 } else { 0.0 }, x(to)));
    for n in 0..loud.len() {
        bands().for_each(|(from, to)| d.fill(Ink::Track, rect(from, bar_top(n), to - from, BAR)));
    }
    for (n, area) in loud.iter().enumerate() {
        // Even the smallest risk is seen.
        let end = x(risk_or_worst(area.risk)).max(left + 2.0);
        for (from, to) in bands().filter(|(from, _)| *from < end) {
            d.fill(Ink::Fill, rect(from, bar_top(n), to.min(end) - from, BAR));
        }
    }
    let text_y = |n: usize| if stacked { head + row * n as f64 + 15.0 } else { bar_top(n) + BAR / 2.0 + 4.4 };
    for (n, title) in names.iter().enumerate() {
        let room = if stacked { width - 70.0 } else { left - 16.0 };
        d.text((0.0, text_y(n)), BODY, measure::fit(title, BODY.size, false, room));
    }
    for (n, area) in loud.iter().enumerate() {
        d.text((width - 40.0, text_y(n)), BODY.bold().middle(), area.grade.letter());
    }
    for (n, area) in loud.iter().enumerate() {
        d.text((width, text_y(n)), BODY.ink(Ink::Soft).end(), words::whole(risk_or_worst(area.risk)));
    }
    for (n, note) in notes.iter().enumerate() {
        let y = head + row * loud.len() as f64 + 16.0 + LINE * n as f64;
        d.text((0.0, y), SMALL, measure::fit(note, SMALL.size, false, width));
    }
    Some(d)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::charts::tests::{area, texts};

    #[test]
    fn the_worst_area_is_first_and_quiet_ones_are_counted() {
        let list = [area("Updates", 8.0), area("Disks", 0.0), area("Logging in", 64.2), area("Mail", 0.0)];
        let chart = areas(&list, "areas", 680.0).unwrap();
        let texts = texts(&chart);
        let place = |text: &str| texts.iter().position(|t| *t == text).unwrap();
        assert!(place("Logging in") < place("Updates") && place("64") < place("8"));
        assert!(texts.contains(&"No risk was found in two other areas."), "{texts:?}");
        assert_eq!(areas(&list[1..2], "areas", 680.0), None);
    }
}
