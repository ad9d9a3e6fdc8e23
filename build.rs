//! Tells the program which compiler built it. The commit comes from `SLUICE_COMMIT`, because an image or a source archive
//! is built without a repository at hand.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=RUSTC");
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version =
        Command::new(rustc).arg("--version").output().ok().and_then(|output| String::from_utf8(output.stdout).ok());
    let version = version.as_deref().map_or("unknown", str::trim);
    println!("cargo:rustc-env=SLUICE_RUSTC={}", version.strip_prefix("rustc ").unwrap_or(version));
}
