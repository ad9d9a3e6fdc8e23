//! Other DatabaseMigrations that an object waits for: what its last pass saw of them, and whom a change wakes.
//!
//! Reads the cache of the watch, which shows an object before anybody is told of its change. Only what gates look at counts as
//! a change: two objects that watch each other do not keep each other awake.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use kube::ResourceExt;
use kube::runtime::reflector::{ObjectRef, Store};
use tokio::sync::mpsc;

use crate::api::v1alpha1::DatabaseMigration;
use crate::gates::{Neighbour, Place};

/// Tries to see the same twice. Each further one takes a change within microseconds of the last.
const LOOKS: usize = 8;

/// What was seen of others; `None`: there is none of that name.
pub(super) type Seen = BTreeMap<Place, Option<Neighbour>>;

struct Waiting {
    object: ObjectRef<DatabaseMigration>,
    seen: Seen,
}

/// Who waits for whom.
pub struct Neighbours {
    store: Store<DatabaseMigration>,
    wake: mpsc::UnboundedSender<ObjectRef<DatabaseMigration>>,
    waiting: Mutex<HashMap<String, Waiting>>,
}

impl Neighbours {
    /// Reads `store`, and sends objects that are to be woken to `wake`.
    pub fn new(store: Store<DatabaseMigration>, wake: mpsc::UnboundedSender<ObjectRef<DatabaseMigration>>) -> Self {
        Self { store, wake, waiting: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Waiting>> {
        // A panic while the lock was held leaves at worst a wake-up too many.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, (namespace, name): &Place) -> Option<Neighbour> {
        self.store.get(&ObjectRef::new(name).within(namespace)).map(|object| Neighbour::of(&object))
    }

    /// The object waits for nobody.
    pub fn forget(&self, uid: &str) {
        self.lock().remove(uid);
    }

    /// What the object's gates ask about: those that it waits for, and those that they wait for in turn. From now on a change of it wakes the object.
    pub(super) fn look(&self, object: &DatabaseMigration, dependencies: &[&str], forerunner: Option<Place>) -> Seen {
        let namespace = object.namespace().unwrap_or_default();
        let uid = object.uid().unwrap_or_default();
        let own = (namespace.clone(), object.name_any());
        let mut seen = Seen::new();
        for _ in 0..LOOKS {
            let before = std::mem::replace(&mut seen, self.collect(&namespace, dependencies, forerunner.as_ref()));
            if before == seen && self.lock().contains_key(&uid) {
                break;
            }
            // Noted before it is read a second time: a change between the two shows there, a later one finds the note.
            let mut others = seen.clone();
            others.remove(&own);
            self.lock().insert(uid.clone(), Waiting { object: ObjectRef::from_obj(object), seen: others });
        }
        seen
    }

    /// Whoever of another namespace does not let this one go after it is watched, for that may change; whom it waits for is its own affair.
    fn collect(&self, namespace: &str, dependencies: &[&str], forerunner: Option<&Place>) -> Seen {
        let mut next: Vec<Place> = dependencies.iter().map(|name| (namespace.to_owned(), (*name).to_owned())).collect();
        next.extend(forerunner.cloned());
        let mut seen = Seen::new();
        while let Some(place) = next.pop() {
            if seen.contains_key(&place) {
                continue;
            }
            let neighbour = self.read(&place);
            let shown = neighbour.as_ref().filter(|there| place.0 == namespace || there.lets(namespace));
            next.extend(shown.iter().flat_map(|there| there.further(&place.0)));
            seen.insert(place, neighbour);
        }
        seen
    }

    /// An object is as the API server now shows it, or gone: wakes those that saw it otherwise.
    pub fn changed(&self, object: &DatabaseMigration, gone: bool) {
        let key = (object.namespace().unwrap_or_default(), object.name_any());
        let mut waiting = self.lock();
        if !waiting.values().any(|one| one.seen.contains_key(&key)) {
            return;
        }
        let now = if gone { None } else { Some(Neighbour::of(object)) };
        waiting.values_mut().for_each(|one| self.compare(one, &key, now.as_ref()));
    }

    /// The watch began anew: changes while it was down show only by comparing everything.
    pub fn began_anew(&self) {
        for one in self.lock().values_mut() {
            let keys: Vec<Place> = one.seen.keys().cloned().collect();
            keys.iter().for_each(|key| self.compare(one, key, self.read(key).as_ref()));
        }
    }

    fn compare(&self, one: &mut Waiting, key: &Place, now: Option<&Neighbour>) {
        let Some(seen) = one.seen.get_mut(key).filter(|seen| seen.as_ref() != now) else { return };
        // Woken once for it.
        *seen = now.cloned();
        // Nobody listens once the controller has ended: then there is nobody to wake.
        let _ = self.wake.send(one.object.clone());
    }
}
