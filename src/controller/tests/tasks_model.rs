//! The table of runs against random teams of objects: a small controller makes passes as the real one does. Whatever the
//! order, everybody gets a turn, nobody has two, and no turn is lost by somebody who does not want it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::bench::{Behaviour, Site, address, object, start, uid};
use crate::controller::tasks::Tasks;
use crate::rollout::Room;
use crate::telemetry::Metrics;

/// One object of a team.
#[derive(Debug, Clone)]
struct Member {
    /// Which database it is about.
    database: usize,
    behaviour: Behaviour,
    /// What it does when it is woken for its turn.
    turn: Turn,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// Runs.
    Takes,
    /// Finds that there is nothing to do any more.
    Declines,
    /// Is deleted while it waits.
    Leaves,
    /// Its pass fails before it comes to anything, once.
    Stumbles,
}

fn member() -> impl Strategy<Value = Member> {
    let millis = || (1..50_u64).prop_map(Duration::from_millis);
    let behaviour = prop_oneof![
        4 => millis().prop_map(Behaviour::Succeeds),
        1 => millis().prop_map(Behaviour::Fails),
        1 => Just(Behaviour::Panics),
    ];
    let turn = prop_oneof![
        5 => Just(Turn::Takes),
        1 => Just(Turn::Declines),
        1 => Just(Turn::Leaves),
        1 => Just(Turn::Stumbles),
    ];
    (0..4_usize, behaviour, turn).prop_map(|(database, behaviour, turn)| Member { database, behaviour, turn })
}

#[derive(Debug, Default)]
struct Tally {
    runs: HashMap<usize, usize>,
    passes: usize,
}

/// Makes passes until everybody is served; panics when nothing moves any more.
async fn serve(team: &[Member], limit: usize, site: &Arc<Site>) -> Tally {
    let (wake, mut woken) = mpsc::unbounded_channel();
    let tasks = Tasks::new(limit, Metrics::new().unwrap(), wake);
    let mut tally = Tally::default();
    let mut open: HashMap<usize, Member> = team.iter().cloned().enumerate().collect();
    let mut due: VecDeque<usize> = (0..team.len()).collect();
    while !open.is_empty() {
        let number = match due.pop_front() {
            Some(number) => number,
            None => {
                // Real objects are looked at again after a minute whatever happens; here a lost turn shall show.
                let next = timeout(Duration::from_secs(30), woken.recv()).await;
                let next = next.unwrap_or_else(|_| panic!("nobody is woken; still open: {open:?}")).unwrap();
                next.name.trim_start_matches('o').parse().unwrap()
            }
        };
        let Some(member) = open.get_mut(&number) else { continue };
        tally.passes += 1;
        let on = address(member.database);
        if tasks.running(&uid(number)).is_some() {
            continue;
        }
        if tasks.take_ended(&uid(number)).is_some() {
            *tally.runs.entry(number).or_default() += 1;
            open.remove(&number);
        } else if tasks.room(&on) != Room::Free {
            if member.turn == Turn::Leaves {
                tasks.queue(object(number), &on);
                tasks.forget(&uid(number), &object(number));
                open.remove(&number);
                continue;
            }
            tasks.queue(object(number), &on);
        } else {
            match member.turn {
                Turn::Takes | Turn::Leaves => {
                    let began = tasks.start(start(number, member.database, member.behaviour, site));
                    assert!(began, "there was room, and nobody else looked in between");
                }
                Turn::Declines => {
                    open.remove(&number);
                }
                Turn::Stumbles => {
                    member.turn = Turn::Takes;
                    due.push_back(number);
                }
            }
        }
        tasks.offer();
    }
    assert_eq!(tasks.count(), 0);
    tally
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn everybody_gets_one_turn_and_no_time_is_lost(
        team in prop::collection::vec(member(), 1..24),
        limit in 1..5_usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let site = Arc::<Site>::default();
        let (tally, elapsed) = runtime.block_on(async {
            let began = Instant::now();
            (serve(&team, limit, &site).await, began.elapsed())
        });
        prop_assert!(site.most() <= limit, "{} at once", site.most());
        prop_assert!(tally.runs.values().all(|runs| *runs == 1), "{:?}", tally.runs);
        for (number, member) in team.iter().enumerate() {
            if matches!(member.turn, Turn::Takes | Turn::Stumbles) {
                prop_assert!(tally.runs.contains_key(&number), "{number} had no turn");
            }
        }
        // Somebody is always at work while somebody waits.
        let work: Duration = team.iter().map(|member| match member.behaviour {
            Behaviour::Succeeds(after) | Behaviour::Fails(after) => after + Duration::from_millis(10),
            Behaviour::Panics | Behaviour::EndsWhenTold | Behaviour::Hangs => Duration::from_millis(10),
        }).sum();
        prop_assert!(elapsed <= work, "{elapsed:?} for {work:?} of work");
        // To come, to be called, to begin, to end; and now and then somebody else was faster.
        prop_assert!(tally.passes <= 8 * team.len(), "{} passes over {} objects", tally.passes, team.len());
    }
}
