//! What must have been verified elsewhere before.

use std::time::Duration;

use crate::api::v1alpha1::{MigrationPolicySpec, PolicyPromotion, PromotionSpec};
use crate::attest::PublicKey;
use crate::gates::NO_KEY;

use super::fault::{Problem, length};
use super::notes::{Demands, Notes, readable};
use super::select::Labels;

const FIELD: &str = "spec.gates.promotion";

/// What one policy asks for: of its `gates.promotion` and its `promotion` together.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct PromotionDemand {
    from: Option<PromotionSpec>,
    required: bool,
    min_soak: Option<Duration>,
    from_namespaces: Option<Vec<String>>,
    public_keys: Option<Vec<String>>,
    max_age: Option<Duration>,
}

impl PromotionDemand {
    /// Validates both.
    pub(super) fn of(spec: &MigrationPolicySpec) -> Result<Self, Problem> {
        let from = spec.gates.as_ref().and_then(|gates| gates.promotion.clone());
        let of_gate = length("gates.promotion.minSoak", from.as_ref().and_then(|from| from.min_soak.as_deref()))?;
        let PolicyPromotion { required, min_soak, from_namespaces, public_keys, max_attestation_age } =
            spec.promotion.clone().unwrap_or_default();
        if let Some(index) = public_keys.iter().flatten().position(|key| PublicKey::parse(key).is_none()) {
            return Err(Problem::at(&format!("promotion.publicKeys[{index}]"), NO_KEY));
        }
        let age = length("promotion.maxAttestationAge", max_attestation_age.as_deref())?;
        if age.is_some_and(|age| age.is_zero()) {
            return Err(Problem::at(
                "promotion.maxAttestationAge",
                "a statement that is too old at once never counts; give at least 1m",
            ));
        }
        // Whoever names a statement also says who must have signed it, and how old it may be.
        let named = from.as_ref().and_then(|from| from.attestation.as_ref());
        let of_statement =
            length("gates.promotion.attestation.maxAge", named.and_then(|named| named.max_age.as_deref()))?;
        let named = named.map(|named| named.public_keys.clone());
        let public_keys = match (public_keys, named) {
            (Some(accepted), Some(named)) => Some(named.into_iter().filter(|key| accepted.contains(key)).collect()),
            (accepted, named) => accepted.or(named),
        };
        Ok(Self {
            from,
            required: required.unwrap_or(false),
            min_soak: length("promotion.minSoak", min_soak.as_deref())?.max(of_gate),
            from_namespaces,
            public_keys,
            max_age: age.into_iter().chain(of_statement).min(),
        })
    }
}

/// What the object asks for, raised; and what it lacks.
pub(super) fn raise(
    object: &mut Option<PromotionSpec>,
    labels: &Labels,
    demands: &Demands<'_, &PromotionDemand>,
    notes: &mut Notes,
) {
    place(object, labels, demands, notes);
    let Some(object) = object else {
        for (policy, _) in demands.iter().filter(|(_, demand)| demand.required) {
            notes.violated(policy, &format!("{FIELD} is missing; name the environment that these scripts come from"));
        }
        return;
    };
    if let Some(mine) = readable(object.min_soak.as_deref(), Some(Duration::ZERO)) {
        let longest = demands.iter().filter_map(|(policy, demand)| Some((*policy, demand.min_soak?))).collect();
        let field = format!("{FIELD}.minSoak");
        if let Some(soak) = notes.at_least_so_long(&field, mine.unwrap_or_default(), &longest) {
            object.min_soak = Some(soak);
        }
    }
    for (policy, demand) in demands {
        namespaces(object, labels, policy, demand, notes);
    }
    keys(object, demands, notes);
    age(object, demands, notes);
}

/// The place that policies name. There can be one only.
fn place(
    object: &mut Option<PromotionSpec>,
    labels: &Labels,
    demands: &Demands<'_, &PromotionDemand>,
    notes: &mut Notes,
) {
    let own = object.clone();
    for (policy, from) in demands.iter().filter_map(|(policy, demand)| Some((*policy, demand.from.as_ref()?))) {
        let mut added = PromotionSpec { min_soak: None, ..from.clone() };
        if let Some(attestation) = &mut added.attestation {
            attestation.max_age = None;
        }
        match object {
            None => {
                notes.imposed(policy, format!("{FIELD}: {} added", describe(&added, labels)));
                *object = Some(added);
            }
            Some(mine) if describe(mine, labels) == describe(&added, labels) => {
                if own.is_none() {
                    notes.imposed(policy, format!("{FIELD}: {} added", describe(&added, labels)));
                }
            }
            Some(mine) => notes.violated(
                policy,
                &format!(
                    "{FIELD} must name {}, and names {}; name that, or change one of the policies",
                    describe(&added, labels),
                    describe(mine, labels),
                ),
            ),
        }
    }
}

fn describe(spec: &PromotionSpec, labels: &Labels) -> String {
    match (&spec.from, &spec.attestation) {
        (Some(from), None) => {
            format!("{}/{}", from.namespace.as_ref().unwrap_or(&labels.namespace), from.name)
        }
        (None, Some(attestation)) => format!("the attestation in ConfigMap {}", attestation.config_map),
        (Some(_), Some(_)) | (None, None) => "nothing that can be used".to_owned(),
    }
}

fn namespaces(object: &PromotionSpec, labels: &Labels, policy: &str, demand: &PromotionDemand, notes: &mut Notes) {
    let (Some(allowed), Some(from)) = (&demand.from_namespaces, &object.from) else { return };
    let namespace = from.namespace.as_ref().unwrap_or(&labels.namespace);
    if !allowed.contains(namespace) {
        let allowed = allowed.join(", ");
        notes.violated(policy, &format!("{FIELD}.from.namespace must be one of {allowed}, and is {namespace}"));
    }
}

/// Of the object's keys those that every policy accepts.
fn keys(object: &mut PromotionSpec, demands: &Demands<'_, &PromotionDemand>, notes: &mut Notes) {
    let Some(attestation) = &mut object.attestation else { return };
    let before = attestation.public_keys.clone();
    for (policy, accepted) in
        demands.iter().filter_map(|(policy, demand)| Some((*policy, demand.public_keys.as_ref()?)))
    {
        let refused = before.iter().filter(|key| !accepted.contains(key)).count();
        if refused > 0 {
            notes
                .imposed(policy, format!("{FIELD}.attestation.publicKeys: {refused} of {} do not count", before.len()));
        }
        attestation.public_keys.retain(|key| accepted.contains(key));
    }
    if attestation.public_keys.is_empty() && !before.is_empty() {
        for (policy, _) in demands.iter().filter(|(_, demand)| demand.public_keys.is_some()) {
            notes.violated(
                policy,
                &format!("{FIELD}.attestation.publicKeys holds no key that counts; use one of the policy's"),
            );
        }
    }
}

/// How old the statement may be: as the strictest says.
fn age(object: &mut PromotionSpec, demands: &Demands<'_, &PromotionDemand>, notes: &mut Notes) {
    let Some(attestation) = &mut object.attestation else { return };
    let Some(mine) = readable(attestation.max_age.as_deref(), None) else { return };
    let shortest = demands.iter().filter_map(|(policy, demand)| Some((*policy, demand.max_age?))).collect();
    if let Some(age) = notes.at_most(&format!("{FIELD}.attestation.maxAge"), mine, &shortest) {
        attestation.max_age = Some(age);
    }
}
