//! `kubectl sluice`: the same command line, as kubectl finds it.

fn main() -> std::process::ExitCode {
    sluice::cli::plugin()
}
