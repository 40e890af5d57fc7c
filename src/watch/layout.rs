//! What is shown where: panels in their order, in two columns where there is room, each as high as what it has to say; the
//! programs get what is left. Where there is too little room, the largest give way first.

use ratatui::layout::Rect;

use crate::config::Panel;

/// From this width on there are two columns.
const TWO_COLUMNS: u16 = 150;
/// Between two columns.
const GAP: u16 = 2;

/// How wide panels are, the narrow ones first, then those that have the whole width.
pub(super) fn widths(width: u16) -> (u16, u16) {
    let narrow = if width >= TWO_COLUMNS { (width - GAP) / 2 } else { width };
    (narrow, width)
}

/// Whether it has the whole width.
pub(super) fn is_wide(panel: Panel) -> bool {
    matches!(panel, Panel::Now | Panel::Processes)
}

/// Panels that follow each other and share their height.
struct Block {
    /// Of each column, the panels and how many lines each has.
    columns: Vec<Vec<(Panel, u16)>>,
}

impl Block {
    fn height(&self) -> u16 {
        let column = |panels: &Vec<(Panel, u16)>| panels.iter().map(|(_, n)| *n).fold(0, u16::saturating_add);
        self.columns.iter().map(column).max().unwrap_or(0)
    }

    /// Makes it a line less high.
    fn shrink(&mut self) {
        let height = self.height();
        for column in &mut self.columns {
            if column.iter().map(|(_, n)| *n).fold(0, u16::saturating_add) < height {
                continue;
            }
            let largest = column.iter().map(|(_, n)| *n).max().unwrap_or(0);
            // All have one line: the last one goes. Else the last of the largest.
            if let Some(place) = column.iter().rposition(|(_, n)| *n == largest)
                && let Some((_, lines)) = column.get_mut(place)
            {
                *lines = lines.saturating_sub(1);
            }
        }
    }
}

/// Where each panel is, from how many lines it wants.
pub(super) fn places(wanted: &[(Panel, u16)], area: Rect) -> Vec<(Panel, Rect)> {
    let (narrow, _) = widths(area.width);
    let two = narrow < area.width;
    let mut blocks: Vec<Block> = Vec::new();
    let mut run: Vec<(Panel, u16)> = Vec::new();
    let programs = wanted.iter().find(|(panel, _)| *panel == Panel::Processes).map(|(_, lines)| *lines);
    for (panel, lines) in wanted.iter().copied() {
        if is_wide(panel) {
            blocks.extend(block(&mut run, two));
            // Programs get what is left.
            let lines = if panel == Panel::Processes { 0 } else { lines };
            blocks.push(Block { columns: vec![vec![(panel, lines)]] });
        } else {
            run.push((panel, lines));
        }
    }
    blocks.extend(block(&mut run, two));
    let total = |blocks: &[Block]| blocks.iter().map(Block::height).fold(0, u16::saturating_add);
    let least = programs.map_or(0, |lines| lines.min((area.height / 3).max(2)));
    let room = area.height.saturating_sub(least);
    while total(&blocks) > room {
        let highest = blocks.iter().map(Block::height).max().unwrap_or(0);
        match blocks.iter_mut().rev().find(|block| block.height() == highest) {
            Some(block) if highest > 0 => block.shrink(),
            _ => break,
        }
    }
    let left = area.height.saturating_sub(total(&blocks));
    let mut found = Vec::new();
    let mut y = area.y;
    for block in &mut blocks {
        for panel in block.columns.iter_mut().flatten().filter(|(panel, _)| *panel == Panel::Processes) {
            panel.1 = left;
        }
        let mut x = area.x;
        for column in &block.columns {
            let mut top = y;
            for (panel, lines) in column.iter().copied().filter(|(_, lines)| *lines > 0) {
                let width = if is_wide(panel) { area.width } else { narrow };
                found.push((panel, Rect { x, y: top, width, height: lines }));
                top = top.saturating_add(lines);
            }
            x = x.saturating_add(narrow).saturating_add(GAP);
        }
        y = y.saturating_add(block.height());
    }
    found
}

/// Panels that follow each other, in one column or two of about the same height.
fn block(run: &mut Vec<(Panel, u16)>, two: bool) -> Option<Block> {
    let panels = std::mem::take(run);
    if panels.is_empty() {
        return None;
    }
    if !two {
        return Some(Block { columns: vec![panels] });
    }
    let height = |panels: &[(Panel, u16)]| panels.iter().map(|(_, n)| *n).fold(0, u16::saturating_add);
    let higher = |at: usize| {
        let (left, right) = panels.split_at(at);
        height(left).max(height(right))
    };
    let at = (0..=panels.len()).min_by_key(|at| higher(*at)).unwrap_or(0);
    let (left, right) = panels.split_at(at);
    Some(Block { columns: vec![left.to_vec(), right.to_vec()] })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn area(width: u16, height: u16) -> Rect {
        Rect { x: 0, y: 0, width, height }
    }

    #[test]
    fn programs_get_what_is_left_and_the_largest_give_way() {
        let wanted = [(Panel::Processor, 2), (Panel::Disks, 4), (Panel::Now, 2), (Panel::Processes, 50)];
        let heights = |height| {
            let placed = places(&wanted, area(80, height));
            placed.iter().map(|(panel, place)| (*panel, place.height)).collect::<Vec<_>>()
        };
        let all = [(Panel::Processor, 2), (Panel::Disks, 4), (Panel::Now, 2), (Panel::Processes, 22)];
        assert_eq!(heights(30), all);
        let few = [(Panel::Processor, 2), (Panel::Disks, 1), (Panel::Now, 2), (Panel::Processes, 2)];
        assert_eq!(heights(7), few);
        assert_eq!(heights(2), [(Panel::Processes, 2)]);
        assert_eq!(heights(0), []);
    }

    #[test]
    fn a_wide_terminal_has_two_columns() {
        let wanted = [(Panel::Processor, 3), (Panel::Memory, 2), (Panel::Disks, 1), (Panel::Processes, 9)];
        let placed = places(&wanted, area(160, 20));
        let of = |panel| placed.iter().find(|(p, _)| *p == panel).unwrap().1;
        assert_eq!(of(Panel::Processor), Rect { x: 0, y: 0, width: 79, height: 3 });
        assert_eq!(of(Panel::Memory), Rect { x: 81, y: 0, width: 79, height: 2 });
        assert_eq!(of(Panel::Processes), Rect { x: 0, y: 3, width: 160, height: 17 });
    }

    proptest! {
        #[test]
        fn no_panel_lies_over_another_or_outside(
            lines in proptest::collection::vec(0_u16..200, 10),
            order in Just(Panel::ALL.to_vec()).prop_shuffle(),
            width in 1_u16..400,
            height in 0_u16..120,
        ) {
            let wanted: Vec<(Panel, u16)> = order.into_iter().zip(lines).collect();
            let whole = Rect { x: 0, y: 3, width, height };
            let placed = places(&wanted, whole);
            for (n, (_, one)) in placed.iter().enumerate() {
                prop_assert!(one.right() <= whole.right() && one.bottom() <= whole.bottom(), "{one:?}");
                for (_, other) in placed.iter().skip(n + 1) {
                    prop_assert!(!one.intersects(*other), "{one:?} {other:?}");
                }
            }
        }
    }
}
