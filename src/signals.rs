//! A run of fixes is not cut off by a key or a lost connection: it ends with the fix that it is at.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use signal_hook::{
    SigId,
    consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM},
    flag, low_level,
};

/// Hears what would end the program, while it lives.
#[derive(Debug)]
pub(crate) struct Signals {
    asked: Arc<AtomicBool>,
    heard: Vec<SigId>,
}

impl Signals {
    /// Listens from now on.
    pub(crate) fn hear() -> Self {
        let asked = Arc::new(AtomicBool::new(false));
        // A terminal that goes away is no wish to stop: what was begun over a connection that the fix cuts goes on.
        let ignored = Arc::new(AtomicBool::new(false));
        let stop = [SIGINT, SIGTERM, SIGQUIT].map(|signal| flag::register(signal, Arc::clone(&asked)));
        let heard = stop.into_iter().chain([flag::register(SIGHUP, ignored)]).flatten().collect();
        Signals { asked, heard }
    }

    /// Whether someone asked to stop.
    pub(crate) fn asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for id in self.heard.drain(..) {
            low_level::unregister(id);
        }
    }
}
