//! What is known about the database that scripts are for. Plain values, gathered elsewhere; everything may be missing.

use std::collections::BTreeMap;

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
    /// Its index or constraint names, with the table of an index where it is one.
    pub table: Option<String>,
}

/// One column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Column {
    /// As `format_type` writes it: `character varying(20)`.
    pub type_name: String,
    /// NOT NULL.
    pub not_null: bool,
}

/// What is known about the database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalog {
    /// The server's major version; `None` where there is no server to ask: the oldest that is supported is assumed.
    pub major: Option<u32>,
    /// By `schema.name`.
    pub relations: BTreeMap<String, Relation>,
    /// The schemas that unqualified names are looked for in, in order.
    pub search_path: Vec<String>,
    /// Whether the database was looked at; without it a table that is not in here may exist all the same.
    pub known: bool,
}

impl Catalog {
    /// The relation that a name means, by the search path where it names no schema.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<(&str, &Relation)> {
        if name.contains('.') {
            return self.relations.get_key_value(name).map(|(name, relation)| (name.as_str(), relation));
        }
        self.search_path.iter().find_map(|schema| {
            let name = format!("{schema}.{name}");
            self.relations.get_key_value(&name).map(|(name, relation)| (name.as_str(), relation))
        })
    }
}
