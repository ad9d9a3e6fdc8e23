//! When a version was applied, told by the transactions that applied it: nobody else's rows are theirs.

use std::collections::{BTreeSet, HashMap};

use serde::Deserialize;

/// A difference of transaction numbers says who came first only up to half of all numbers; a good way from there it is
/// not believed any more.
const TOO_OLD: i64 = 2_000_000_000;

/// A transaction and how many began since.
#[derive(Debug, Clone, Copy, Deserialize)]
struct Transaction {
    xid: u32,
    age: i64,
}

/// What the ledger's rows say about one version.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct LedgerRow {
    /// That applied it; `None` where nobody can tell any more.
    row: Option<Transaction>,
    /// Those of others that had not ended by then.
    under_way: BTreeSet<u32>,
    /// The run that last changed the row.
    run: Option<String>,
    baseline: bool,
    steps: Vec<Transaction>,
}

impl LedgerRow {
    fn transactions(&self) -> impl Iterator<Item = u32> {
        let row = self.row.filter(|_| !self.baseline);
        self.steps.iter().copied().chain(row).map(|transaction| transaction.xid)
    }
}

/// When a version was applied, and what was written by that itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Applied {
    /// The transactions that applied it and the others that its run applied. What they wrote goes with them. Not those of
    /// later runs: the rows that they changed may have been somebody's since this version was applied.
    own: BTreeSet<u32>,
    /// When; or why that cannot be told.
    pub when: Result<When, String>,
}

/// The first transaction that applied a version, where there were several, and who was under way at the last one's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct When {
    first: u32,
    under_way: BTreeSet<u32>,
}

/// When the versions that are to be taken back were applied.
#[derive(Debug, Default)]
pub(super) struct Origins(HashMap<String, LedgerRow>);

impl Origins {
    pub fn new(rows: HashMap<String, LedgerRow>) -> Self {
        Self(rows)
    }

    pub fn applied(&self, key: &str) -> Applied {
        let Some(row) = self.0.get(key) else {
            return Applied { own: BTreeSet::new(), when: Err("the ledger does not tell when that was".to_owned()) };
        };
        let mut own: BTreeSet<u32> = row.transactions().collect();
        for other in self.0.values().filter(|other| other.run.is_some() && other.run == row.run) {
            own.extend(other.transactions());
        }
        Applied { own, when: row.when() }
    }
}

impl LedgerRow {
    fn when(&self) -> Result<When, String> {
        if self.baseline {
            return Err("it was taken as applied, never run".to_owned());
        }
        // The statements of a script without a transaction have their own, and the last one wrote the row.
        let first = self.steps.iter().copied().max_by_key(|step| step.age).or(self.row);
        let first = first.ok_or_else(|| "the ledger's row was changed after that".to_owned())?;
        if (0..TOO_OLD).contains(&first.age) {
            Ok(When { first: first.xid, under_way: self.under_way.clone() })
        } else {
            Err("that was too many transactions ago".to_owned())
        }
    }
}

impl Applied {
    /// The condition on `xmin` of the rows of a table that were written since. `table` is the transaction that created the
    /// table, `part` the one that created what is looked at, which is the table or a column.
    ///
    /// In what a version itself created, everything is newer that is not its own. In what was there before, what counts is
    /// which transaction began later, or had not ended. A transaction's part that was rolled back to a savepoint, or a block
    /// with an exception handler, has a number of its own: what a migration wrote there counts as written since, to be on
    /// the safe side.
    pub fn since(&self, alias: &str, table: Option<u32>, part: Option<u32>) -> String {
        let mut own = self.own.clone();
        let newer = match &self.when {
            Ok(_) if part.is_some_and(|part| own.contains(&part)) => String::new(),
            Ok(When { first, under_way }) => {
                let later = format!("age({alias}.xmin) >= 0 and age({alias}.xmin) < age('{first}'::xid)");
                if under_way.is_empty() {
                    format!(" and {later}")
                } else {
                    format!(" and ({later} or {alias}.xmin in ({}))", numbers(under_way))
                }
            }
            Err(_) => {
                // Of a table that is known for ever; a column's changes with each change of its definition.
                own.extend(table);
                String::new()
            }
        };
        if own.is_empty() { "true".to_owned() } else { format!("{alias}.xmin not in ({}){newer}", numbers(&own)) }
    }
}

/// Transactions as SQL writes them.
fn numbers(xids: &BTreeSet<u32>) -> String {
    xids.iter().map(|xid| format!("'{xid}'::xid")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(row: Option<(u32, i64)>, under_way: &[u32], steps: &[(u32, i64)]) -> LedgerRow {
        let transaction = |(xid, age): (u32, i64)| Transaction { xid, age };
        let steps = steps.iter().copied().map(transaction).collect();
        let under_way = under_way.iter().copied().collect();
        LedgerRow { row: row.map(transaction), under_way, run: Some("a".to_owned()), baseline: false, steps }
    }

    fn applied(rows: &[LedgerRow]) -> Applied {
        let keys = (1..).map(|n: u32| n.to_string());
        Origins::new(keys.zip(rows.iter().cloned()).collect()).applied("1")
    }

    fn first(row: LedgerRow) -> Option<u32> {
        applied(&[row]).when.ok().map(|when| when.first)
    }

    #[test]
    fn a_version_is_as_old_as_the_first_transaction_that_applied_it() {
        assert_eq!(first(row(Some((7, 3)), &[], &[])), Some(7));
        assert_eq!(first(row(Some((9, 1)), &[], &[(5, 5), (4, 6)])), Some(4));
        // Numbers begin again: what counts is how long ago.
        assert_eq!(first(row(Some((9, 1)), &[], &[(3, 7), (u32::MAX, 11)])), Some(u32::MAX));
    }

    #[test]
    fn what_the_ledger_does_not_tell_is_unknown() {
        assert!(applied(&[]).when.is_err());
        assert_eq!(first(row(None, &[], &[])), None);
        assert_eq!(first(row(Some((7, -3)), &[], &[])), None);
        assert_eq!(first(row(Some((7, TOO_OLD)), &[], &[])), None);
        assert_eq!(first(LedgerRow { baseline: true, ..row(Some((7, 3)), &[], &[]) }), None);
    }

    #[test]
    fn in_what_the_version_created_everything_counts_that_is_not_its_own() {
        let known = applied(&[row(Some((7, 3)), &[], &[])]);
        assert_eq!(known.since("t", Some(7), Some(7)), "t.xmin not in ('7'::xid)");
        let before = known.since("t", Some(2), Some(2));
        assert!(before.contains("age(t.xmin) < age('7'::xid)"), "{before}");
        let others = applied(&[row(Some((7, 3)), &[5], &[])]).since("t", Some(2), Some(2));
        assert!(others.ends_with("or t.xmin in ('5'::xid))"), "{others}");
        let unknown = applied(&[row(None, &[], &[])]);
        assert_eq!(unknown.since("t", Some(2), Some(6)), "t.xmin not in ('2'::xid)");
    }

    #[test]
    fn what_other_runs_wrote_is_not_a_versions_own() {
        let one = row(Some((7, 3)), &[], &[]);
        let two = row(Some((8, 2)), &[], &[]);
        assert_eq!(applied(&[one.clone(), two.clone()]).own, BTreeSet::from([7, 8]));
        let later = LedgerRow { run: Some("b".to_owned()), ..two };
        assert_eq!(applied(&[one, later]).own, BTreeSet::from([7]));
    }
}
