//! What wakes an object: a change of its spec, annotations or status (unless this process wrote it), of a Secret or
//! ConfigMap that its last pass read, of an object that it waits for, and the end of a run.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt, TryStreamExt, future};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
use kube::core::{ApiResource, DynamicObject, PartialObjectMeta};
use kube::runtime::WatchStreamExt;
use kube::runtime::reflector::{ObjectRef, Store, store::Writer};
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, Resource, ResourceExt};

use crate::api::v1alpha1::{ConditionType, DatabaseMigration, MigrationApproval, MigrationPolicy};
use crate::rollout::backoff;

use super::context::Context;
use super::inputs::Input;

/// The longest wait between two tries of a watch. A few watches ask one API server: what people do after an outage is to be
/// seen soon.
const LONGEST: Duration = Duration::from_secs(5);

/// The waits between the tries of a watch that breaks again and again.
#[derive(Debug, Default)]
struct Retries {
    tries: u32,
}

impl Iterator for Retries {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let wait = backoff(self.tries, rand::random()).min(LONGEST);
        self.tries = self.tries.saturating_add(1);
        Some(wait)
    }
}

impl Backoff for Retries {
    fn reset(&mut self) {
        self.tries = 0;
    }
}

/// No wait at all, for what brings the watches together: each of them waits by itself, and one that is broken, by a missing
/// right for instance, must not hold up what the others show.
#[derive(Debug)]
pub struct AtOnce;

impl Iterator for AtOnce {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(Duration::ZERO)
    }
}

impl Backoff for AtOnce {
    fn reset(&mut self) {}
}

/// An API for all namespaces, or for the one that the operator is confined to.
pub fn api<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: Resource<Scope = kube::core::NamespaceResourceScope>,
    K::DynamicType: Default,
{
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

/// The stream of objects to look at. Fills the cache on its way, and forgets objects that are gone.
pub fn objects(
    context: Arc<Context>,
    writer: Writer<DatabaseMigration>,
) -> impl Stream<Item = Result<DatabaseMigration, watcher::Error>> + Send {
    let api = api::<DatabaseMigration>(&context.client, context.options.namespace.as_deref());
    let cleaning = Arc::clone(&context);
    watcher(api, watcher::Config::default())
        .backoff(Retries::default())
        .reflect(writer)
        .inspect(move |event| match event {
            Ok(Event::Delete(object)) => {
                deleted(&cleaning, object);
                cleaning.neighbours.changed(object, true);
            }
            Ok(Event::InitDone) => {
                forget_absent(&cleaning);
                cleaning.neighbours.began_anew();
            }
            Ok(Event::Apply(object)) => cleaning.neighbours.changed(object, false),
            Ok(Event::Init | Event::InitApply(_)) | Err(_) => {}
        })
        .applied_objects()
        .filter(move |object| future::ready(object.as_ref().map_or(true, |object| context.memory.touched(object))))
}

fn deleted(context: &Context, object: &DatabaseMigration) {
    let Some(uid) = object.uid() else { return };
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    forget(context, &uid, &namespace, &name);
    tracing::info!(object = %format!("{namespace}/{name}"), "deleted; the database is left as it is");
}

/// Deletions that happened while the watch was down show only as an absence.
fn forget_absent(context: &Context) {
    let present: HashSet<String> = context.objects.state().iter().filter_map(|object| object.uid()).collect();
    for (uid, namespace, name) in context.memory.retain(&present) {
        forget(context, &uid, &namespace, &name);
    }
}

/// Forgets once more an object that was deleted while a pass was at it: what that pass began, noted and showed after the watch had told
/// of the deletion would stay for ever.
pub fn forget_if_gone(context: &Context, object: &DatabaseMigration) {
    let there = context.objects.get(&ObjectRef::from_obj(object));
    let Some(uid) = object.uid() else { return };
    // The cache changes before anybody is told. A successor of the same name has had no pass yet.
    if there.and_then(|there| there.uid()).as_ref() != Some(&uid) {
        forget(context, &uid, &object.namespace().unwrap_or_default(), &object.name_any());
    }
}

fn forget(context: &Context, uid: &str, namespace: &str, name: &str) {
    context.tasks.forget(uid, &ObjectRef::new(name).within(namespace));
    context.verifications.forget(uid);
    context.rehearsals.forget(uid);
    context.neighbours.forget(uid);
    context.memory.forget(uid);
    context.metrics.forget(namespace, name);
}

/// Approvals; fills their cache on the way.
pub fn approvals(
    context: &Context,
    writer: Writer<MigrationApproval>,
) -> impl Stream<Item = Result<MigrationApproval, watcher::Error>> + Send + use<> {
    let api = api::<MigrationApproval>(&context.client, context.options.namespace.as_deref());
    watcher(api, watcher::Config::default()).backoff(Retries::default()).reflect(writer).touched_objects()
}

/// What the API server calls policies. They are watched as they were written: one of a newer release must not hide the others.
pub fn policy_resource() -> ApiResource {
    ApiResource::erase::<MigrationPolicy>(&())
}

/// Policies; fills their cache on the way, and says why that is not possible.
pub fn policies(
    context: &Context,
    writer: Writer<DynamicObject>,
) -> impl Stream<Item = Result<DynamicObject, watcher::Error>> + Send + use<> {
    let api = Api::<DynamicObject>::all_with(context.client.clone(), &policy_resource());
    let platforms = Arc::clone(&context.platforms);
    let told = watcher(api, watcher::Config::default()).inspect_err(move |error| match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status)) => {
            platforms.in_trouble(format!("{} ({})", status.message, status.code));
        }
        other => platforms.in_trouble(other.to_string()),
    });
    told.backoff(Retries::default()).reflect(writer).touched_objects()
}

