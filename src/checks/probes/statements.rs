//! How long the statements of applications take that use certain tables, compared with before the run, by what the server counted.
//!
//! The server counts sums over all calls ever made. Before the run, a statement's mean is that of all its calls until then;
//! afterwards it is that of the calls since the window began: calls that waited for the run itself say nothing about what the run
//! left. What is compared is what these very calls would have taken before, so that it does not matter which of the statements
//! are called how often.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::checks::probe::{Probe, ProbeError, Sample, number};
use crate::database::{Handle, StatementTime, StatementTimes, StatementsOf};

use super::{close, open};

/// How long the first measurement watches.
const MOMENT: Duration = Duration::from_secs(5);

/// A statement that became that much slower is named to people.
const NOTABLE: f64 = 1.1;

/// Measures statements.
pub struct Statements {
    database: Handle,
    of: StatementsOf,
    min_calls: u64,
    /// What was counted when the window began.
    reference: Mutex<Option<StatementTimes>>,
}

/// What is kept of the time before the run: names and numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Before {
    tables: BTreeSet<String>,
    statements: BTreeMap<i64, StatementTime>,
}

impl Statements {
    /// `mentioned`: names in the scripts of the run that is about to begin, where no table is named.
    pub fn new(database: Handle, tables: &[String], most: u32, min_calls: u64, mentioned: &BTreeSet<String>) -> Self {
        let of = StatementsOf::Tables { named: tables.to_vec(), mentioned: mentioned.iter().cloned().collect(), most };
        Self { database, of, min_calls, reference: Mutex::new(None) }
    }

    /// `None` where the server does not count.
    async fn times(&self, of: &StatementsOf) -> Result<Option<StatementTimes>, ProbeError> {
        let mut reader = open(&self.database).await?;
        let result = reader.statement_times(of).await;
        close(reader, result).await
    }

    /// What was counted when the window began, and now.
    async fn since(&self, these: &StatementsOf) -> Result<Option<(StatementTimes, StatementTimes)>, ProbeError> {
        let Some(now) = self.times(these).await? else { return Ok(None) };
        let reference = self.reference.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match reference.filter(|reference| reference.reset == now.reset) {
            Some(reference) => Ok(Some((reference, now))),
            None => {
                *self.reference.lock().unwrap_or_else(PoisonError::into_inner) = Some(now.clone());
                sleep(MOMENT).await;
                Ok(self.times(these).await?.map(|later| (now, later)))
            }
        }
    }
}

#[async_trait]
impl Probe for Statements {
    async fn baseline(&self) -> Result<Option<Value>, ProbeError> {
        let Some(times) = self.times(&self.of).await? else { return Ok(None) };
        if times.statements.is_empty() && times.hidden > 0 {
            return Err(ProbeError::Error(
                "the role of the Secret does not see the statements of other roles; grant pg_read_all_stats to it"
                    .to_owned(),
            ));
        }
        Ok(Some(json!(Before { tables: times.tables, statements: times.statements })))
    }

    async fn measure(&self, baseline: Option<&Value>) -> Result<Sample, ProbeError> {
        let Some(before) = baseline else {
            return match self.times(&StatementsOf::These(Vec::new())).await? {
                None => Err(ProbeError::NoData),
                Some(_) => Err(ProbeError::Error(
                    "the statements were not measured before the run, so there is nothing to compare with; the role of the Secret may need \
                     pg_read_all_stats"
                        .to_owned(),
                )),
            };
        };
        let before: Before = serde_json::from_value(before.clone())
            .map_err(|_| ProbeError::Error("what was measured before the run cannot be read".to_owned()))?;
        if before.statements.is_empty() {
            return Err(ProbeError::NoData);
        }
        let these = StatementsOf::These(before.statements.keys().copied().collect());
        let (reference, now) = self.since(&these).await?.ok_or(ProbeError::NoData)?;
        compare(&before.statements, &reference.statements, &now.statements, self.min_calls).ok_or(ProbeError::NoData)
    }
}

