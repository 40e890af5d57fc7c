//! Progress on stderr, one listener of the audit's events; silent when stderr is no terminal.

use std::{io::IsTerminal as _, time::Duration};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{audit, probes};

/// A bar that appears only when the work takes long enough to be noticed.
pub(super) struct Bar {
    bar: Option<ProgressBar>,
}

impl Bar {
    pub(super) fn start() -> Self {
        if !std::io::stderr().is_terminal() {
            return Bar { bar: None };
        }
        let bar = ProgressBar::with_draw_target(
            Some(u64::try_from(probes::ALL.len()).unwrap_or(0)),
            ProgressDrawTarget::stderr_with_hz(15),
        );
        if let Ok(style) = ProgressStyle::with_template("  {msg:<34} {bar:30.cyan} {pos}/{len}") {
            bar.set_style(style.progress_chars("━╸ "));
        }
        bar.set_message("Looking at this machine");
        bar.enable_steady_tick(Duration::from_millis(200));
        Bar { bar: Some(bar) }
    }

    pub(super) fn on(&self, event: audit::Progress<'_>) {
        let Some(bar) = &self.bar else { return };
        match event {
            audit::Progress::Probe(probes::Event::Done { .. }) | audit::Progress::Check(_) => bar.inc(1),
            audit::Progress::Checks(n) => {
                bar.set_length(u64::try_from(n).unwrap_or(0));
                bar.set_position(0);
                bar.set_message("Asking the questions");
            }
        }
    }

    pub(super) fn end(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
