//! Tables: columns as wide as their content wants, rows that stay whole, a head on every page.

use std::rc::Rc;

use super::{
    block::{Align, Column, Table, Text, plain},
    flow::{Flow, Glue, Item, Ribbon, Strip, What},
    tags::{ARTIFACT, Role, Tag},
    theme::{Style, colour},
    wrap::measure,
};

/// Between two columns.
const BETWEEN: f32 = 12.0;
/// Above and below the text of a row.
const PAD: f32 = 4.5;
/// How many texts of a column say how wide it should be: the longest ones.
const MEASURED: usize = 40;
/// Thickness of the line below a row.
const LINE: f32 = 0.6;

/// Lays a table out at the end of a ribbon.
pub(super) fn lay(flow: &mut Flow, table: &Table, x: f32, width: f32, out: &mut Ribbon) {
    let widths = widths(flow, table, width);
    let tag = flow.tags.add(flow.parent(), Role::Table);
    let head = table.columns.iter().any(|c| !c.head.is_empty()).then(|| {
        let mut head = head(flow, table, &widths, tag, x, width);
        head.glue = Glue::Hard;
        head
    });
    // Above the rows of the next page it only decorates: readers have heard it.
    let again = head.as_ref().map(|head| Rc::new(repeated(head)));
    if let Some(head) = head {
        out.push(head);
    }
    let count = table.rows.len();
    for (n, row) in table.rows.iter().enumerate() {
        let mut strips = row_strips(flow, table, row, &widths, tag, x, width);
        // No row stands alone at the top or at the foot of a page.
        let lonely = count > 2 && (n == 0 || n + 2 == count);
        if let Some(last) = strips.last_mut() {
            last.glue = if lonely { Glue::Hard } else { Glue::Free };
        }
        for mut strip in strips {
            strip.head = again.clone();
            out.push(strip);
        }
    }
    out.after = 8.0;
}

fn repeated(head: &Strip) -> Strip {
    let mut again = head.clone();
    for item in &mut again.items {
        item.tag = ARTIFACT;
        if let What::Line(line) = &mut item.what {
            for atom in &mut line.atoms {
                let look = Rc::make_mut(&mut atom.look);
                (look.tag, look.link) = (ARTIFACT, None);
            }
        }
    }
    again
}

fn head(flow: &mut Flow, table: &Table, widths: &[f32], tag: Tag, x: f32, width: f32) -> Strip {
    let row = flow.tags.add(tag, Role::TR);
    let mut strip = Strip::new(0.0, 4.0);
    let mut left = x;
    for (column, wide) in table.columns.iter().zip(widths) {
        let cell = flow.tags.add(row, Role::TH);
        let mut ribbon = Ribbon::default();
        flow.set(
            &aligned(Text::new(Style::HEAD, vec![plain(column.head)]), column),
            cell,
            left,
            *wide,
            Vec::new(),
            &mut ribbon,
        );
        let part = ribbon.merge();
        strip.height = strip.height.max(part.height);
        strip.items.extend(part.items);
        left += wide + BETWEEN;
    }
    strip.height += PAD;
    line(&mut strip, x, width, colour::SOFT);
    strip
}

fn line(strip: &mut Strip, x: f32, width: f32, ink: u32) {
    strip.items.push(Item { x, y: strip.height, tag: ARTIFACT, what: What::Rect(width, LINE, ink) });
    strip.height += LINE;
}

fn aligned(text: Text, column: &Column) -> Text {
    if column.align == Align::Right { text.right() } else { text }
}