/// Namespaces, as names and labels only; the one that the operator is confined to, or all.
pub fn namespaces(
    context: &Context,
    writer: Writer<PartialObjectMeta<Namespace>>,
) -> impl Stream<Item = Result<PartialObjectMeta<Namespace>, watcher::Error>> + Send + use<> {
    let config = match &context.options.namespace {
        Some(name) => watcher::Config::default().fields(&format!("metadata.name={name}")),
        None => watcher::Config::default(),
    };
    let api = Api::<PartialObjectMeta<Namespace>>::all(context.client.clone());
    watcher(api, config).backoff(Retries::default()).reflect(writer).touched_objects()
}

/// The objects (of one namespace, or all) that have something left to do: what is imposed on them may have changed. Those that are Ready
/// have nothing to be held back, and learn of it when they have.
pub fn unfinished(
    context: &Context,
    store: &Store<DatabaseMigration>,
    namespace: Option<&str>,
) -> Vec<ObjectRef<DatabaseMigration>> {
    let ready = |object: &DatabaseMigration| {
        let conditions = object.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
        conditions
            .iter()
            .any(|condition| condition.type_ == ConditionType::Ready.as_str() && condition.status == "True")
    };
    let objects = store.state();
    let concerned = objects.iter().filter(|object| {
        !ready(object) && namespace.is_none_or(|namespace| object.metadata.namespace.as_deref() == Some(namespace))
    });
    concerned
        .map(|object| {
            context.memory.unsettle(&object.uid().unwrap_or_default());
            ObjectRef::from_obj(object.as_ref())
        })
        .collect()
}

/// Secrets, as names and versions only.
pub fn secrets(
    context: &Context,
) -> impl Stream<Item = Result<PartialObjectMeta<Secret>, watcher::Error>> + Send + use<> {
    changes(api::<PartialObjectMeta<Secret>>(&context.client, context.options.namespace.as_deref()))
}

/// ConfigMaps, as names and versions only.
pub fn config_maps(
    context: &Context,
) -> impl Stream<Item = Result<PartialObjectMeta<ConfigMap>, watcher::Error>> + Send + use<> {
    changes(api::<PartialObjectMeta<ConfigMap>>(&context.client, context.options.namespace.as_deref()))
}

fn changes<K>(
    api: Api<PartialObjectMeta<K>>,
) -> impl Stream<Item = Result<PartialObjectMeta<K>, watcher::Error>> + Send + use<K>
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + Send + Sync + 'static,
{
    watcher(api, watcher::Config::default()).backoff(Retries::default()).touched_objects()
}

/// The objects whose last pass read this Secret or ConfigMap at another version, or whose plan is in it and was changed.
pub fn dependents<K>(
    context: &Context,
    store: &Store<DatabaseMigration>,
    changed: &PartialObjectMeta<K>,
    input: &Input,
) -> Vec<ObjectRef<DatabaseMigration>> {
    let namespace = changed.metadata.namespace.as_deref();
    // A deleted one is shown at its last version, or at the one of its deletion: either way something has changed for
    // those that could read it, and for those that could not the version differs from "was not there".
    let version = changed.metadata.resource_version.as_deref();
    store
        .state()
        .iter()
        .filter(|object| object.metadata.namespace.as_deref() == namespace)
        .filter(|object| {
            object.uid().is_some_and(|uid| {
                let tampered = context.memory.plan_tampered(&uid, input, version);
                context.memory.input_changed(&uid, input, version) || tampered
            })
        })
        .map(|object| ObjectRef::from_obj(object.as_ref()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_that_breaks_is_tried_again_soon_however_long_the_outage() {
        let mut retries = Retries::default();
        let waits: Vec<Duration> = retries.by_ref().take(20).collect();
        assert!(waits.iter().all(|wait| *wait <= LONGEST), "{waits:?}");
        assert_eq!(waits.last(), Some(&LONGEST));
        retries.reset();
        assert!(retries.next() < Some(Duration::from_secs(2)));
    }
}
