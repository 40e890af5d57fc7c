//! What the terminal can show, and writing to stdout or a file.

use std::{
    io::{IsTerminal as _, Write as _},
    path::Path,
    process::{Command, Stdio},
};

use super::error::CliError;
use crate::{
    files::write_whole,
    report::{Rendered, Style},
};

/// Style of pages on stdout.
pub(super) fn style() -> Style {
    let terminal = std::io::stdout().is_terminal();
    let width = if terminal { usize::from(console_width()) } else { 80 };
    Style { colour: colour(), unicode: unicode(), width: width.clamp(60, 100) }
}

fn console_width() -> u16 {
    rustix::termios::tcgetwinsize(std::io::stdout()).map_or(80, |size| if size.ws_col == 0 { 80 } else { size.ws_col })
}

/// Whether stdout wants colours: a terminal, and neither NO_COLOR nor TERM=dumb.
fn colour() -> bool {
    anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never
}

/// Whether the locale is UTF-8; a pipe gets UTF-8 unless the locale says otherwise.
fn unicode() -> bool {
    match locale("LC_CTYPE") {
        Some(locale) => locale.to_lowercase().replace('-', "").contains("utf8"),
        None => !std::io::stdout().is_terminal(),
    }
}

/// The locale of one category, as programs find it; none when none is set.
pub(super) fn locale(category: &str) -> Option<String> {
    ["LC_ALL", category, "LANG"].iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()))
}

/// The format that is written: the one that was named, else as the name of the file ends, else the usual one.
pub(super) fn format<F: clap::ValueEnum>(named: Option<F>, output: Option<&Path>, usual: F) -> F {
    let by_file = || F::from_str(output?.extension()?.to_str()?, true).ok();
    named.or_else(by_file).unwrap_or(usual)
}

/// Writes text to stdout; a reader that went away (`| head`) is no error.
pub(super) fn print(text: &str) -> Result<(), CliError> {
    print_bytes(text.as_bytes())
}

/// The same with bytes.
pub(super) fn print_bytes(bytes: &[u8]) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Writes a file whole or not at all: a temporary file beside it, then a rename. A device or a pipe that is there
/// already (`/dev/null`, `/dev/stdout`) is written to, never replaced; of a link, what it points to.
pub(super) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let fail = |error: std::io::Error| {
        CliError::failed(
            format!("{} cannot be written: {error}", path.display()),
            "Give another place, or - to print it",
        )
    };
    if std::fs::metadata(path).is_ok_and(|m| !m.is_file() && !m.is_dir()) {
        let written = std::fs::OpenOptions::new().write(true).open(path).and_then(|mut f| f.write_all(bytes));
        return written.map_err(fail);
    }
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    write_whole(&target, bytes, 0o666).map_err(fail)
}

/// Prints to stdout, or writes the file when one is named and it is not `-`.
pub(super) fn deliver(output: Option<&Path>, text: &str) -> Result<(), CliError> {
    match output.filter(|p| *p != Path::new("-")) {
        Some(path) => write_file(path, text.as_bytes()),
        None => print(text),
    }
}

/// The page, after what is wrong with the machine's own templates was said on stderr.
pub(super) fn told(page: Rendered) -> String {
    for warning in &page.warnings {
        anstream::eprintln!("{warning}");
    }
    page.text
}

/// Shows a file in the program that the desktop uses for it.
pub(super) fn show(path: &Path) -> Result<(), CliError> {
    let sits_here =
        ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some_and(|v| !v.is_empty()));
    if !sits_here {
        anstream::eprintln!("There is no screen here to show it on: copy it to your own computer and open it there.");
        return Ok(());
    }
    let mut viewer = Command::new("xdg-open");
    viewer.arg(path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    viewer.spawn().map(|_| ()).map_err(|error| {
        CliError::failed(format!("{} is written but could not be shown: {error}", path.display()), "Open it by hand")
    })
}
