//! Draws: each file here makes the lines of one part out of the state, and nothing else. No size and no text of a machine
//! makes it fail.

mod charts;
mod connections;
mod disks;
mod head;
mod help;
mod look;
mod memory;
mod network;
mod now;
mod pressure;
mod processes;
mod processor;
mod space;

use ratatui::{buffer::Buffer, layout::Rect, text::Line};

pub use look::Look;

use super::{State, layout};
use crate::config::Panel;

/// Draws all of it.
pub fn frame(state: &State, area: Rect, buffer: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let foot = u16::from(area.height >= 8);
    let head = head::lines(state, area.width, area.height);
    let room = area.height.saturating_sub(foot);
    let top = u16::try_from(head.len()).unwrap_or(u16::MAX).min(room);
    put(&head, Rect { height: top, ..area }, buffer);
    let body = Rect { y: area.y.saturating_add(top), height: room - top, ..area };
    if state.view.help {
        put(&help::lines(state, body.width, body.height), body, buffer);
    } else {
        panels(state, body, buffer);
    }
    if foot == 1 {
        put(&[help::foot(state)], Rect { y: area.bottom().saturating_sub(1), height: 1, ..area }, buffer);
    }
    if !state.look.unicode {
        look::plain(buffer);
    }
}

fn panels(state: &State, body: Rect, buffer: &mut Buffer) {
    let (narrow, whole) = layout::widths(body.width);
    // On a high terminal lists may be longer.
    let most = usize::from(body.height / 8).max(3);
    let mut drawn: Vec<(Panel, Vec<Line<'static>>)> = Vec::new();
    let mut wanted: Vec<(Panel, u16)> = Vec::new();
    for panel in state.panels() {
        // Programs know how many lines they have only when all others are placed.
        if panel == Panel::Processes {
            wanted.extend(state.moment.as_ref().map(|_| (panel, body.height)));
            continue;
        }
        let width = if layout::is_wide(panel) { whole } else { narrow };
        let lines = lines(panel, state, usize::from(width), most);
        if !lines.is_empty() {
            wanted.push((panel, u16::try_from(lines.len()).unwrap_or(u16::MAX)));
            drawn.push((panel, lines));
        }
    }
    for (panel, place) in layout::places(&wanted, body) {
        if panel == Panel::Processes {
            let lines = processes::lines(state, usize::from(place.width), usize::from(place.height));
            put(&lines, place, buffer);
        } else if let Some((_, lines)) = drawn.iter().find(|(p, _)| *p == panel) {
            put(lines, place, buffer);
        }
    }
}

/// The lines of a panel that knows by itself how many it has.
fn lines(panel: Panel, state: &State, width: usize, most: usize) -> Vec<Line<'static>> {
    match panel {
        Panel::Charts => charts::lines(state, width),
        Panel::Now => now::lines(state, width, most),
        Panel::Processes => Vec::new(),
        _ => {
            let Some(moment) = &state.moment else { return Vec::new() };
            let look = state.look;
            match panel {
                Panel::Processor => processor::lines(moment, look, width, state.view.cores, most),
                Panel::Memory => memory::lines(moment, look, width),
                Panel::Pressure => pressure::lines(moment, look, width),
                Panel::Disks => disks::lines(moment, look, width, most),
                Panel::Network => network::lines(moment, look, most),
                Panel::Connections => connections::lines(moment, look),
                _ => space::lines(moment, look, width, most),
            }
        }
    }
}

/// Puts lines into a place, as many as there is room for.
fn put(lines: &[Line<'static>], place: Rect, buffer: &mut Buffer) {
    let place = place.intersection(buffer.area);
    for (y, line) in (place.y..place.bottom()).zip(lines) {
        buffer.set_line(place.x, y, line, place.width);
    }
}

/// A picture as text, without colours.
pub fn text(state: &State, width: u16, height: u16) -> String {
    let area = Rect { x: 0, y: 0, width, height };
    let mut buffer = Buffer::empty(area);
    frame(state, area, &mut buffer);
    self::lines_of(&buffer)
}

/// The lines of a buffer as text.
pub(super) fn lines_of(buffer: &Buffer) -> String {
    use unicode_width::UnicodeWidthStr as _;
    let mut out = String::new();
    for y in buffer.area.top()..buffer.area.bottom() {
        let mut line = String::new();
        let mut x = buffer.area.left();
        while let Some(cell) = buffer.cell((x, y)) {
            line.push_str(cell.symbol());
            x = x.saturating_add(u16::try_from(cell.symbol().width().max(1)).unwrap_or(1));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}
