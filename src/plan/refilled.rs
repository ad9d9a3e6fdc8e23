//! What a way down brought back from undo copies, as people read it: names and numbers, never a value.

use super::RunSummary;

/// What a way down brought back from an undo copy, or could not.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct Refilled {
    /// `column public.users.note`
    pub object: String,
    /// Rows restored.
    pub rows: u64,
    /// Rows of the copy that were left as they are.
    pub left: u64,
    /// Why none of it was restored.
    pub why: Option<String>,
}

/// So many objects are named in a sentence.
const NAMED: usize = 5;

impl RunSummary {
    /// What it brought back and what it could not, as a sentence without a full stop; nothing where nothing was taken away.
    #[must_use]
    pub fn brought_back(&self) -> Option<String> {
        let (restored, lost): (Vec<&Refilled>, Vec<&Refilled>) =
            self.refilled.iter().partition(|refilled| refilled.why.is_none());
        let restored: Vec<String> = restored
            .into_iter()
            .map(|Refilled { object, rows, left, .. }| {
                let s = if *rows == 1 { "" } else { "s" };
                let object = ["table ", "column ", "rows of "]
                    .iter()
                    .find_map(|word| object.strip_prefix(word))
                    .unwrap_or(object);
                let left = if *left > 0 { format!(" ({left} left as they are)") } else { String::new() };
                format!("{rows} row{s} of {object}{left}")
            })
            .collect();
        let lost = lost
            .into_iter()
            .map(|Refilled { object, why, .. }| format!("{object} ({})", why.as_deref().unwrap_or_default()));
        let lost: Vec<String> = lost.collect();
        match (restored.is_empty(), lost.is_empty()) {
            (true, true) => None,
            (false, true) => Some(format!("restored {} from their undo copies", listed(&restored))),
            (true, false) => Some(format!("not restored: {}", listed(&lost))),
            (false, false) => {
                Some(format!("restored {} from their undo copies; not restored: {}", listed(&restored), listed(&lost)))
            }
        }
    }
}

fn listed(all: &[String]) -> String {
    let named = all.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    let more = all.len().saturating_sub(NAMED);
    if more > 0 { format!("{named} and {more} more (sluice undo list)") } else { named }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Direction;

    fn run(refilled: &[(&str, u64, u64, Option<&str>)]) -> RunSummary {
        let each = refilled.iter().map(|(object, rows, left, why)| Refilled {
            object: (*object).to_owned(),
            rows: *rows,
            left: *left,
            why: why.map(ToOwned::to_owned),
        });
        RunSummary {
            id: uuid::Uuid::nil(),
            object: String::new(),
            object_uid: String::new(),
            generation: 1,
            retry_token: None,
            abort_token: None,
            rollback_token: None,
            plan_digest: String::new(),
            set_digest: String::new(),
            rehearsed: false,
            direction: Direction::Down,
            from: None,
            to: None,
            outcome: None,
            failure: None,
            started_at: jiff::Timestamp::UNIX_EPOCH,
            finished_at: None,
            refilled: each.collect(),
        }
    }

    #[test]
    fn what_came_back_is_told_with_its_rows_and_what_did_not_with_the_reason() {
        let told = |refilled: &[(&str, u64, u64, Option<&str>)]| run(refilled).brought_back().unwrap_or_default();
        assert_eq!(told(&[]), "");
        assert_eq!(
            told(&[("column public.users.email", 1204, 0, None), ("rows of public.t", 1, 2, None)]),
            "restored 1204 rows of public.users.email, 1 row of public.t (2 left as they are) from their undo copies"
        );
        let over = ("table public.big", 0, 0, Some("its rows were not copied: too many"));
        assert_eq!(told(&[over]), "not restored: table public.big (its rows were not copied: too many)");
        assert_eq!(
            told(&[("table public.t", 7, 0, None), over]),
            "restored 7 rows of public.t from their undo copies; not restored: table public.big (its rows were not copied: too many)"
        );
    }

    #[test]
    fn of_many_objects_the_first_are_named() {
        let many: Vec<(&str, u64, u64, Option<&str>)> = vec![("table t", 1, 0, None); 7];
        let told = run(&many).brought_back().unwrap_or_default();
        assert!(told.contains(" and 2 more (sluice undo list) from their undo copies"), "{told}");
    }
}
