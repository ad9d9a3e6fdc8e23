//! The gate `promotion`: what the plan would bring into effect must have been verified in another environment before.
//!
//! Two proofs count. What is in effect there is what would be in effect here (the digest over versions and their scripts);
//! or everything of the same source, down scripts and repeatable ones included, is in effect there. A way down brings nothing
//! into effect, and is never held.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use crate::api::v1alpha1::{AttestationRef, PROMOTES_TO, PromotionSource, PromotionSpec};
use crate::attest::{self, PublicKey, Statement};
use crate::plan::{Action, Direction};

use super::neighbour::Wait;
use super::ring::Ring;
use super::{Facts, Forerunner, GateState, Verdict};

const GATE: &str = "promotion";

/// What the gate says.
pub fn check(facts: &Facts<'_>) -> Vec<Verdict> {
    let Some(wanted) = &facts.gates.promotion else { return Vec::new() };
    if facts.plan.direction == Direction::Down {
        return vec![Verdict::open(GATE, "a way down brings nothing into effect")];
    }
    let verdict = match (&wanted.from, &wanted.attestation) {
        (Some(from), None) => of_object(facts, wanted, from),
        (None, Some(signed)) => of_statement(facts, wanted, signed).named(format!("ConfigMap {}", signed.config_map)),
        (None, None) | (Some(_), Some(_)) => Verdict::shut(
            GATE,
            GateState::Denied,
            "spec.gates.promotion does not say which environment goes before",
            "give exactly one of from and attestation",
        ),
    };
    vec![verdict]
}

/// What another environment shows of itself.
struct Shown<'a> {
    whose: String,
    version: &'a str,
    applied_digest: Option<&'a str>,
    set_digest: Option<&'a str>,
    since: Timestamp,
    key: Option<&'a str>,
}

fn of_object(facts: &Facts<'_>, wanted: &PromotionSpec, from: &PromotionSource) -> Verdict {
    let own_namespace = facts.namespace();
    let namespace = from.namespace.as_deref().unwrap_or(own_namespace);
    let verdict = shown_by(facts, wanted, from, own_namespace);
    let verdict = if verdict.state == GateState::Open {
        verdict
    } else {
        let first = (namespace.to_owned(), from.name.clone());
        Ring::of(facts, Wait::Promotion, &first, true).map_or(verdict, |ring| ring.denies(GATE))
    };
    verdict.named(format!("{namespace}/{}", from.name))
}

fn shown_by(facts: &Facts<'_>, wanted: &PromotionSpec, from: &PromotionSource, own_namespace: &str) -> Verdict {
    let namespace = from.namespace.as_deref().unwrap_or(own_namespace);
    let whose = format!("{namespace}/{}", from.name);
    let neighbour = match facts.promotion {
        Some(Forerunner::Object(neighbour)) => neighbour.as_ref(),
        other => return unknown(other),
    };
    let Some(neighbour) = neighbour.filter(|there| namespace == own_namespace || there.lets(own_namespace)) else {
        return absent(namespace, own_namespace, &from.name);
    };
    if !neighbour.ready {
        let reason = if neighbour.reason.is_empty() { String::new() } else { format!(" ({})", neighbour.reason) };
        let cure = format!("`sluice status {} -n {namespace}` tells what it needs", from.name);
        return Verdict::shut(GATE, GateState::Closed, format!("{whose} is not Ready{reason}"), cure);
    }
    let Some(since) = neighbour.verified_since else {
        let message = format!("{whose} is Ready, but its checks have not passed what is in effect there");
        let cure = format!("a run there that passes its verification; `sluice status {} -n {namespace}`", from.name);
        return Verdict::shut(GATE, GateState::Closed, message, cure);
    };
    compare(
        facts,
        wanted,
        &Shown {
            version: neighbour.applied.as_deref().unwrap_or("none"),
            applied_digest: neighbour.applied_digest.as_deref(),
            set_digest: neighbour.set_digest.as_deref(),
            since,
            key: None,
            whose: whose.clone(),
        },
    )
}

/// It is not there, or does not let this namespace go after it: from here the two look the same.
fn absent(namespace: &str, own: &str, name: &str) -> Verdict {
    if namespace == own {
        let message = format!("there is no DatabaseMigration {name} in namespace {namespace}");
        return Verdict::shut(GATE, GateState::Closed, message, "create it");
    }
    Verdict::shut(
        GATE,
        GateState::Closed,
        format!("there is no DatabaseMigration {name} in namespace {namespace} that lets namespace {own} go after it"),
        format!("those who own it: kubectl annotate dbm {name} -n {namespace} {PROMOTES_TO}={own}"),
    )
}

fn unknown(forerunner: Option<&Forerunner>) -> Verdict {
    match forerunner {
        Some(Forerunner::Unknown { why, cure }) => Verdict::shut(GATE, GateState::Unknown, why, cure),
        Some(Forerunner::Object(_) | Forerunner::Signed(_)) | None => {
            Verdict::shut(GATE, GateState::Unknown, "nobody looked", "Sluice looks again by itself")
        }
    }
}

