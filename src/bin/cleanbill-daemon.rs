//! The part of cleanbill that waits. It is a program of its own because it is there all the time: without DuckDB and the
//! rest, it needs a quarter of the memory. `cleanbill daemon` becomes it where it lies beside it.

use std::process::ExitCode;

fn main() -> ExitCode {
    cleanbill::cli::daemon_main()
}
