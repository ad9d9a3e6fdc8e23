//! The Secrets and ConfigMaps that an object's passes read: which version was read, and whether a watch has shown another one
//! since. A change must never get lost between a read and a watch that overtake each other; one wake too many is cheap.

use std::collections::HashMap;

/// A Secret or ConfigMap that an object depends on, in the object's namespace.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Input {
    /// A Secret of that name.
    Secret(String),
    /// A ConfigMap of that name.
    ConfigMap(String),
}

/// A resource version; `None`: it was not there.
type Version = Option<String>;

/// What is known of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Known {
    /// It is being read, and no version that it was read at before is known: whatever a watch shows of it counts as a change.
    Reading,
    /// It was at that version when it was read.
    At(Version),
    /// A watch has shown that version, which is not the one that was read.
    Changed(Version),
}

/// What is known of all inputs of one object.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    known: HashMap<Input, Known>,
}

impl Inputs {
    /// Notes what a pass is about to read. What a watch shows from now on, and not before, is news for that pass.
    pub fn reading(&mut self, inputs: impl IntoIterator<Item = Input>) {
        for input in inputs {
            let known = self.known.entry(input).or_insert(Known::Reading);
            if matches!(known, Known::Changed(_)) {
                *known = Known::Reading;
            }
        }
    }

    /// Notes everything that a pass read, and at which versions. What a watch showed of them while they were being read
    /// stays a change, unless it is just what was read: the answer may be older than what the watch showed.
    pub fn read(&mut self, inputs: impl IntoIterator<Item = (Input, Version)>) {
        let mut before = std::mem::take(&mut self.known);
        for (input, version) in inputs {
            let known = match before.remove(&input) {
                Some(Known::Changed(shown)) if shown != version => Known::Changed(shown),
                Some(Known::Changed(_) | Known::At(_) | Known::Reading) | None => Known::At(version),
            };
            self.known.insert(input, known);
        }
    }

    /// Notes that a pass is about to read an input besides, which may be one that it has read already.
    pub fn reading_besides(&mut self, input: Input) {
        self.known.entry(input).or_insert(Known::Reading);
    }

    /// Notes what a pass read besides, and at which version.
    pub fn read_besides(&mut self, input: Input, version: Version) {
        let known = match self.known.remove(&input) {
            // What was read of it at another version is out of date: whatever happens to it next wakes the object.
            Some(Known::At(before)) if before != version => Known::Reading,
            Some(Known::Changed(shown)) => Known::Changed(shown),
            Some(Known::At(_) | Known::Reading) | None => Known::At(version),
        };
        self.known.insert(input, known);
    }

    /// Whether an input, as a watch now shows it, differs from what the last pass read. From then on it counts as changed
    /// until it is read again.
    pub fn changed(&mut self, input: &Input, version: Option<&str>) -> bool {
        let Some(known) = self.known.get_mut(input) else { return false };
        if matches!(known, Known::At(read) if read.as_deref() == version) {
            return false;
        }
        *known = Known::Changed(version.map(str::to_owned));
        true
    }

    /// Whether everything that the last pass read is, as far as the watches have shown, what it was, and these are among it.
    pub fn stand(&self, these: &[Input]) -> bool {
        these.iter().all(|input| self.known.contains_key(input))
            && self.known.values().all(|known| matches!(known, Known::At(_)))
    }
}
