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
    baseline: bool,
    steps: Vec<Transaction>,
}

/// When a version was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Applied {
    /// By the transaction with this number, the first where there were several, while these others were under way.
    By(u32, BTreeSet<u32>),
    /// That cannot be told: why.
    Unknown(String),
}

/// When the versions that are to be taken back were applied.
#[derive(Debug, Default)]
pub(super) struct Origins {
    rows: HashMap<String, LedgerRow>,
    /// Every transaction that applied one of them. What they wrote goes with them, and comes back with them.
    own: BTreeSet<u32>,
}

impl Origins {
    pub fn new(rows: HashMap<String, LedgerRow>) -> Self {
        let mut own = BTreeSet::new();
        for row in rows.values() {
            own.extend(row.steps.iter().map(|step| step.xid));
            own.extend(row.row.filter(|_| !row.baseline).map(|row| row.xid));
        }
        Self { rows, own }
    }

    pub fn applied(&self, key: &str) -> Applied {
        let unknown = |why: &str| Applied::Unknown(why.to_owned());
        let Some(row) = self.rows.get(key) else { return unknown("the ledger does not tell when that was") };
        if row.baseline {
            return unknown("it was taken as applied, never run");
        }
        // The statements of a script without a transaction have their own, and the last one wrote the row.
        let first = row.steps.iter().copied().max_by_key(|step| step.age).or(row.row);
        let Some(first) = first else { return unknown("the ledger's row was changed after that") };
        if (0..TOO_OLD).contains(&first.age) {
            Applied::By(first.xid, row.under_way.clone())
        } else {
            unknown("that was too many transactions ago")
        }
    }

    /// The condition on `xmin` of the rows of a table that were written since. `created` is the transaction that created
    /// the table or the column.
    ///
    /// In what a version itself created, everything is newer that is not its own. In what was there before, what counts is
    /// which transaction began later, or had not ended. A transaction's part that was rolled back to a savepoint, or a block
    /// with an exception handler, has a number of its own: what a migration wrote there counts as written since, to be on
    /// the safe side.
    pub fn since(&self, applied: &Applied, alias: &str, created: Option<u32>) -> String {
        let mut own = self.own.clone();
        let newer = match applied {
            Applied::By(xid, _) if created.is_some_and(|created| self.own.contains(&created)) => {
                own.insert(*xid);
                String::new()
            }
            Applied::By(xid, under_way) => {
                let later = format!("age({alias}.xmin) >= 0 and age({alias}.xmin) < age('{xid}'::xid)");
                if under_way.is_empty() {
                    format!(" and {later}")
                } else {
                    format!(" and ({later} or {alias}.xmin in ({}))", numbers(under_way))
                }
            }
            Applied::Unknown(_) => {
                own.extend(created);
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

    fn row(row: Option<(u32, i64)>, under_way: &[u32], steps: &[(u32, i64)]) -> Origins {
        let transaction = |(xid, age): (u32, i64)| Transaction { xid, age };
        let steps = steps.iter().copied().map(transaction).collect();
        let under_way = under_way.iter().copied().collect();
        let row = LedgerRow { row: row.map(transaction), under_way, baseline: false, steps };
        Origins::new(HashMap::from([("1".to_owned(), row)]))
    }

    fn by(xid: u32) -> Applied {
        Applied::By(xid, BTreeSet::new())
    }

    #[test]
    fn a_version_is_as_old_as_the_first_transaction_that_applied_it() {
        assert_eq!(row(Some((7, 3)), &[], &[]).applied("1"), by(7));
        assert_eq!(row(Some((9, 1)), &[], &[(5, 5), (4, 6)]).applied("1"), by(4));
        // Numbers begin again: what counts is how long ago.
        assert_eq!(row(Some((9, 1)), &[], &[(3, 7), (u32::MAX, 11)]).applied("1"), by(u32::MAX));
    }

    #[test]
    fn what_the_ledger_does_not_tell_is_unknown() {
        let unknown = |origins: Origins| matches!(origins.applied("1"), Applied::Unknown(_));
        assert!(unknown(Origins::default()));
        assert!(unknown(row(None, &[], &[])));
        assert!(unknown(row(Some((7, -3)), &[], &[])));
        assert!(unknown(row(Some((7, TOO_OLD)), &[], &[])));
    }

    #[test]
    fn in_what_the_version_created_everything_counts_that_is_not_its_own() {
        let origins = row(Some((7, 3)), &[], &[]);
        assert_eq!(origins.since(&by(7), "t", Some(7)), "t.xmin not in ('7'::xid)");
        let before = origins.since(&by(7), "t", Some(2));
        assert!(before.contains("age(t.xmin) < age('7'::xid)"), "{before}");
        let others = row(Some((7, 3)), &[5], &[]);
        let before = others.since(&others.applied("1"), "t", Some(2));
        assert!(before.ends_with("or t.xmin in ('5'::xid))"), "{before}");
        let unknown = row(None, &[], &[]);
        assert_eq!(unknown.since(&unknown.applied("1"), "t", Some(2)), "t.xmin not in ('2'::xid)");
    }
}
