//! What is known about the database that scripts are for. Plain values, gathered elsewhere; everything may be missing.

use std::collections::{BTreeMap, BTreeSet};

/// One table, index, materialised view or sequence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Relation {
    /// `pg_class.relkind`: `r`, `p`, `i`, `m`, `v`, `S` …
    pub kind: char,
    /// The server's estimate; `None` where it has none yet.
    pub rows: Option<u64>,
    /// With its indexes and TOAST, in bytes.
    pub bytes: u64,
    /// Columns with their types as `format_type` writes them.
    pub columns: BTreeMap<String, Column>,
    /// Tables that refer to it or that it refers to by a foreign key, as keys of [`Catalog::relations`].
    pub foreign: Vec<String>,
    /// The table of an index.
    pub table: Option<String>,
    /// Its constraints by name.
    pub constraints: BTreeMap<String, Constraint>,
    /// Its partitions and the tables that inherit from it, all the way down.
    pub children: Vec<String>,
    /// The table that it is a partition of or inherits from.
    pub parents: Vec<String>,
    /// The partition for rows that no other is for.
    pub default_partition: Option<String>,
    /// The views that read it.
    pub views: Vec<String>,
    /// What a view reads.
    pub reads: Vec<String>,
}

/// One column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Column {
    /// As `format_type` writes it: `character varying(20)`.
    pub type_name: String,
    /// NOT NULL.
    pub not_null: bool,
}

/// One constraint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Constraint {
    /// `pg_constraint.contype`: `c`, `f`, `p`, `u`, `x`, `n`.
    pub kind: char,
    /// The table's columns in it.
    pub columns: Vec<String>,
    /// The table that a foreign key refers to.
    pub other: Option<String>,
    /// Whether it is known to hold for all rows.
    pub validated: bool,
    /// It is a check that says nothing but that its one column is not null.
    pub not_null: bool,
}

/// What is known about the database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalog {
    /// The server's major version; `None` where there is no server to ask: the oldest that is supported is assumed.
    pub major: Option<u32>,
    /// By `schema.name`; a part that holds a dot or a quotation mark stands in quotation marks.
    pub relations: BTreeMap<String, Relation>,
    /// Tables whose triggers call a function, by the function's `schema.name`.
    pub triggers: BTreeMap<String, Vec<String>>,
    /// Domains that have constraints, by `schema.name`.
    pub domains: BTreeSet<String>,
    /// The schemas that unqualified names are looked for in, in order.
    pub search_path: Vec<String>,
    /// Whether the database was looked at; without it a table that is not in here may exist all the same.
    pub known: bool,
}

impl Catalog {
    /// The relation that a name means, by the search path where it names no schema.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<(&str, &Relation)> {
        if is_qualified(name) {
            return self.relations.get_key_value(name).map(|(name, relation)| (name.as_str(), relation));
        }
        self.search_path.iter().find_map(|schema| {
            let name = format!("{schema}.{name}");
            self.relations.get_key_value(&name).map(|(name, relation)| (name.as_str(), relation))
        })
    }
}

/// Whether a name has a dot outside of quotation marks.
fn is_qualified(name: &str) -> bool {
    let mut quoted = false;
    name.chars().any(|c| {
        quoted ^= c == '"';
        c == '.' && !quoted
    })
}

/// The schema, where there is one, and the name in a name as [`Catalog::relations`] keys them, without quotation marks.
#[must_use]
pub fn split_name(name: &str) -> (Option<String>, String) {
    let mut parts = parts(name);
    let last = parts.pop().unwrap_or_default();
    (parts.pop(), last)
}

/// The parts of a name as [`Catalog::relations`] keys them, without quotation marks.
pub(super) fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    let mut chars = name.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, parts.last_mut()) {
            ('"', Some(part)) if quoted && chars.peek() == Some(&'"') => part.extend(chars.next()),
            ('"', _) => quoted = !quoted,
            ('.', _) if !quoted => parts.push(String::new()),
            (c, Some(part)) => part.push(c),
            (_, None) => {}
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_where_they_are_joined() {
        for (name, schema, plain) in [
            ("orders", None, "orders"),
            ("billing.orders", Some("billing"), "orders"),
            ("\"a.b\"", None, "a.b"),
            ("x.\"say \"\"hi\"\".\"", Some("x"), "say \"hi\"."),
        ] {
            assert_eq!(split_name(name), (schema.map(str::to_owned), plain.to_owned()), "{name}");
        }
    }

    #[test]
    fn what_names_no_schema_is_looked_for_along_the_path() {
        let relations = [("b.t", 'r'), ("c.t", 'v'), ("b.\"x.y\"", 'r')];
        let relation = |kind| Relation { kind, ..Relation::default() };
        let catalog = Catalog {
            relations: relations.map(|(name, kind)| (name.to_owned(), relation(kind))).into(),
            search_path: vec!["a".to_owned(), "b".to_owned(), "c".to_owned()],
            ..Catalog::default()
        };
        assert_eq!(catalog.find("t").map(|(name, _)| name), Some("b.t"));
        assert_eq!(catalog.find("c.t").map(|(name, _)| name), Some("c.t"));
        assert_eq!(catalog.find("\"x.y\"").map(|(name, _)| name), Some("b.\"x.y\""));
        assert_eq!(catalog.find("u"), None);
    }
}
