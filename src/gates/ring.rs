//! Rings: objects each of which waits for the next, by `dependsOn` or by promotion, until the first is waited for again.
//!
//! Of another namespace only those objects are followed and named that let this one go after them: whoever makes a ring through objects
//! that do not learns nothing of it here, not even that there is one.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::neighbour::{Neighbour, Place, Wait};
use super::{Facts, GateState, Verdict};

/// A ring: the object, those that it waits for one after the other, and itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ring {
    places: Vec<Place>,
    depends: bool,
    promotes: bool,
}

impl Ring {
    /// The shortest way from the object over the first that it waits for back to itself. With `promotion` also over those that others
    /// go after.
    pub(super) fn of(facts: &Facts<'_>, wait: Wait, first: &Place, promotion: bool) -> Option<Self> {
        let (namespace, name) = facts.place();
        let own = (namespace.to_owned(), name.to_owned());
        let mut came_from: HashMap<Place, (Place, Wait)> = HashMap::from([(first.clone(), (own.clone(), wait))]);
        let mut next = VecDeque::from([first.clone()]);
        while let Some(place) = next.pop_front() {
            if place == own {
                return Some(Self::back(&came_from, &own));
            }
            let Some(neighbour) = seen(facts.neighbours, &place, namespace) else { continue };
            for (further, wait) in neighbour.waits_for(&place.0) {
                if (promotion || wait == Wait::DependsOn) && !came_from.contains_key(&further) {
                    came_from.insert(further.clone(), (place.clone(), wait));
                    next.push_back(further);
                }
            }
        }
        None
    }

    fn back(came_from: &HashMap<Place, (Place, Wait)>, own: &Place) -> Self {
        let mut ring = Self { places: vec![own.clone()], depends: false, promotes: false };
        let mut at = own;
        while let Some((before, wait)) = came_from.get(at) {
            match wait {
                Wait::DependsOn => ring.depends = true,
                Wait::Promotion => ring.promotes = true,
            }
            ring.places.push(before.clone());
            at = before;
            if at == own {
                break;
            }
        }
        ring.places.reverse();
        ring
    }

    /// What a gate says of it: only a change of one of the specs helps.
    pub(super) fn denies(&self, gate: &'static str) -> Verdict {
        let cure = match (self.depends, self.promotes) {
            (_, false) => "take one of these dependencies out of spec.gates.dependsOn",
            (false, true) => "name another DatabaseMigration in spec.gates.promotion.from of one of them",
            (true, true) => "take one of these out of spec.gates.dependsOn or spec.gates.promotion.from",
        };
        Verdict::shut(gate, GateState::Denied, format!("each of them waits for the next: {}", self.names()), cure)
    }

    /// With namespaces, where they are not all the same.
    fn names(&self) -> String {
        let mut namespaces = self.places.iter().map(|(namespace, _)| namespace);
        let first = namespaces.next();
        let same = namespaces.all(|namespace| Some(namespace) == first);
        let name = |(namespace, name): &Place| if same { name.clone() } else { format!("{namespace}/{name}") };
        self.places.iter().map(name).collect::<Vec<_>>().join(" → ")
    }
}

/// An object, where a namespace may know of it.
fn seen<'a>(
    neighbours: &'a BTreeMap<Place, Option<Neighbour>>,
    place: &Place,
    namespace: &str,
) -> Option<&'a Neighbour> {
    let neighbour = neighbours.get(place)?.as_ref()?;
    (place.0 == namespace || neighbour.lets(namespace)).then_some(neighbour)
}
