//! Whatever is changed about a signed statement, it is refused, and says why.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn at(text: &str) -> jiff::Timestamp {
    text.parse().unwrap()
}

fn now() -> jiff::Timestamp {
    at("2026-11-26T12:00:00Z")
}

fn key() -> SigningKey {
    SigningKey::from_pem(&SigningKey::generate().unwrap()).unwrap()
}

fn seen() -> Seen {
    Seen {
        object: "staging/orders".to_owned(),
        set_digest: Some("sha256:set".to_owned()),
        applied_digest: "sha256:applied".to_owned(),
        applied_version: "012".to_owned(),
        verified_since: at("2026-11-25T10:00:00Z"),
        cluster: Some("staging-eu".to_owned()),
    }
}

fn signed(key: &SigningKey) -> String {
    sign(&Statement::new(seen(), at("2026-11-26T11:00:00.9Z"), &key.public()), key).unwrap()
}

/// The envelope with another payload, signed by the key over whatever type.
fn forged(key: &SigningKey, payload: &Value, type_: &str) -> String {
    let payload = payload.to_string();
    let bytes = format!("DSSEv1 {} {type_} {} {payload}", type_.len(), payload.len());
    json!({
        "payloadType": type_,
        "payload": STANDARD.encode(&payload),
        "signatures": [{"keyid": key.public().id(), "sig": STANDARD.encode(key.sign(bytes.as_bytes()))}],
    })
    .to_string()
}

fn payload(envelope: &str) -> Value {
    let envelope: Value = serde_json::from_str(envelope).unwrap();
    serde_json::from_slice(&STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap()).unwrap()
}

#[test]
fn what_was_signed_is_read_again_by_whoever_accepts_the_key() {
    let key = key();
    let text = signed(&key);
    let statement = verify(&text, &[self::key().public(), key.public()], now()).unwrap();
    assert_eq!(statement, Statement::new(seen(), at("2026-11-26T11:00:00Z"), &key.public()));
    assert_eq!(statement.whose(), "staging/orders of cluster staging-eu");
    assert_eq!(
        payload(&text),
        json!({
            "apiVersion": "sluice.dev/v1alpha1", "kind": "Attestation", "object": "staging/orders",
            "cluster": "staging-eu", "appliedVersion": "012", "appliedDigest": "sha256:applied",
            "setDigest": "sha256:set", "verifiedSince": "2026-11-25T10:00:00Z", "issuedAt": "2026-11-26T11:00:00Z",
            "keyId": key.public().id(),
        })
    );
    assert!(verify(&format!("{text}\n"), &[key.public()], now()).is_ok(), "files end with a line break");
}

#[test]
fn a_key_is_read_back_from_its_file_and_its_public_half_from_its_text() {
    let pem = SigningKey::generate().unwrap();
    let key = SigningKey::from_pem(&pem).unwrap();
    let text = key.public().to_string();
    assert_eq!((text.len(), PublicKey::parse(&text)), (44, Some(key.public())));
    assert_eq!(key.public().id().len(), 16);
    assert!(pem.lines().all(|line| line.len() <= 64), "{pem}");
    let shown = format!("{key:?}");
    assert!(shown.contains(&text) && !shown.contains(pem.lines().nth(1).unwrap()), "{shown}");
}

#[test]
fn a_new_key_is_written_as_openssl_reads_it() {
    // What `openssl genpkey -algorithm ed25519` writes in front of the secret, and nothing behind it.
    let body = |pem: &str| STANDARD.decode(pem.lines().nth(1).unwrap()).unwrap();
    let (own, openssl) = (body(&SigningKey::generate().unwrap()), body(OPENSSL));
    assert_eq!((own.len(), &own[..16]), (48, &openssl[..16]));
    assert_ne!(own, body(&SigningKey::generate().unwrap()));
}

const OPENSSL: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";

