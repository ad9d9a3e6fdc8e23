//! Why a statement does not count: one reason each, with the cure.

use jiff::Timestamp;

/// Why a signed statement does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is larger than any that was ever written.
    #[error("is larger than {longest} bytes, which no statement is")]
    TooLarge {
        /// How large it may be.
        longest: usize,
    },
    /// It is not an envelope.
    #[error("is not what `sluice attest` writes: {0}")]
    NotAnEnvelope(String),
    /// The envelope holds something else.
    #[error("holds a payload of another type than {expected}")]
    WrongType {
        /// The type of statements.
        expected: &'static str,
    },
    /// It bears no signature, or several.
    #[error("bears {0} signatures instead of one")]
    Signatures(usize),
    /// A part is not base64.
    #[error("is damaged: its {0} is not base64")]
    NotBase64(&'static str),
    /// Somebody else signed it.
    #[error("names {}, which is not among the public keys that are accepted here ({accepted})", key(.named.as_deref()))]
    UnknownKey {
        /// The id of the key that it names, where it is one.
        named: Option<String>,
        /// The ids of those.
        accepted: String,
    },
    /// The signature is not that of the key that it names over what it holds.
    #[error("was changed after it was signed, or the signature is not of key {key}")]
    BadSignature {
        /// The id of the key.
        key: String,
    },
    /// What was signed is not a statement of this release.
    #[error("states something that this release does not know: {0}")]
    NotAStatement(String),
    /// The statement names another key than signed it.
    #[error("names another key in the statement than the one that signed it")]
    OtherKey,
    /// It is of a time that has not come yet.
    #[error("was issued at {issued_at}, which has not come yet by the clock of this operator")]
    Future {
        /// When it was issued, by its own word.
        issued_at: Timestamp,
    },
    /// It states what had not happened yet when it was signed.
    #[error("was issued at {issued_at}, before what it states was verified at {verified_since}")]
    Foretold {
        /// When it was issued.
        issued_at: Timestamp,
        /// When that was verified.
        verified_since: Timestamp,
    },
}

fn key(id: Option<&str>) -> String {
    id.map_or_else(|| "a key".to_owned(), |id| format!("key {id}"))
}

impl Refusal {
    /// What helps.
    #[must_use]
    pub fn cure(&self) -> &'static str {
        match self {
            Self::TooLarge { .. }
            | Self::NotAnEnvelope(_)
            | Self::WrongType { .. }
            | Self::Signatures(_)
            | Self::NotBase64(_)
            | Self::BadSignature { .. }
            | Self::NotAStatement(_)
            | Self::OtherKey => "make it again with `sluice attest`, and carry the file over as it is",
            Self::UnknownKey { .. } => {
                "sign it with a key that is accepted, or add its public key to spec.gates.promotion.attestation.publicKeys"
            }
            Self::Future { .. } | Self::Foretold { .. } => "set the clocks of both clusters, or wait",
        }
    }

    /// When it counts by itself.
    #[must_use]
    pub fn passes_at(&self) -> Option<Timestamp> {
        match self {
            Self::Future { issued_at } => Some(*issued_at),
            Self::TooLarge { .. }
            | Self::NotAnEnvelope(_)
            | Self::WrongType { .. }
            | Self::Signatures(_)
            | Self::NotBase64(_)
            | Self::UnknownKey { .. }
            | Self::BadSignature { .. }
            | Self::NotAStatement(_)
            | Self::OtherKey
            | Self::Foretold { .. } => None,
        }
    }
}
