//! Keys: the private one signs where it was verified, the public one is named where it is asked for.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use sha2::{Digest as _, Sha256};

/// What stands before the 32 bytes of a key in PKCS#8, as RFC 8410 has it. Without the public half behind them, which openssl does not
/// read.
const BEFORE: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
/// Characters of base64 in a line of PEM.
const LINE: usize = 64;

/// Why a key cannot be used. Says nothing of what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// There were no random numbers.
    #[error("the system gives no random numbers")]
    Random,
    /// It is not PEM with a private key.
    #[error("it holds no PRIVATE KEY in PEM (PKCS#8); `sluice attest keygen FILE` makes one")]
    NotPem,
    /// It is not an Ed25519 key.
    #[error("it is not an Ed25519 key; `sluice attest keygen FILE` makes one")]
    NotEd25519,
}

/// A key that signs.
pub struct SigningKey {
    pair: Ed25519KeyPair,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("public", &self.public()).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// A new key, as PEM (PKCS#8), as openssl reads it, too.
    ///
    /// # Errors
    /// Where the system gives no random numbers.
    pub fn generate() -> Result<String, KeyError> {
        let mut secret = [0; 32];
        SystemRandom::new().fill(&mut secret).map_err(|_| KeyError::Random)?;
        let body = STANDARD.encode([BEFORE.as_slice(), &secret].concat());
        let mut pem = "-----BEGIN PRIVATE KEY-----\n".to_owned();
        let mut rest = body.as_str();
        while let Some((line, more)) = rest.split_at_checked(LINE) {
            pem.push_str(line);
            pem.push('\n');
            rest = more;
        }
        if !rest.is_empty() {
            pem.push_str(rest);
            pem.push('\n');
        }
        pem.push_str("-----END PRIVATE KEY-----\n");
        Ok(pem)
    }

    /// Reads a key, also one that `openssl genpkey -algorithm ed25519` made.
    ///
    /// # Errors
    /// When it is none.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| KeyError::NotPem)?;
        // "Maybe unchecked": openssl leaves the public half out of the file, which then cannot be compared.
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der());
        Ok(Self { pair: pair.map_err(|_| KeyError::NotEd25519)? })
    }

    /// Its public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(self.pair.public_key().as_ref()) {
            *to = *from;
        }
        PublicKey { bytes }
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }
}

/// A key that checks signatures. Shows itself as base64.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey {
    bytes: [u8; 32],
}

impl PublicKey {
    /// Reads the base64 of its 32 bytes, as `sluice attest keygen` prints it. `None` when it is anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.trim()).ok()?;
        Some(Self { bytes: bytes.try_into().ok()? })
    }

    /// What people and statements call it: the first 16 hexadecimal digits of its SHA-256.
    #[must_use]
    pub fn id(&self) -> String {
        let mut id = hex::encode(Sha256::digest(self.bytes));
        id.truncate(16);
        id
    }

    pub(super) fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.bytes).verify(message, signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.bytes))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
