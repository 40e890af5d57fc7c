//! The `cleanbill` program: everything is in the library and in `cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    cleanbill::cli::main()
}