#[test]
fn a_key_that_openssl_made_signs_as_well() {
    let key = SigningKey::from_pem(OPENSSL).unwrap();
    assert!(verify(&signed(&key), &[key.public()], now()).is_ok());
}

#[test]
fn what_is_no_key_is_refused_without_being_shown() {
    assert_eq!(SigningKey::from_pem("hunter2").unwrap_err(), KeyError::NotPem);
    let other = "-----BEGIN PRIVATE KEY-----\nMAAwMA==\n-----END PRIVATE KEY-----\n";
    assert_eq!(SigningKey::from_pem(other).unwrap_err(), KeyError::NotEd25519);
    for text in ["", "AAAA", "not base64!", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB="] {
        assert_eq!(PublicKey::parse(text), None, "{text}");
    }
}

#[test]
fn another_key_an_unknown_one_and_none_are_refused() {
    let (key, other) = (key(), self::key());
    let text = signed(&key);
    let accepted = other.public().id();
    assert_eq!(
        verify(&text, &[other.public()], now()).unwrap_err(),
        Refusal::UnknownKey { named: Some(key.public().id()), accepted: accepted.clone() }
    );
    let refusal = verify(&text, &[], now()).unwrap_err();
    assert_eq!(refusal, Refusal::UnknownKey { named: Some(key.public().id()), accepted: String::new() });
    assert!(refusal.to_string().starts_with(&format!("names key {}, which", key.public().id())), "{refusal}");
    // Whatever else stands there is not repeated.
    let strange = text.replace(&format!("\"keyid\":\"{}\"", key.public().id()), "\"keyid\":\"my secret\"");
    let refusal = verify(&strange, &[other.public()], now()).unwrap_err();
    assert_eq!(refusal, Refusal::UnknownKey { named: None, accepted: accepted.clone() });
    // Signed by one, said to be by the other.
    let renamed = text.replace(&format!("\"keyid\":\"{}\"", key.public().id()), &format!("\"keyid\":\"{accepted}\""));
    assert_eq!(verify(&renamed, &[other.public()], now()).unwrap_err(), Refusal::BadSignature { key: accepted });
}

#[test]
fn a_payload_of_another_type_is_refused_though_the_key_signed_it() {
    let key = key();
    let text = forged(&key, &payload(&signed(&key)), "application/json");
    let refusal = verify(&text, &[key.public()], now()).unwrap_err();
    assert_eq!(refusal, Refusal::WrongType { expected: PAYLOAD_TYPE });
    // Said to be of the right type, it is not what was signed.
    let text = text.replace("\"application/json\"", &format!("\"{PAYLOAD_TYPE}\""));
    let refusal = verify(&text, &[key.public()], now()).unwrap_err();
    assert_eq!(refusal, Refusal::BadSignature { key: key.public().id() });
}

#[test]
fn what_is_signed_and_makes_no_sense_is_refused() {
    let key = key();
    let good = payload(&signed(&key));
    let refusal = |pointer: &str, value: Value| {
        let mut bad = good.clone();
        bad.as_object_mut().unwrap().insert(pointer.to_owned(), value);
        verify(&forged(&key, &bad, PAYLOAD_TYPE), &[key.public()], now()).unwrap_err()
    };
    assert!(verify(&forged(&key, &good, PAYLOAD_TYPE), &[key.public()], now()).is_ok());
    assert!(matches!(refusal("kind", json!("Pod")), Refusal::NotAStatement(_)));
    assert!(matches!(refusal("apiVersion", json!("sluice.dev/v2")), Refusal::NotAStatement(_)));
    assert!(matches!(refusal("surprise", json!(1)), Refusal::NotAStatement(_)));
    assert!(matches!(refusal("verifiedSince", json!("yesterday")), Refusal::NotAStatement(_)));
    assert_eq!(refusal("keyId", json!("0123456789abcdef")), Refusal::OtherKey);
    let later = "2026-11-26T12:00:01Z";
    assert_eq!(refusal("issuedAt", json!(later)), Refusal::Future { issued_at: at(later) });
    assert_eq!(refusal("issuedAt", json!(later)).passes_at(), Some(at(later)));
    assert!(matches!(refusal("verifiedSince", json!("2026-11-26T11:30:00Z")), Refusal::Foretold { .. }));
}

