//! A file told by the file that it was: ranges of it that stay, and what is new between them. So a change can be written
//! down without what else the file holds.

/// A part of what a file becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// So many bytes of what it was, from there.
    Old(usize, usize),
    /// New ones.
    New(Vec<u8>),
}

/// Shortest piece of the old file that is taken from there rather than written down.
const SHORTEST: usize = 4;
/// Most comparisons, so that a large file that is wholly another is given up.
const WORK: usize = 200_000_000;

/// What makes `after` of `before`; none where they have too little in common. No piece of `before` of that length is
/// among what is new, wherever it stood.
pub(super) fn parts(before: &[u8], after: &[u8]) -> Option<Vec<Part>> {
    let same = |(a, b): &(&u8, &u8)| a == b;
    let head = before.iter().zip(after).take_while(same).count();
    let most = before.len().min(after.len()) - head;
    let tail = before.iter().rev().zip(after.iter().rev()).take_while(same).count().min(most);
    let middle = after.get(head..after.len() - tail)?;
    if middle.len().checked_mul(before.len())? > WORK {
        return None;
    }
    let mut parts = vec![Part::Old(0, head)];
    let mut at = 0;
    while let Some(rest) = middle.get(at..).filter(|r| !r.is_empty()) {
        let (from, length) = longest(before, rest);
        if length >= SHORTEST {
            parts.push(Part::Old(from, length));
            at += length;
        } else {
            match parts.last_mut() {
                Some(Part::New(new)) => new.extend(rest.first()),
                _ => parts.push(Part::New(rest.first().copied().into_iter().collect())),
            }
            at += 1;
        }
    }
    parts.push(Part::Old(before.len() - tail, tail));
    parts.retain(|p| !matches!(p, Part::Old(_, 0)));
    Some(parts)
}

/// The longest beginning of `wanted` that is somewhere in `text`.
fn longest(text: &[u8], wanted: &[u8]) -> (usize, usize) {
    let length = |from: usize| text.iter().skip(from).zip(wanted).take_while(|(a, b)| a == b).count();
    (0..text.len()).map(|from| (from, length(from))).max_by_key(|(_, n)| *n).unwrap_or((0, 0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn joined(before: &[u8], parts: &[Part]) -> Vec<u8> {
        let mut all = Vec::new();
        for part in parts {
            match part {
                Part::Old(from, n) => all.extend(&before[*from..from + n]),
                Part::New(new) => all.extend(new),
            }
        }
        all
    }

    #[test]
    fn only_what_is_new_is_written_down() {
        let (before, after) = ("a=1 password=hunter2 x\nb\n", "b\na=2 password=hunter2 x\nnew\n");
        let parts = parts(before.as_bytes(), after.as_bytes()).unwrap();
        assert_eq!(joined(before.as_bytes(), &parts), after.as_bytes());
        let new: Vec<u8> =
            parts.iter().filter_map(|p| if let Part::New(n) = p { Some(n) } else { None }).flatten().copied().collect();
        assert!(!String::from_utf8(new).unwrap().contains("hunt"));
    }

    proptest! {
        #[test]
        fn the_parts_make_the_whole(before in "[ab\n]{0,40}", after in "[abc\n]{0,40}") {
            let parts = parts(before.as_bytes(), after.as_bytes()).unwrap();
            prop_assert_eq!(joined(before.as_bytes(), &parts), after.as_bytes());
        }
    }
}
