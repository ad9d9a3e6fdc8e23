//! Says what was decided: status by server-side apply (only when it differs), events, log lines, metrics.

use jiff::Timestamp;
use k8s_openapi::api::events::v1::Event as KubeEvent;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Resource, ResourceExt};
use serde_json::json;

use crate::api::v1alpha1::{DatabaseMigration, DatabaseMigrationStatus, FIELD_MANAGER};
use crate::rollout::Event;

use super::context::Context;
use super::memory::resource_version;

/// Writes the status when it differs from the last one. `true`: it was written.
///
/// # Errors
/// When the API server refuses; a deleted object is not an error.
pub async fn status(
    context: &Context,
    object: &DatabaseMigration,
    previous: Option<&DatabaseMigrationStatus>,
    next: &DatabaseMigrationStatus,
) -> Result<bool, kube::Error> {
    let (Some(uid), Some(namespace)) = (object.uid(), object.namespace()) else { return Ok(false) };
    if previous == Some(next) {
        context.memory.says_so_already(&uid, object, next);
        return Ok(false);
    }
    context.memory.reporting(&uid, next);
    let api: Api<DatabaseMigration> = Api::namespaced(context.client.clone(), &namespace);
    let body = json!({
        "apiVersion": DatabaseMigration::api_version(&()),
        "kind": DatabaseMigration::kind(&()),
        // The uid keeps a report on a deleted object from landing on its successor of the same name.
        "metadata": {"name": object.name_any(), "uid": uid},
        "status": next,
    });
    let params = PatchParams::apply(FIELD_MANAGER).force();
    match api.patch_status(&object.name_any(), &params, &Patch::Apply(&body)).await {
        Ok(written) => {
            context.memory.reported(&uid, resource_version(&written));
            Ok(true)
        }
        Err(error) => {
            context.memory.not_reported(&uid);
            if gone(&error) { Ok(false) } else { Err(error) }
        }
    }
}

/// The object is not there any more, or is another one by now.
fn gone(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404 || status.code == 409)
}

/// Publishes events in the background: nobody waits for them, and one that is lost is in the log.
pub fn events(context: &Context, object: &DatabaseMigration, events: Vec<Event>) {
    for event in events {
        let who = format!("{}/{}", object.namespace().unwrap_or_default(), object.name_any());
        if event.warning {
            tracing::warn!(object = %who, reason = %event.reason, "{}", event.note);
        } else {
            tracing::info!(object = %who, reason = %event.reason, "{}", event.note);
        }
        let Some(namespace) = object.namespace() else { continue };
        let api: Api<KubeEvent> = Api::namespaced(context.client.clone(), &namespace);
        let body = kube_event(context, object, &event);
        tokio::spawn(async move {
            if let Err(error) = api.create(&PostParams::default(), &body).await {
                tracing::warn!(object = %who, reason = %event.reason, %error, "an event could not be published");
            }
        });
    }
}

/// An event of its own for each transition: the client library's recorder would merge two with different notes.
fn kube_event(context: &Context, object: &DatabaseMigration, event: &Event) -> KubeEvent {
    let now = Timestamp::now();
    KubeEvent {
        metadata: ObjectMeta {
            name: Some(event_name(&object.name_any(), now)),
            namespace: object.namespace(),
            ..ObjectMeta::default()
        },
        type_: Some(if event.warning { "Warning" } else { "Normal" }.to_owned()),
        reason: Some(event.reason.as_str().to_owned()),
        action: Some(event.action.clone()),
        note: Some(event.note.clone()),
        regarding: Some(object.object_ref(&())),
        event_time: Some(MicroTime(now)),
        reporting_controller: Some("sluice.dev/operator".to_owned()),
        reporting_instance: Some(context.options.identity.clone()),
        ..KubeEvent::default()
    }
}

/// A name that sorts by time: `kubectl describe` shows events of this kind in the order of their names.
fn event_name(object: &str, now: Timestamp) -> String {
    /// What a name may hold, less the time and a dot.
    const LONGEST: usize = 253 - 17;
    // Names are ASCII.
    let object = object.get(..LONGEST).unwrap_or(object).trim_end_matches(['-', '.']);
    format!("{object}.{:016x}", now.as_nanosecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_events_sort_by_time_and_are_never_too_long() {
        let at = |nanosecond| event_name("shop", Timestamp::from_nanosecond(nanosecond).unwrap());
        assert_eq!(at(1_795_000_000_000_000_000), "shop.18e91efd5bd38000");
        assert!(at(9_000) < at(10_000) && at(10_000) < at(1_795_000_000_000_000_000));
        let long = format!("{}-.x{}", "a".repeat(234), "b".repeat(16));
        let name = event_name(&long, Timestamp::UNIX_EPOCH);
        assert!(name.len() <= 253 && name.starts_with("aaa") && name.contains("a.0000"), "{name}");
    }
}
