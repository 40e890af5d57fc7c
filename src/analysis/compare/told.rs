//! A change in words, and many alike put into one sentence.

use super::{
    model::{Change, Pair, Weight},
    row::Row,
};
use crate::words;

/// How many items of a list a sentence names.
const NAMED: usize = 6;
/// From how many alike on they are told in one sentence, unless said otherwise.
const ALIKE: usize = 5;

/// What a row that differs tells.
#[derive(Debug, Clone)]
pub(super) struct Told {
    weight: Weight,
    text: String,
    many: Option<Many>,
}

/// How it is told with others like it.
#[derive(Debug, Clone)]
struct Many {
    phrase: String,
    item: String,
    from: usize,
}

impl Told {
    fn new(weight: Weight, text: impl Into<String>) -> Self {
        Told { weight, text: text.into(), many: None }
    }

    pub(super) fn danger(text: impl Into<String>) -> Self {
        Told::new(Weight::Danger, text)
    }

    pub(super) fn notable(text: impl Into<String>) -> Self {
        Told::new(Weight::Notable, text)
    }

    pub(super) fn routine(text: impl Into<String>) -> Self {
        Told::new(Weight::Routine, text)
    }

    pub(super) fn safer(text: impl Into<String>) -> Self {
        Told::new(Weight::Safer, text)
    }

    pub(super) fn weighed(weight: Weight, text: impl Into<String>) -> Self {
        Told::new(weight, text)
    }

    /// Five and more with the same phrase become one sentence: `12 <phrase>: <item>, …`.
    pub(super) fn many(self, phrase: impl Into<String>, item: impl Into<String>) -> Self {
        self.from(ALIKE, phrase, item)
    }

    /// Two and more with the same phrase become one sentence.
    pub(super) fn together(self, phrase: impl Into<String>, item: impl Into<String>) -> Self {
        self.from(2, phrase, item)
    }

    fn from(mut self, from: usize, phrase: impl Into<String>, item: impl Into<String>) -> Self {
        self.many = Some(Many { phrase: phrase.into(), item: item.into(), from });
        self
    }
}

/// The sentences of one table, those alike in one; what is said twice is said once.
pub(super) fn put_together(table: &str, told: Vec<(Told, Row<'_>)>) -> Vec<Change> {
    struct Heap<'a> {
        /// Weight, and the phrase of what can be told in one sentence, or the sentence itself.
        alike: (Weight, String),
        told: Vec<(Told, Row<'a>)>,
    }
    let mut heaps: Vec<Heap<'_>> = Vec::new();
    for (told, row) in told {
        let key = (told.weight, told.many.as_ref().map_or(&told.text, |m| &m.phrase).clone());
        match heaps.iter_mut().find(|heap| heap.alike == key) {
            Some(heap) => heap.told.push((told, row)),
            None => heaps.push(Heap { alike: key, told: vec![(told, row)] }),
        }
    }
    heaps.into_iter().flat_map(|heap| heap_changes(table, heap.told)).collect()
}

fn heap_changes(table: &str, heap: Vec<(Told, Row<'_>)>) -> Vec<Change> {
    let mut said: Vec<(Told, Vec<Pair>)> = Vec::new();
    for (told, row) in heap {
        let pair = Pair { before: row.halves().before.clone(), after: row.halves().after.clone() };
        match said.iter_mut().find(|(t, _)| t.text == told.text) {
            Some((_, rows)) => rows.push(pair),
            None => said.push((told, vec![pair])),
        }
    }
    let alike = said.first().and_then(|(t, _)| Some((t.weight, t.many.clone()?)));
    match alike {
        Some((weight, many)) if said.len() >= many.from => {
            let items: Vec<String> = said.iter().filter_map(|(t, _)| t.many.as_ref()).map(|m| m.item.clone()).collect();
            let start = format!("{} {}", words::thousands(items.len()), many.phrase);
            vec![Change {
                table: table.to_owned(),
                weight,
                text: format!("{start}: {}.", cut(&items)),
                full_text: format!("{start}: {}.", items.join(", ")),
                items,
                rows: said.into_iter().flat_map(|(_, rows)| rows).collect(),
            }]
        }
        _ => said
            .into_iter()
            .map(|(told, rows)| Change {
                table: table.to_owned(),
                weight: told.weight,
                text: told.text.clone(),
                full_text: told.text,
                items: Vec::new(),
                rows,
            })
            .collect(),
    }
}

/// The first few, and how many more.
pub(super) fn cut(items: &[String]) -> String {
    match items.get(..NAMED) {
        Some(named) if items.len() > NAMED + 1 => {
            format!("{} and {} more", named.join(", "), words::thousands(items.len() - NAMED))
        }
        _ => words::list(items),
    }
}

/// With a small first letter: within a sentence.
pub(super) fn lower(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |c| c.to_lowercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::RowDiff;

    fn changes(n: usize) -> Vec<Change> {
        let diff = RowDiff { before: None, after: None, beside: false };
        let told = (0..n).map(|i| {
            let name = format!("p{i}");
            (Told::routine(format!("{name} came.")).many("programs came", name), Row::new(&diff))
        });
        put_together("packages", told.collect())
    }

    #[test]
    fn a_long_list_is_cut_and_kept_whole_beside() {
        let [change] = changes(20).try_into().unwrap();
        assert_eq!(change.text, "20 programs came: p0, p1, p2, p3, p4, p5 and 14 more.");
        assert_eq!(change.items.len(), 20);
        assert!(change.full_text.ends_with("p18, p19."));
    }

    #[test]
    fn a_few_are_told_one_by_one_and_one_more_is_not_hidden() {
        assert_eq!(changes(4).len(), 4);
        assert!(changes(7).first().unwrap().text.ends_with("p5 and p6."));
    }

    #[test]
    fn what_is_said_twice_is_said_once() {
        let diff = RowDiff { before: None, after: None, beside: false };
        let twice = vec![(Told::danger("A."), Row::new(&diff)), (Told::danger("A."), Row::new(&diff))];
        let told = put_together("x", twice);
        assert_eq!(told.len(), 1);
        assert_eq!(told.first().unwrap().rows.len(), 2);
    }
}
