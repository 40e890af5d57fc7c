//! What tests need and not every machine has. Where it is missing they say so, past what is caught of tests that pass;
//! where all must be tried (`CLEANBILL_ALL_TESTS`, as in `.ci/run`) they fail.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{io::Write as _, path::Path, process::Command};

/// Whether a test can go on.
pub(crate) fn can(is: bool, what: &str) -> bool {
    if !is {
        let test = std::thread::current().name().unwrap_or_default().to_owned();
        assert!(std::env::var_os("CLEANBILL_ALL_TESTS").is_none(), "{test}: {what}");
        let _ = writeln!(std::io::stderr(), "{test}: not all was tried, {what}");
    }
    is
}

/// Whether it may do what only root may.
pub(crate) fn is_root() -> bool {
    can(rustix::process::geteuid().is_root(), "root is not here")
}

/// `shellcheck` has nothing to say.
pub(crate) fn shellchecked(file: &Path) {
    let output = Command::new("shellcheck").arg(file).output();
    if can(output.is_ok(), "shellcheck is not installed") {
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}
