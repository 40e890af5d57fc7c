//! How many machines have each grade.

use super::{
    Drawing, Ink,
    pen::{BODY, SMALL, from_to, line, rect},
};
use crate::{report::fleet::GradeCount, words};

const TOP: f64 = 24.0;
const TALL: f64 = 84.0;

/// A bar for each grade in this width; none without a machine.
pub fn grades(counts: &[GradeCount], name: &str, width: f64) -> Option<Drawing> {
    let most = counts.iter().map(|c| c.hosts).max().filter(|most| *most > 0)? as f64;
    let base = TOP + TALL;
    let mut d = Drawing::new(name, "Machines by grade", (width, base + 26.0));
    let told = counts.iter().filter(|c| c.hosts > 0);
    let told: Vec<String> =
        told.map(|c| format!("{} with grade {}", words::number(c.hosts), c.grade.letter())).collect();
    let all: usize = counts.iter().map(|c| c.hosts).sum();
    d.words = format!("Of {}: {}.", words::count(all, "machine", "machines"), words::list(&told));
    let slot = width / counts.len() as f64;
    let bar = (slot * 0.62).min(64.0);
    for (n, count) in counts.iter().enumerate() {
        let middle = slot * (n as f64 + 0.5);
        let tall = if count.hosts == 0 { 0.0 } else { (TALL * count.hosts as f64 / most).max(2.0) };
        if tall > 0.0 {
            d.fill(Ink::of(count.grade), rect(middle - bar / 2.0, base - tall, bar, tall));
        }
        d.text((middle, base - tall - 6.0), BODY.size(14.0).bold().middle(), words::thousands(count.hosts));
        d.text((middle, base + 18.0), SMALL.size(13.0).middle(), count.grade.letter());
    }
    d.stroke(line(Ink::Grid, 1.0), from_to((0.5, base), (width - 0.5, base)));
    Some(d)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::Grade;

    #[test]
    fn every_grade_has_its_place_and_the_words_name_those_that_occur() {
        let counts = [(Grade::A, 13), (Grade::B, 0), (Grade::F, 1)].map(|(grade, hosts)| GradeCount { grade, hosts });
        let chart = grades(&counts, "grades", 300.0).unwrap();
        assert_eq!(chart.words, "Of 14 machines: 13 with grade A and one with grade F.");
        assert_eq!(crate::report::charts::tests::texts(&chart), ["13", "A", "0", "B", "1", "F"]);
        assert_eq!(grades(&counts.map(|c| GradeCount { hosts: 0, ..c }), "grades", 300.0), None);
    }
}
