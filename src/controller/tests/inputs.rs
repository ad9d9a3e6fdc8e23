//! What is known of Secrets and ConfigMaps, told by hand and against random histories of a watch that lags behind reads and
//! is overtaken by them: a change that a pass did not see must wake another pass, which then reads.

use proptest::prelude::*;

use crate::controller::inputs::{Input, Inputs};
use crate::controller::memory::Memory;

fn secret() -> Input {
    Input::Secret("db".to_owned())
}

fn map() -> Input {
    Input::ConfigMap("before".to_owned())
}

fn at(version: &str) -> Option<String> {
    Some(version.to_owned())
}

#[test]
fn an_input_that_changed_since_it_was_read_is_noticed_and_one_that_nobody_read_is_not() {
    let mut inputs = Inputs::default();
    inputs.read([(secret(), at("5"))]);
    assert!(!inputs.changed(&secret(), Some("5")));
    assert!(inputs.changed(&secret(), Some("6")));
    assert!(!inputs.changed(&Input::ConfigMap("db".to_owned()), Some("5")), "a ConfigMap of the Secret's name");
    inputs.reading([secret()]);
    inputs.read([(secret(), None)]);
    assert!(inputs.changed(&secret(), Some("7")), "it was missing");
}

#[test]
fn inputs_belong_to_the_object_that_read_them() {
    let memory = Memory::default();
    memory.inputs("uid-1", |inputs| inputs.read([(secret(), at("5"))]));
    assert!(!memory.input_changed("uid-2", &secret(), Some("6")));
    assert!(!memory.inputs_stand("uid-2", &[secret()]), "nothing was read");
    assert!(memory.inputs_stand("uid-1", &[secret()]));
    assert!(memory.input_changed("uid-1", &secret(), Some("6")));
    assert!(!memory.inputs_stand("uid-1", &[secret()]));
}

#[test]
fn an_input_that_changes_while_it_is_being_read_for_the_first_time_is_noticed() {
    let mut inputs = Inputs::default();
    inputs.reading([secret()]);
    assert!(inputs.changed(&secret(), Some("5")));
    inputs.read([(secret(), at("5"))]);
    inputs.reading([secret()]);
    assert!(!inputs.changed(&secret(), Some("5")), "an input that was read before is known");
}

#[test]
fn inputs_stand_from_when_they_were_read_until_a_watch_shows_another_version() {
    let mut inputs = Inputs::default();
    assert!(!inputs.stand(&[secret()]), "nothing was read");
    inputs.reading([secret()]);
    assert!(!inputs.stand(&[secret()]));
    inputs.read([(secret(), at("5"))]);
    assert!(!inputs.changed(&secret(), Some("5")));
    assert!(inputs.stand(&[secret()]));
    assert!(inputs.changed(&secret(), Some("6")));
    assert!(!inputs.stand(&[secret()]), "whoever was woken may have been too busy to read");
    inputs.reading([secret()]);
    inputs.read([(secret(), at("6"))]);
    assert!(inputs.stand(&[secret()]));
    assert!(!inputs.stand(&[map()]), "the spec names another one now");
}

/// Else a run that was begun with an old Secret ends as if nothing had happened to it, and nobody looks again.
#[test]
fn inputs_do_not_stand_when_a_watch_showed_another_version_before_the_answer_to_the_read_came() {
    let mut inputs = Inputs::default();
    inputs.read([(secret(), at("5"))]);
    inputs.reading([secret()]);
    assert!(inputs.changed(&secret(), Some("6")));
    inputs.read([(secret(), at("5"))]);
    assert!(!inputs.stand(&[secret()]), "5 was read, and 6 is there");
    inputs.reading([secret()]);
    inputs.read([(secret(), at("6"))]);
    assert!(inputs.stand(&[secret()]));
}

#[test]
fn what_a_pass_reads_late_is_watched_like_the_rest_and_hides_no_change_of_it() {
    let mut inputs = Inputs::default();
    inputs.reading_besides(map());
    inputs.read_besides(map(), None);
    assert!(!inputs.changed(&map(), None));
    assert!(inputs.changed(&map(), Some("7")), "it was created");
    // The same ConfigMap also holds scripts, which were read at another version.
    inputs.read([(map(), at("7"))]);
    inputs.read_besides(map(), at("8"));
    assert!(inputs.changed(&map(), Some("8")), "the scripts of version 8 were not read");
    // And when the watch was faster than the second read.
    inputs.reading([map()]);
    inputs.read([(map(), at("8"))]);
    assert!(inputs.changed(&map(), Some("9")));
    inputs.reading_besides(map());
    inputs.read_besides(map(), at("9"));
    assert!(!inputs.stand(&[map()]), "the scripts of version 9 were not read");
}

/// One thing that happens. What is not possible at that moment does not.
#[derive(Debug, Clone, Copy)]
enum Happens {
    /// Somebody writes the Secret.
    Written,
    /// The watch shows the next version.
    Shown,
    /// A pass that was asked for asks the API server.
    Asked,
    /// The API server looks the Secret up.
    Looked,
    /// The answer arrives.
    Answered,
}

/// A Secret, a watch that shows every version, and passes that begin when the watch woke them.
struct World {
    inputs: Inputs,
    newest: usize,
    shown: usize,
    woken: bool,
    /// A read under way, and what the API server has found for it.
    asking: Option<Option<usize>>,
    read: Option<usize>,
}

impl World {
    fn new() -> Self {
        Self { inputs: Inputs::default(), newest: 0, shown: 0, woken: true, asking: None, read: None }
    }

    fn step(&mut self, happens: Happens) {
        match (happens, self.asking) {
            (Happens::Written, _) => self.newest += 1,
            (Happens::Shown, _) if self.shown < self.newest => {
                self.shown += 1;
                self.woken |= self.inputs.changed(&secret(), Some(&self.shown.to_string()));
            }
            (Happens::Asked, None) if self.woken => {
                self.woken = false;
                self.inputs.reading([secret()]);
                self.asking = Some(None);
            }
            (Happens::Looked, Some(None)) => self.asking = Some(Some(self.newest)),
            (Happens::Answered, Some(Some(found))) => {
                self.inputs.read([(secret(), Some(found.to_string()))]);
                self.read = Some(found);
                self.asking = None;
                assert!(
                    !self.inputs.stand(&[secret()]) || found >= self.shown,
                    "{found} stands, and {} was shown",
                    self.shown
                );
            }
            (Happens::Shown | Happens::Asked | Happens::Looked | Happens::Answered, _) => {}
        }
    }
}

proptest! {
    #[test]
    fn in_the_end_the_newest_version_has_been_read_and_stands(
        history in proptest::collection::vec(
            prop_oneof![
                Just(Happens::Written), Just(Happens::Shown), Just(Happens::Asked), Just(Happens::Looked),
                Just(Happens::Answered),
            ],
            0..60,
        ),
    ) {
        let mut world = World::new();
        for happens in history {
            world.step(happens);
        }
        for _ in 0..=world.newest - world.shown {
            for happens in [Happens::Shown, Happens::Asked, Happens::Looked, Happens::Answered] {
                world.step(happens);
            }
        }
        // What is under way ends, and what it was woken for since is done.
        for happens in [Happens::Looked, Happens::Answered, Happens::Asked, Happens::Looked, Happens::Answered] {
            world.step(happens);
        }
        prop_assert_eq!(world.read, Some(world.newest));
        prop_assert!(!world.woken && world.inputs.stand(&[secret()]));
    }
}
