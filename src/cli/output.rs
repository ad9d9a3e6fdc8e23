//! Standard output and the exit code. A reader that goes away (`sluice crds | head`) is not an error.

use std::io::{self, Write};
use std::process::ExitCode;

/// What was asked for was not done.
pub const NOT_DONE: u8 = 1;

/// Prints to standard output.
pub fn print(text: &str) -> ExitCode {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => failed(&format!("standard output cannot be written: {error}")),
    }
}

/// Says on standard error why what was asked for was not done.
pub fn failed(message: &str) -> ExitCode {
    eprintln!("sluice: {message}");
    ExitCode::from(NOT_DONE)
}
