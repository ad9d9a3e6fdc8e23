//! The envelope that carries a statement and its signature.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{PublicKey, Refusal, SigningKey, Statement};

/// The type of the payload. The signature covers it: nothing else that the key ever signs can be taken for a statement.
pub const PAYLOAD_TYPE: &str = "application/vnd.sluice.attestation.v1+json";
/// Bytes that a signed statement has at most: the names in it have limits of their own, and this is beyond all of them.
pub const LONGEST: usize = 8192;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Envelope {
    payload_type: String,
    payload: String,
    signatures: Vec<Signature>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    keyid: String,
    sig: String,
}

/// DSSE's pre-authentication encoding: lengths before texts, so that no two pairs of type and payload give the same bytes.
fn to_be_signed(payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {PAYLOAD_TYPE} {} ", PAYLOAD_TYPE.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

/// The signed statement, as one line of JSON.
///
/// # Errors
/// When the statement cannot be written as JSON.
pub fn sign(statement: &Statement, key: &SigningKey) -> Result<String, serde_json::Error> {
    let payload = serde_json::to_vec(statement)?;
    let signature = Signature { keyid: key.public().id(), sig: STANDARD.encode(key.sign(&to_be_signed(&payload))) };
    let payload = STANDARD.encode(payload);
    let envelope = Envelope { payload_type: PAYLOAD_TYPE.to_owned(), payload, signatures: vec![signature] };
    serde_json::to_string(&envelope)
}

/// The statement that was signed with one of these keys.
///
/// # Errors
/// When anything about it is not as it has to be. Nothing of what it holds is believed before the signature is checked.
pub fn verify(text: &str, keys: &[PublicKey], now: Timestamp) -> Result<Statement, Refusal> {
    if text.len() > LONGEST {
        return Err(Refusal::TooLarge { longest: LONGEST });
    }
    let envelope: Envelope = serde_json::from_str(text).map_err(|error| Refusal::NotAnEnvelope(place(&error)))?;
    if envelope.payload_type != PAYLOAD_TYPE {
        return Err(Refusal::WrongType { expected: PAYLOAD_TYPE });
    }
    let [signature] = envelope.signatures.as_slice() else {
        return Err(Refusal::Signatures(envelope.signatures.len()));
    };
    let payload = STANDARD.decode(&envelope.payload).map_err(|_| Refusal::NotBase64("payload"))?;
    let sig = STANDARD.decode(&signature.sig).map_err(|_| Refusal::NotBase64("signature"))?;
    let Some(key) = keys.iter().find(|key| key.id() == signature.keyid) else {
        let accepted: Vec<String> = keys.iter().map(PublicKey::id).collect();
        let named = Some(&signature.keyid).filter(|id| is_id(id)).cloned();
        return Err(Refusal::UnknownKey { named, accepted: accepted.join(", ") });
    };
    if !key.signed(&to_be_signed(&payload), &sig) {
        return Err(Refusal::BadSignature { key: key.id() });
    }
    let statement: Statement =
        serde_json::from_slice(&payload).map_err(|error| Refusal::NotAStatement(place(&error)))?;
    if !statement.is_known() {
        return Err(Refusal::NotAStatement("another apiVersion or kind".to_owned()));
    }
    if statement.key_id != key.id() {
        return Err(Refusal::OtherKey);
    }
    let (issued_at, verified_since) = (statement.issued_at.0, statement.verified_since.0);
    if verified_since > issued_at {
        return Err(Refusal::Foretold { issued_at, verified_since });
    }
    if issued_at > now {
        return Err(Refusal::Future { issued_at });
    }
    Ok(statement)
}

/// Whether it is what people call a key. Anything else is not repeated: nobody knows who wrote it.
fn is_id(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

/// Where JSON is wrong, without what stands there.
fn place(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Syntax | serde_json::error::Category::Eof => "it is not JSON",
        serde_json::error::Category::Data | serde_json::error::Category::Io => {
            "a field is missing, unknown or of another type"
        }
    };
    format!("{what} (line {}, column {})", error.line(), error.column())
}
