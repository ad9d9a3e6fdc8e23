//! What one environment verified, as a signed statement that another cluster can check.
//!
//! A statement is carried in a [DSSE](https://github.com/secure-systems-lab/dsse) envelope: the signature covers the type of
//! the payload and its very bytes, so that nothing has to be written the same way twice. Signatures are Ed25519.
//!
//! Pure but for the random numbers of a new key. This room must never read a clock, a file or a cluster, and never shows a
//! private key.

mod envelope;
mod key;
mod refusal;
mod statement;
#[cfg(test)]
mod tests;

pub use envelope::{LONGEST, PAYLOAD_TYPE, sign, verify};
pub use key::{KeyError, PublicKey, SigningKey};
pub use refusal::Refusal;
pub use statement::{Seen, Statement};

/// The key of a ConfigMap that holds a signed statement, and the usual name of the file.
pub const FILE: &str = "attestation.json";