fn of_statement(facts: &Facts<'_>, wanted: &PromotionSpec, signed: &AttestationRef) -> Verdict {
    let text = match facts.promotion {
        Some(Forerunner::Signed(Some(text))) => text,
        Some(Forerunner::Signed(None)) => {
            let message = format!("the ConfigMap does not exist, or has no key {}", attest::FILE);
            let cure = format!(
                "sluice attest … > {file}, and here: kubectl create configmap {} -n {} --from-file={file} --dry-run=client -o yaml | \
                 kubectl apply -f -",
                signed.config_map,
                facts.namespace(),
                file = attest::FILE
            );
            return Verdict::shut(GATE, GateState::Closed, message, cure);
        }
        other => return unknown(other),
    };
    let mut keys = Vec::with_capacity(signed.public_keys.len());
    for (index, key) in signed.public_keys.iter().enumerate() {
        let Some(key) = PublicKey::parse(key) else {
            let message =
                format!("spec.gates.promotion.attestation.publicKeys[{index}] is not an Ed25519 public key in base64");
            return Verdict::shut(GATE, GateState::Denied, message, "write it as `sluice attest keygen` printed it");
        };
        keys.push(key);
    }
    match attest::verify(text, &keys, facts.now) {
        Err(refusal) => {
            let message = format!("the statement {refusal}");
            let shut = Verdict::shut(GATE, GateState::Closed, message, refusal.cure());
            Verdict { changes_at: refusal.passes_at(), ..shut }
        }
        Ok(statement) => stated(facts, wanted, signed, &statement),
    }
}

fn stated(facts: &Facts<'_>, wanted: &PromotionSpec, signed: &AttestationRef, statement: &Statement) -> Verdict {
    let issued = statement.issued_at.0;
    let end = |age: &String| crate::duration::parse(age).ok().and_then(|age| issued.checked_add(age).ok());
    let too_old_at = match signed.max_age.as_ref().map(|age| (age, end(age))) {
        None => None,
        Some((_, None)) => {
            let message = "spec.gates.promotion.attestation.maxAge is not a duration that can be waited for";
            return Verdict::shut(GATE, GateState::Denied, message, "write one such as 168h");
        }
        Some((age, Some(at))) if at <= facts.now => {
            let whose = statement.whose();
            let message = format!("the statement of {whose} was issued at {issued:.0}, and may be {age} old at most");
            let cure = "make it anew with `sluice attest`, and carry the file over";
            return Verdict::shut(GATE, GateState::Closed, message, cure);
        }
        Some((_, Some(at))) => Some(at),
    };
    let verdict = compare(
        facts,
        wanted,
        &Shown {
            whose: statement.whose(),
            version: &statement.applied_version,
            applied_digest: Some(&statement.applied_digest),
            set_digest: statement.set_digest.as_deref(),
            since: statement.verified_since.0,
            key: Some(&statement.key_id),
        },
    );
    // Whatever it says, it says so no longer than that.
    let changes_at = [verdict.changes_at, too_old_at].into_iter().flatten().min();
    Verdict { changes_at, ..verdict }
}

fn compare(facts: &Facts<'_>, wanted: &PromotionSpec, shown: &Shown<'_>) -> Verdict {
    let Shown { whose, version, since, .. } = shown;
    let Some(digest) = proof(facts, shown) else {
        return Verdict::shut(
            GATE,
            GateState::Closed,
            format!(
                "{whose} is at version {version}, and what this plan would bring into effect is not in effect there"
            ),
            "bring the same scripts and version there first, and wait until they are verified",
        );
    };
    let soak = wanted.min_soak.as_deref().map_or(Ok(Duration::ZERO), crate::duration::parse);
    let at = soak.as_ref().ok().and_then(|soak| since.checked_add(*soak).ok());
    let (Ok(soak), Some(at)) = (soak, at) else {
        let message = "spec.gates.promotion.minSoak is not a duration that can be waited for";
        return Verdict::shut(GATE, GateState::Denied, message, "write one such as 24h");
    };
    if at > facts.now {
        let soak = crate::duration::format(soak);
        let message = format!("verified at {whose} since {since:.0}, which has to be {soak} ago");
        let shut = Verdict::shut(GATE, GateState::Closed, message, format!("time alone: at {at:.0}"));
        return Verdict { changes_at: Some(at), ..shut };
    }
    let open = Verdict::open(GATE, format!("verified at {whose} since {since:.0}"));
    let record = json!({
        "from": whose, "digest": digest, "verifiedSince": since.to_string(), "keyId": shown.key,
    });
    Verdict { record: Some(record), ..open }
}

/// The digest that proves that what the plan would bring into effect is in effect there.
fn proof<'a>(facts: &Facts<'a>, shown: &Shown<'_>) -> Option<&'a str> {
    // Repeatable scripts leave no trace in the digest of what is in effect.
    let repeats = facts.plan.steps.iter().any(|step| match step.action {
        Action::Repeat { .. } => true,
        Action::Apply { .. } | Action::Revert { .. } | Action::Baseline { .. } => false,
    });
    let after = facts.after_digest.filter(|digest| !repeats && shown.applied_digest == Some(*digest));
    let set = || Some(facts.set_digest).filter(|digest| !digest.is_empty() && shown.set_digest == Some(*digest));
    after.or_else(set)
}
