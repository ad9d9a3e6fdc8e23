//! What the gates of an object ask about other DatabaseMigrations. Reads only.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, ResourceExt};

use crate::api::v1alpha1::{DatabaseMigration, PromotionSource};
use crate::attest;
use crate::gates::{Forerunner, Gates, Place};

use super::context::Context;
use super::inputs::Input;
use super::neighbours::Seen;

/// What the gates of an object ask about others: those that dependencies name, and what promotion asks about.
pub async fn gather(context: &Context, object: &DatabaseMigration, gates: &Gates) -> (Seen, Option<Forerunner>) {
    let namespace = object.namespace().unwrap_or_default();
    let names: Vec<&str> = gates.depends_on.iter().map(|dependency| dependency.name.as_str()).collect();
    let promotion = gates.promotion.as_ref();
    let from = promotion.and_then(|promotion| promotion.from.as_ref());
    let confined = context.options.namespace.as_deref();
    let key = from.map(|from| source(&namespace, from));
    let visible = key.clone().filter(|(there, _)| confined.is_none_or(|confined| confined == there));
    let seen = if names.is_empty() && visible.is_none() {
        Seen::new()
    } else {
        context.neighbours.look(object, &names, visible.clone())
    };

    let forerunner = match (key, visible, promotion.and_then(|promotion| promotion.attestation.as_ref())) {
        (Some(_), Some(visible), _) => Some(Forerunner::Object(seen.get(&visible).cloned().flatten())),
        (Some((there, _)), None, _) => Some(out_of_sight(confined.unwrap_or_default(), &there)),
        (None, _, Some(signed)) => Some(statement(context, object, &namespace, &signed.config_map).await),
        (None, _, None) => None,
    };
    (seen, forerunner)
}

fn source(namespace: &str, from: &PromotionSource) -> Place {
    (from.namespace.clone().unwrap_or_else(|| namespace.to_owned()), from.name.clone())
}

fn out_of_sight(confined: &str, there: &str) -> Forerunner {
    Forerunner::Unknown {
        why: format!(
            "this operator looks after namespace {confined} alone (--namespace) and cannot see namespace {there}"
        ),
        cure: "run one operator for both namespaces, or carry over a statement (spec.gates.promotion.attestation)"
            .to_owned(),
    }
}

/// What the ConfigMap holds for a statement. From now on a change of it wakes the object.
async fn statement(context: &Context, object: &DatabaseMigration, namespace: &str, name: &str) -> Forerunner {
    let uid = object.uid().unwrap_or_default();
    let input = Input::ConfigMap(name.to_owned());
    context.memory.inputs(&uid, |inputs| inputs.reading_besides(input.clone()));
    match Api::<ConfigMap>::namespaced(context.client.clone(), namespace).get_opt(name).await {
        Ok(map) => {
            let version = map.as_ref().and_then(|map| map.metadata.resource_version.clone());
            context.memory.inputs(&uid, |inputs| inputs.read_besides(input, version));
            Forerunner::Signed(map.and_then(|map| map.data).and_then(|mut data| data.remove(attest::FILE)))
        }
        Err(error) => Forerunner::Unknown {
            why: format!("ConfigMap {namespace}/{name} cannot be read: {}", crate::sources::kube_error(&error)),
            cure: "Sluice tries again by itself".to_owned(),
        },
    }
}
