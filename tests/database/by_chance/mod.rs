//! Ways back of scripts that nobody thought of: small schemas with rows, and scripts that destroy parts of them, by chance.
//!
//! A seed gives a case as the files in `ways_back/` have it: what fails is mended with such a file.

use std::fmt::Write as _;

use futures::{StreamExt as _, stream};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

mod changes;
mod schema;

use crate::ways_back::{AT_ONCE, parts, there_and_back};

use schema::{REFRESH, Table};

/// A schema on its way.
struct World {
    rng: StdRng,
    tables: Vec<Table>,
    numbers: u32,
    /// Tables without a key, or with children, that lost a column without nulls in this script: their rows would not come back
    /// without it.
    torn: Vec<String>,
    /// Rows went: one that a script would change may not be there.
    emptied: bool,
}

impl World {
    fn new(seed: u64) -> Self {
        Self { rng: StdRng::seed_from_u64(seed), tables: Vec::new(), numbers: 0, torn: Vec::new(), emptied: false }
    }

    fn below(&mut self, end: usize) -> usize {
        self.rng.random_range(0..end)
    }

    fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    fn pick<T: Clone>(&mut self, all: &[T]) -> Option<T> {
        if all.is_empty() { None } else { Some(all[self.below(all.len())].clone()) }
    }

    fn number(&mut self) -> u32 {
        self.numbers += 1;
        self.numbers
    }
}

/// The case of a seed, as a file.
fn case(seed: u64) -> String {
    let mut world = World::new(seed);
    let mut text = format!("-- base\n{}", world.base());
    for _ in 0..1 + world.below(3) {
        let (mut up, mut down) = (Vec::new(), Vec::new());
        world.torn.clear();
        for _ in 0..1 + world.below(3) {
            if let Some((there, back)) = (0..20).find_map(|_| world.change()) {
                up.extend(there);
                down.splice(0..0, back);
            }
        }
        if up.is_empty() {
            continue;
        }
        let mode = |alone: bool| if alone { "-- sluice:no-transaction\n" } else { "" };
        let (alone_up, alone_down) = (world.one_in(3), world.one_in(3));
        let _ = writeln!(text, "-- up\n{}{};", mode(alone_up), up.join(";\n"));
        let _ = writeln!(text, "-- down\n{}{};", mode(alone_down), down.join(";\n"));
    }
    // What a view holds depends on when it was filled.
    text + "-- after\n" + REFRESH
}

#[tokio::test]
async fn scripts_by_chance_come_back_to_where_they_began() {
    let number = |name: &str, or: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(or);
    let (first, many) = (number("SEED", 1), number("SEEDS", 10));
    let tried = stream::iter(first..first + many).map(|seed| async move {
        let text = case(seed);
        let wrong = there_and_back(&parts(&text)).await;
        (seed, text, wrong)
    });
    let mut bad = String::new();
    let mut tried = std::pin::pin!(tried.buffered(AT_ONCE));
    while let Some((seed, text, wrong)) = tried.next().await {
        if !wrong.is_empty() {
            let _ = writeln!(bad, "=== seed {seed}\n{text}\n      {}", wrong.join("\n      "));
        }
    }
    assert!(bad.is_empty(), "these ways back do not lead where they should:\n{bad}");
}