/// What the calls between two readings took, and what they would have taken before. `None` of no calls.
#[expect(clippy::cast_precision_loss, reason = "a mean needs no more")]
fn compare(
    before: &BTreeMap<i64, StatementTime>,
    reference: &BTreeMap<i64, StatementTime>,
    now: &BTreeMap<i64, StatementTime>,
    min_calls: u64,
) -> Option<Sample> {
    let (mut calls, mut took, mut would) = (0, 0.0, 0.0);
    let mut ratios: Vec<(f64, i64)> = Vec::new();
    for (id, before) in before {
        let Some(now) = now.get(id) else { continue };
        // The server forgets statements that are rare, and begins anew when it meets them again.
        let reference = reference.get(id).copied().unwrap_or_default();
        let Some(since) = now.calls.checked_sub(reference.calls).filter(|since| *since >= min_calls) else { continue };
        let seconds = now.seconds - reference.seconds;
        if before.calls == 0 || seconds < 0.0 {
            continue;
        }
        let mean = before.seconds / before.calls as f64;
        calls += since;
        took += seconds;
        would += mean * since as f64;
        if mean > 0.0 {
            ratios.push((seconds / since as f64 / mean, *id));
        }
    }
    if calls == 0 {
        return None;
    }
    ratios.sort_by(|a, b| b.0.total_cmp(&a.0));
    let slower: Vec<String> =
        ratios.iter().take_while(|(ratio, _)| *ratio >= NOTABLE).map(|(_, id)| format!("statement {id}")).collect();
    let sample = Sample::of([
        ("value", number(took / calls as f64)?),
        ("baseline", number(would / calls as f64)?),
        ("worst", number(ratios.first().map_or(1.0, |(ratio, _)| *ratio))?),
        ("statements", json!(ratios.len())),
        ("calls", json!(calls)),
    ]);
    Some(sample.about(&slower))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(times: &[(i64, u64, f64)]) -> BTreeMap<i64, StatementTime> {
        times.iter().map(|(id, calls, seconds)| (*id, StatementTime { calls: *calls, seconds: *seconds })).collect()
    }

    fn told(before: &[(i64, u64, f64)], reference: &[(i64, u64, f64)], now: &[(i64, u64, f64)]) -> Option<String> {
        compare(&times(before), &times(reference), &times(now), 5).map(|sample| sample.shown)
    }

    #[test]
    fn the_mean_is_that_of_the_calls_since_and_not_of_all_that_were_ever_made() {
        // A million fast calls before do not hide that each now takes ten times as long.
        let before = [(7, 1_000_000, 1_000.0)];
        let after = [(7, 1_000_010, 1_000.1)];
        assert_eq!(
            told(&before, &before, &after).unwrap(),
            "value 0.01, baseline 0.001, worst 10, statements 1, calls 10 (statement 7)"
        );
    }

    #[test]
    fn calls_that_waited_for_the_run_do_not_count() {
        let shown = told(&[(7, 100, 0.1)], &[(7, 110, 60.0)], &[(7, 120, 60.01)]).unwrap();
        assert_eq!(shown, "value 0.001, baseline 0.001, worst 1, statements 1, calls 10");
    }

    #[test]
    fn it_does_not_matter_which_statements_are_called_how_often() {
        // Before, mostly the fast one; now, mostly the slow one. Neither became slower.
        let before = [(1, 1_000, 1.0), (2, 10, 10.0)];
        let after = [(1, 1_010, 1.01), (2, 110, 110.0)];
        let shown = told(&before, &before, &after).unwrap();
        assert!(shown.starts_with("value 0.9092, baseline 0.9092, worst 1, statements 2, calls 110"), "{shown}");
    }

    #[test]
    fn what_was_hardly_called_forgotten_or_not_there_before_is_not_compared() {
        assert_eq!(told(&[(1, 10, 0.1)], &[(1, 10, 0.1)], &[(1, 14, 9.0)]), None, "four calls");
        assert_eq!(told(&[(1, 10, 0.1)], &[(1, 10, 0.1)], &[]), None, "gone");
        assert_eq!(told(&[(1, 10, 0.1)], &[(1, 100, 0.1)], &[(1, 9, 0.9)]), None, "counted anew");
        assert_eq!(told(&[], &[], &[(1, 100, 0.9)]), None, "new");
        assert_eq!(told(&[(1, 10, 0.1)], &[], &[(1, 10, 0.1)]).map(|_| ()), Some(()), "first called since");
    }
}