#[test]
fn what_is_no_envelope_is_refused_without_being_quoted() {
    let key = key();
    let text = signed(&key);
    let refusal = |text: &str| verify(text, &[key.public()], now()).unwrap_err();
    assert_eq!(refusal(&format!("{text}{}", " ".repeat(LONGEST))), Refusal::TooLarge { longest: LONGEST });
    for hostile in ["", "secret", "{}", "[]", "{\"payload\": \"secret\"}", &text[..text.len() - 1]] {
        let refusal = refusal(hostile);
        assert!(matches!(refusal, Refusal::NotAnEnvelope(_)), "{hostile}: {refusal:?}");
        assert!(!refusal.to_string().contains("secret"), "{refusal}");
    }
    let mut envelope: Value = serde_json::from_str(&text).unwrap();
    let signature = envelope["signatures"][0].clone();
    envelope["signatures"] = json!([signature, signature]);
    assert_eq!(refusal(&envelope.to_string()), Refusal::Signatures(2));
    envelope["signatures"] = json!([]);
    assert_eq!(refusal(&envelope.to_string()), Refusal::Signatures(0));
    envelope["signatures"] = json!([signature]);
    envelope["payload"] = json!("***");
    assert_eq!(refusal(&envelope.to_string()), Refusal::NotBase64("payload"));
    envelope["payload"] = json!("e30=");
    envelope["signatures"][0]["sig"] = json!("***");
    assert_eq!(refusal(&envelope.to_string()), Refusal::NotBase64("signature"));
}

#[test]
fn every_reason_has_words_and_a_cure_of_its_own() {
    let time = now();
    let all = [
        Refusal::TooLarge { longest: 1 },
        Refusal::NotAnEnvelope("x".into()),
        Refusal::WrongType { expected: "x" },
        Refusal::Signatures(0),
        Refusal::NotBase64("payload"),
        Refusal::UnknownKey { named: None, accepted: "x".into() },
        Refusal::BadSignature { key: "x".into() },
        Refusal::NotAStatement("x".into()),
        Refusal::OtherKey,
        Refusal::Future { issued_at: time },
        Refusal::Foretold { issued_at: time, verified_since: time },
    ];
    let said: std::collections::BTreeSet<String> = all.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), all.len());
    assert!(all.iter().all(|refusal| !refusal.cure().is_empty()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn no_byte_of_a_signed_statement_can_be_another(flip in 1u8..=255) {
        let key = key();
        let text = signed(&key);
        for index in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[index] ^= flip;
            // A ConfigMap holds text: what is not UTF-8 never gets so far.
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            prop_assert!(verify(&changed, &[key.public()], now()).is_err(), "{changed}");
        }
    }

    #[test]
    fn no_byte_of_the_statement_itself_can_be_another(flip in 1u8..=255) {
        let key = key();
        let text = signed(&key);
        let envelope: Value = serde_json::from_str(&text).unwrap();
        let payload = STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap();
        for index in 0..payload.len() {
            let mut bytes = payload.clone();
            bytes[index] ^= flip;
            let mut changed = envelope.clone();
            changed["payload"] = json!(STANDARD.encode(bytes));
            let refusal = verify(&changed.to_string(), &[key.public()], now()).unwrap_err();
            prop_assert_eq!(refusal, Refusal::BadSignature { key: key.public().id() });
        }
    }

    #[test]
    fn nothing_that_anybody_writes_there_is_taken_for_a_statement(text in ".{0,200}") {
        prop_assert!(verify(&text, &[key().public()], now()).is_err());
    }
}
