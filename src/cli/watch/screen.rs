//! The terminal while the view has it, and giving it back as it was: at the end, after a panic, when the program goes to the
//! background. What is written to it is counted.

use std::{
    io::{self, BufWriter, Stdout, Write},
    sync::{
        Arc, Once,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use crossterm::{
    cursor::{Hide, Show},
    execute,
    terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
};
use ratatui::{
    Terminal,
    backend::CrosstermBackend,
    layout::{Position, Rect},
};

use crate::watch::{State, draw};

/// Whether the view has the terminal.
static HELD: AtomicBool = AtomicBool::new(false);

/// The terminal.
pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Counted>>>,
    written: Arc<AtomicU64>,
}

/// Counts what goes through.
struct Counted {
    out: Stdout,
    written: Arc<AtomicU64>,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.out.write(bytes)?;
        self.written.fetch_add(u64::try_from(n).unwrap_or(0), Ordering::Relaxed);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Screen {
    /// Takes the terminal.
    pub(super) fn open() -> io::Result<Self> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                restore();
                before(panic);
                // A picture that nobody draws any more, or that shows nothing new, is of no use.
                std::process::exit(101);
            }));
        });
        take()?;
        let written = Arc::new(AtomicU64::new(0));
        let counted = Counted { out: io::stdout(), written: Arc::clone(&written) };
        let out = BufWriter::with_capacity(1 << 16, counted);
        match Terminal::new(CrosstermBackend::new(out)) {
            Ok(terminal) => Ok(Screen { terminal, written }),
            Err(error) => {
                restore();
                Err(error)
            }
        }
    }

    /// Draws what changed.
    pub(super) fn draw(&mut self, state: &State) -> io::Result<()> {
        self.terminal.draw(|frame| draw::frame(state, frame.area(), frame.buffer_mut()))?;
        Ok(())
    }

    /// All of it anew with the next picture.
    pub(super) fn clean(&mut self) -> io::Result<()> {
        // `clear` would ask the terminal where its cursor is, and who reads keys would get the answer.
        let size = self.terminal.size()?;
        self.terminal.resize(Rect::from((Position::ORIGIN, size)))
    }

    /// How many bytes were written.
    pub(super) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Gives the terminal back and stops, until the program is called to the front.
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        restore();
        signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP)?;
        self.again()
    }

    /// Takes the terminal again, whatever others did with it.
    pub(super) fn again(&mut self) -> io::Result<()> {
        // Else it would be taken to be as it was left.
        let _ = disable_raw_mode();
        take()?;
        self.clean()
    }

    /// Gives the terminal back.
    pub(super) fn close(&mut self) {
        let _ = Write::flush(self.terminal.backend_mut());
        restore();
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

fn take() -> io::Result<()> {
    enable_raw_mode()?;
    HELD.store(true, Ordering::SeqCst);
    execute!(io::stdout(), EnterAlternateScreen, Hide)
}

/// The same where the terminal takes nothing any more: writing to it would wait without end.
pub(super) fn restore_keys() {
    if HELD.swap(false, Ordering::SeqCst) {
        let _ = disable_raw_mode();
    }
}

/// Gives the terminal back as it was. Once is enough.
pub(super) fn restore() {
    if HELD.swap(false, Ordering::SeqCst) {
        let _ = disable_raw_mode();
        let _ = execute!(io::stdout(), LeaveAlternateScreen, Show);
    }
}
