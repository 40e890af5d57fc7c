//! What happens now: jobs that run and what was done last, failed services, errors in the logs, what could not be seen.

use ratatui::text::{Line, Span};

use super::look::{LABEL, Tone, cut, per_second};
use crate::{
    watch::State,
    words::{self, harmless, whole},
};

pub(super) fn lines(state: &State, width: usize, most: usize) -> Vec<Line<'static>> {
    let look = state.look;
    let room = width.saturating_sub(LABEL);
    let mut said: Vec<(Tone, String)> = Vec::new();
    let lines = state.past.iter().flat_map(|past| &past.lines);
    let (running, done): (Vec<_>, Vec<_>) = lines.partition(|line| line.running);
    for line in running {
        said.push((Tone::Good, format!("{}, begun {}", line.says, words::ago(line.at, state.now()))));
    }
    if let Some(moment) = &state.moment {
        if let Some(failed) = moment.failed.filter(|failed| *failed >= 1.0) {
            said.push((Tone::Bad, format!("Services that failed: {}", whole(failed))));
        }
        if let Some(rate) = moment.kernel_errors.filter(|rate| *rate > 0.0) {
            said.push((Tone::Warn, format!("The kernel tells of errors: {}", per_second(rate))));
        }
        for (who, rate) in moment.errors.iter().take(most) {
            said.push((Tone::Warn, format!("{} tells of errors: {}", harmless(who), per_second(*rate))));
        }
        said.extend(moment.gaps.iter().map(|gap| (Tone::Faint, gap.clone())));
    }
    for line in done {
        let tone = if line.bad { Tone::Bad } else { Tone::Plain };
        said.push((tone, format!("{}, {}", line.says, words::ago(line.at, state.now()))));
    }
    let line = |(n, (tone, says)): (usize, (Tone, String))| {
        let says: Span<'static> = look.span(cut(&says, room), tone);
        look.row(if n == 0 { "Now" } else { "" }, vec![says])
    };
    said.into_iter().take(most).enumerate().map(line).collect()
}
