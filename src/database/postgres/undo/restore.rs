//! The statements that restore rows from a copy. Each is kept in the ledger, so that a person can run it just as well.
//!
//! A row is known again by the text of its key, which is the same on both sides whatever became of types in between.
//! Without a key it is known by all of its values, and equal rows by their number: then the rows come out right as a
//! whole.

use super::facts::{Column, Table};

/// `row(t."a", t."b")::text`, by the names that the columns have in a copy and had before the script.
pub(super) fn row(columns: &[&Column], alias: &str) -> String {
    let values: Vec<String> = columns.iter().map(|column| format!("{alias}.{}", column.quoted_before())).collect();
    format!("row({})::text", values.join(", "))
}

/// The same by the names that they have now.
pub(super) fn row_now(columns: &[&Column], alias: &str) -> String {
    let values: Vec<String> = columns.iter().map(|column| format!("{alias}.{}", column.quoted())).collect();
    format!("row({})::text", values.join(", "))
}

/// `"a", "b"`
fn names(columns: &[&Column]) -> String {
    columns.iter().map(|column| column.quoted_before()).collect::<Vec<_>>().join(", ")
}

/// Rows numbered among those that are equal.
pub(super) fn numbered(columns: &[&Column], from: &str, more: &str) -> String {
    numbered_by(&row(columns, "t"), from, more)
}

/// Likewise, by any expression of `t`.
pub(super) fn numbered_by(key: &str, from: &str, more: &str) -> String {
    format!(
        "select {more}, {key} as sluice_row, row_number() over (partition by {key}) as sluice_number from {from} as t"
    )
}

/// A column's values, where these columns went together.
pub(super) fn column(table: &Table, column: &Column, gone: &[String], copy: &str) -> String {
    let (key, one) = table.key(gone);
    let (target, name, value) = (table.quoted_before(), column.quoted_before(), column.restored("c"));
    if one {
        return format!(
            "update {target} as t set {name} = {value} from {copy} as c where {} = {}",
            row(&key, "t"),
            row(&key, "c")
        );
    }
    format!(
        "update {target} as t set {name} = {value} from ({}) as p join ({}) as c using (sluice_row, sluice_number)
            where t.ctid = p.at and t.tableoid = p.of",
        numbered(&key, &target, "t.ctid as at, t.tableoid as of"),
        numbered(&key, copy, "t.*"),
    )
}

/// Rows that are not there any more.
pub(super) fn missing(table: &Table, copy: &str, after: Option<&str>) -> String {
    let stored: Vec<&Column> = table.stored().collect();
    let (key, one) = table.key(&[]);
    let target = table.quoted_before();
    let values: Vec<String> = stored.iter().map(|column| column.restored("c")).collect();
    let (names, values) = (names(&stored), values.join(", "));
    // A table with rules takes no such clause, disabled or not.
    let conflict = if table.rules { "" } else { " on conflict do nothing" };
    let insert = format!("insert into {target} ({names}) overriding system value select {values} from");
    if one {
        // What was changed is set back, not inserted.
        let unchanged = after
            .map(|after| {
                format!(" and not exists (select from {after} as a where {} = {})", row(&key, "a"), row(&key, "c"))
            })
            .unwrap_or_default();
        return format!(
            "{insert} {copy} as c where not exists (select from {target} as t where {} = {}){unchanged}{conflict}",
            row(&key, "t"),
            row(&key, "c")
        );
    }
    format!(
        "{insert} ({}) as c where not exists (select from ({}) as p
            where p.sluice_row = c.sluice_row and p.sluice_number = c.sluice_number){conflict}",
        numbered(&stored, copy, "t.*"),
        numbered(&stored, &target, "1 as one"),
    )
}

/// What a row of the copy sets in a row that is there. `None` where a row cannot be known again, or nothing of it can be set.
fn sets(table: &Table) -> Option<String> {
    let (key, one) = table.key(&[]);
    let settable = table.stored().filter(|column| !column.always && !key.iter().any(|key| key.name == column.name));
    let sets: Vec<String> =
        settable.map(|column| format!("{} = {}", column.quoted_before(), column.restored("c"))).collect();
    (one && !sets.is_empty()).then(|| sets.join(", "))
}

/// Rows that were changed, where they still are as the change left them. `None` where a row cannot be known again, or
/// nothing of it can be set.
pub(super) fn changed(table: &Table, copy: &str, after: &str) -> Option<String> {
    let (sets, key, stored) = (sets(table)?, table.key(&[]).0, table.stored().collect::<Vec<_>>());
    // A value that is back already is no change of somebody else's.
    let same: Vec<String> = stored
        .iter()
        .map(|column| format!("{} in ({}, {})", row(&[column], "t"), row(&[column], "a"), row(&[column], "c")))
        .collect();
    Some(format!(
        "update {} as t set {} from {copy} as c join {after} as a on {} = {} where {} = {} and {} <> {} and {}",
        table.quoted_before(),
        sets,
        row(&key, "a"),
        row(&key, "c"),
        row(&key, "t"),
        row(&key, "c"),
        row(&stored, "t"),
        row(&stored, "c"),
        same.join(" and "),
    ))
}

/// Rows that are there again, and are not what they were. `None` where a row cannot be known again, or nothing of it can be set.
pub(super) fn guessed(table: &Table, copy: &str) -> Option<String> {
    let (sets, key, stored) = (sets(table)?, table.key(&[]).0, table.stored().collect::<Vec<_>>());
    Some(format!(
        "update {} as t set {} from {copy} as c where {} = {} and {} <> {}",
        table.quoted_before(),
        sets,
        row(&key, "t"),
        row(&key, "c"),
        row(&stored, "t"),
        row(&stored, "c"),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::facts::tests::table;
    use super::*;

    #[test]
    fn a_column_is_restored_by_key_and_in_its_own_type() {
        let table = table();
        let note = table.columns[1].clone();
        assert_eq!(
            column(&table, &note, &["note".to_owned()], "c1"),
            "update \"public\".\"t\" as t set \"note\" = c.\"note\"::shop.mood from c1 as c where row(t.\"id\")::text = row(c.\"id\")::text"
        );
        let by_place = column(&table, &note, &["id".to_owned(), "note".to_owned()], "c1");
        assert!(by_place.contains("partition by row()::text") && by_place.contains("t.ctid = p.at"), "{by_place}");
    }

    #[test]
    fn what_is_inserted_is_what_is_missing_and_was_not_merely_changed() {
        let table = table();
        let sql = missing(&table, "c1", None);
        assert!(sql.starts_with("insert into \"public\".\"t\" (\"id\", \"note\") overriding system value"), "{sql}");
        assert!(!sql.contains("twice") && sql.ends_with("on conflict do nothing"), "{sql}");
        assert!(missing(&table, "c1", Some("c2")).contains("not exists (select from c2 as a"));
    }

    #[test]
    fn a_changed_row_is_set_back_where_it_is_as_the_change_left_it() {
        let mut table = table();
        let sql = changed(&table, "c1", "c2").unwrap();
        assert!(sql.contains("set \"note\" = c.\"note\"::shop.mood from c1 as c join c2 as a"), "{sql}");
        assert!(sql.ends_with("row(t.\"note\")::text in (row(a.\"note\")::text, row(c.\"note\")::text)"), "{sql}");
        table.columns.remove(1);
        assert_eq!(changed(&table, "c1", "c2"), None, "nothing of it can be set");
        assert_eq!(guessed(&table, "c1"), None);
    }
}