fn row_strips(
    flow: &mut Flow,
    table: &Table,
    row: &[Vec<Text>],
    widths: &[f32],
    tag: Tag,
    x: f32,
    width: f32,
) -> Vec<Strip> {
    let row_tag = flow.tags.add(tag, Role::TR);
    let mut cells: Vec<Ribbon> = Vec::new();
    let mut left = x;
    for (n, (column, wide)) in table.columns.iter().zip(widths).enumerate() {
        let cell = flow.tags.add(row_tag, if n == 0 { Role::RowHead } else { Role::TD });
        let mut ribbon = Ribbon::default();
        for text in row.get(n).into_iter().flatten() {
            flow.set(&aligned(text.clone(), column), cell, left, *wide, Vec::new(), &mut ribbon);
        }
        cells.push(ribbon);
        left += wide + BETWEEN;
    }
    let tallest = cells.iter().map(Ribbon::height).fold(0.0, f32::max);
    let mut strips = if tallest < flow.page * 0.5 { vec![whole(cells)] } else { by_line(cells) };
    if let Some(first) = strips.first_mut() {
        for item in &mut first.items {
            item.y += PAD;
        }
        first.height += PAD;
    }
    if let Some(last) = strips.last_mut() {
        last.height += PAD - 1.0;
        line(last, x, width, colour::LINE);
    }
    strips
}

/// A row that stays whole.
fn whole(cells: Vec<Ribbon>) -> Strip {
    let mut strip = Strip::new(0.0, 0.0);
    for cell in cells {
        let part = cell.merge();
        strip.height = strip.height.max(part.height);
        strip.items.extend(part.items);
    }
    strip
}

/// A row that is too high to stay whole: one strip for each line.
fn by_line(cells: Vec<Ribbon>) -> Vec<Strip> {
    let mut cells: Vec<_> = cells.into_iter().map(|c| c.strips.into_iter()).collect();
    let mut strips = Vec::new();
    loop {
        let mut strip = Strip::new(0.0, 0.0);
        let mut any = false;
        for part in cells.iter_mut().filter_map(Iterator::next) {
            any = true;
            strip.height = strip.height.max(part.height);
            strip.items.extend(part.items);
        }
        if !any {
            return strips;
        }
        strips.push(strip);
    }
}

/// How wide the columns are: by their share, or by what their content wants and needs.
#[allow(clippy::cast_precision_loss, reason = "a few columns")]
fn widths(flow: &mut Flow, table: &Table, width: f32) -> Vec<f32> {
    let room = width - BETWEEN * table.columns.len().saturating_sub(1) as f32;
    let mut needs: Vec<(f32, f32)> = Vec::new();
    for (n, column) in table.columns.iter().enumerate() {
        if let Some(share) = column.share {
            needs.push((room * share, room * share));
            continue;
        }
        let (mut word, mut all) = measure(&Text::new(Style::HEAD, vec![plain(column.head)]), &mut flow.shaper);
        let mut texts: Vec<&Text> = table.rows.iter().filter_map(|row| row.get(n)).flatten().collect();
        let longest = |text: &Text| std::cmp::Reverse(text.spans.iter().map(|s| s.text.len()).sum::<usize>());
        texts.sort_by_cached_key(|text| longest(text));
        for text in texts.into_iter().take(MEASURED) {
            let (w, a) = measure(text, &mut flow.shaper);
            (word, all) = (word.max(w), all.max(a));
        }
        // One endless word must not push the other columns away.
        needs.push((word.min(room * 0.45) + 0.5, all + 0.5));
    }
    let given: f32 = needs.iter().zip(&table.columns).filter(|(_, c)| c.share.is_some()).map(|(n, _)| n.0).sum();
    let left = (room - given).max(1.0);
    let free = || needs.iter().zip(&table.columns).filter(|(_, c)| c.share.is_none()).map(|(n, _)| n);
    let (least, most): (f32, f32) = (free().map(|n| n.0).sum(), free().map(|n| n.1).sum());
    let wide = |need: &(f32, f32)| {
        if most <= left {
            // Everything fits: what is left over goes to those that want most.
            need.1 + (left - most) * need.1 / most.max(1.0)
        } else if least <= left {
            need.0 + (left - least) * (need.1 - need.0) / (most - least).max(1.0)
        } else {
            left * need.0 / least.max(1.0)
        }
    };
    needs.iter().zip(&table.columns).map(|(need, c)| if c.share.is_some() { need.0 } else { wide(need) }).collect()
}
