//! What this program was built from.

/// The version of the crate.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit, as `SLUICE_COMMIT` said at build time, or `unknown`.
pub const COMMIT: &str = match option_env!("SLUICE_COMMIT") {
    Some(commit) if !commit.is_empty() => commit,
    Some(_) | None => "unknown",
};

/// The compiler: `1.95.0 (59807616e 2026-04-14)`.
pub const RUSTC: &str = env!("SLUICE_RUSTC");

/// Version, commit and compiler in the order of the labels of `sluice_build_info`.
pub const LABELS: [&str; 3] = [VERSION, COMMIT, RUSTC];
