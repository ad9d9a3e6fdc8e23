//! What the catalog knows about the tables from which a statement takes something away.

use serde::Deserialize;

use super::super::loss::read::Reader;
use super::super::quote::ident;
use super::super::recognise::Name;

/// A table at risk.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Table {
    pub oid: i64,
    pub schema: String,
    pub name: String,
    kind: String,
    /// Estimated, with all partitions; `None` before the first ANALYZE.
    pub rows: Option<u64>,
    /// With all partitions, indexes not.
    pub bytes: u64,
    /// The transaction that created it.
    pub created: Option<u32>,
    filtered: bool,
    /// Reached through a foreign key that hands a change on, or through a view.
    pub reached: bool,
    /// Likewise, whether or not the statement names it, too: more of its rows may go than satisfy a condition.
    pub again: bool,
    /// Triggers may make something else of a change than the statement says.
    pub intercepted: bool,
    /// So may rules, even such as are disabled.
    pub rules: bool,
    /// Triggers after a change, which may change other tables.
    pub after_triggers: Vec<String>,
    pub columns: Vec<Column>,
    /// The columns of its primary key, or else of a unique index without nulls.
    key: Option<Vec<String>>,
    /// Schema and name from before the script renamed it; it is by these that its way down brings it back.
    #[serde(skip)]
    was: Option<(String, String)>,
}

/// A column of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Column {
    pub name: String,
    /// The server computes it.
    generated: bool,
    /// `generated always as identity`: it cannot be set by an UPDATE.
    pub always: bool,
    /// Bytes, on average; `None` before the first ANALYZE.
    pub width: Option<u64>,
    pub type_name: String,
    /// Its type where that is not the server's own: a copy must not depend on it, and holds texts.
    own_type: Option<String>,
    /// It is what the statement takes away.
    pub wanted: bool,
    /// Its name from before the script renamed it, by which the copy has it.
    #[serde(skip)]
    was: Option<String>,
}

impl Table {
    /// Notes down what it and its columns were called before the script renamed them.
    /// `schema` is where a name without one is looked up first.
    pub fn named_before(mut self, reader: &Reader, schema: &str) -> Self {
        let now = Name(vec![self.schema.clone(), self.name.clone()]);
        for column in &mut self.columns {
            column.was = Some(reader.was(&now, &column.name).1);
        }
        self.was = match reader.was(&now, "").0.0.as_slice() {
            [schema, name] => Some((schema.clone(), name.clone())),
            [name] => Some((schema.to_owned(), name.clone())),
            _ => None,
        };
        self
    }

    /// Its schema and name from before the script.
    pub fn was(&self) -> (&str, &str) {
        self.was.as_ref().map_or((&self.schema, &self.name), |(schema, name)| (schema, name))
    }

    /// Those of its columns that the script renamed: the name now, and the one from before.
    pub fn renamed(&self) -> Vec<(&str, &str)> {
        let named = self.columns.iter().map(|column| (column.name.as_str(), column.was()));
        named.filter(|(now, was)| now != was).collect()
    }

    /// The same, quoted.
    pub fn quoted_before(&self) -> String {
        let (schema, name) = self.was();
        format!("{}.{}", ident(schema), ident(name))
    }

    /// What is left of it after a statement that may have altered it: what it had before, by the names from before.
    pub fn left_of(mut self, before: &Self) -> Self {
        self.columns.retain(|column| before.stored().any(|other| other.name == column.name));
        for column in &mut self.columns {
            let other = before.columns.iter().find(|other| other.name == column.name);
            column.was = other.map(|other| other.was().to_owned());
        }
        self.key = self.key.filter(|key| key.iter().all(|name| self.columns.iter().any(|column| column.name == *name)));
        self
    }

    /// What of it is left to be set back where others bring these columns back.
    pub fn without(mut self, columns: &[String]) -> Self {
        let key = self.key.clone().unwrap_or_default();
        self.columns.retain(|column| key.contains(&column.name) || !columns.contains(&column.name));
        self
    }

    /// What of it a copy with these columns can restore.
    pub fn limited_to(mut self, columns: &[String]) -> Self {
        self.columns.retain(|column| columns.contains(&column.name));
        self.key = self.key.filter(|key| key.iter().all(|name| columns.contains(name)));
        self
    }

    /// `"public"."orders"`
    pub fn quoted(&self) -> String {
        format!("{}.{}", ident(&self.schema), ident(&self.name))
    }

    /// For a table whose partitions hold its rows it cannot be said, and for one with children it must be.
    pub fn only(&self) -> &'static str {
        if self.kind == "p" { "" } else { "only " }
    }

    /// Why its rows cannot be copied, whatever their number.
    pub fn hidden(&self) -> Option<&'static str> {
        match self.kind.as_str() {
            "r" | "p" if self.filtered => Some("row-level security hides rows from this role"),
            "r" | "p" => None,
            _ => Some("its rows are not this database's own"),
        }
    }

    /// The columns that a copy can hold and an INSERT can restore.
    pub fn stored(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| !column.generated)
    }

    /// By which columns a row is known again when some are gone, and whether that is one row for certain.
    pub fn key(&self, gone: &[String]) -> (Vec<&Column>, bool) {
        match self.key.as_ref().filter(|key| !key.iter().any(|one| gone.contains(one))) {
            Some(key) => (self.columns.iter().filter(|column| key.contains(&column.name)).collect(), true),
            None => (self.stored().filter(|column| !gone.contains(&column.name)).collect(), false),
        }
    }
}

impl Column {
    pub fn quoted(&self) -> String {
        ident(&self.name)
    }

    /// Its name from before the script, and in the copy.
    pub fn was(&self) -> &str {
        self.was.as_deref().unwrap_or(&self.name)
    }

    /// The same, quoted.
    pub fn quoted_before(&self) -> String {
        ident(self.was())
    }

    pub fn is_copied_as_text(&self) -> bool {
        self.own_type.is_some()
    }

    /// The column for a copy.
    pub fn copied(&self, alias: &str) -> String {
        let cast = if self.own_type.is_some() { "::text" } else { "" };
        format!("{alias}.{}{cast} as {}", self.quoted(), self.quoted_before())
    }

    /// The copy's value as the column's type again.
    pub fn restored(&self, alias: &str) -> String {
        let cast = self.own_type.as_ref().map(|own| format!("::{own}")).unwrap_or_default();
        format!("{alias}.{}{cast}", self.quoted_before())
    }

    /// Whether it is of the type in which a copy has its values; of one of somebody's own a copy has texts.
    pub fn holds(&self, held_as: Option<&str>) -> bool {
        self.own_type.is_some() || held_as == Some(&self.type_name)
    }

    /// Whether each of its values is in the other type what it was, so that nothing is taken away.
    pub fn widens_to(&self, to: &str) -> bool {
        let to = to.trim().to_ascii_lowercase();
        let from = self.type_name.as_str();
        let varying = from.starts_with("character varying") || from == "text";
        match to.as_str() {
            "text" | "varchar" | "character varying" => varying,
            "bigint" | "int8" => matches!(from, "smallint" | "integer" | "bigint"),
            "integer" | "int" | "int4" => matches!(from, "smallint" | "integer"),
            "numeric" | "decimal" => matches!(from, "smallint" | "integer" | "bigint" | "numeric"),
            _ => to == from,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// `public.t`: id (its key), note, of a type of somebody's own, and what the server computes; ten rows.
    pub fn table() -> Table {
        let plain = |name: &str| Column { name: name.to_owned(), width: Some(72), ..column("text") };
        Table {
            oid: 7,
            schema: "public".to_owned(),
            name: "t".to_owned(),
            kind: "r".to_owned(),
            rows: Some(10),
            bytes: 8192,
            created: Some(3),
            filtered: false,
            reached: false,
            again: false,
            intercepted: false,
            rules: false,
            after_triggers: Vec::new(),
            was: None,
            columns: vec![
                Column { always: true, ..plain("id") },
                Column { own_type: Some("shop.mood".to_owned()), ..plain("note") },
                Column { generated: true, ..plain("twice") },
            ],
            key: Some(vec!["id".to_owned()]),
        }
    }

    #[test]
    fn a_row_is_known_by_its_key_unless_that_goes_itself() {
        let names = |gone: &[&str]| {
            let gone: Vec<String> = gone.iter().map(ToString::to_string).collect();
            let table = table();
            let (key, one) = table.key(&gone);
            (key.iter().map(|column| column.name.clone()).collect::<Vec<_>>().join(" "), one)
        };
        assert_eq!(names(&[]), ("id".to_owned(), true));
        assert_eq!(names(&["note"]), ("id".to_owned(), true));
        assert_eq!(names(&["id"]), ("note".to_owned(), false));
        assert_eq!(names(&["id", "note"]), (String::new(), false));
    }

    fn column(type_name: &str) -> Column {
        Column {
            name: "c".to_owned(),
            generated: false,
            always: false,
            width: None,
            type_name: type_name.to_owned(),
            own_type: None,
            wanted: true,
            was: None,
        }
    }

    #[test]
    fn a_wider_type_takes_nothing_away_and_any_other_may() {
        for (from, to) in [
            ("character varying(20)", "TEXT"),
            ("integer", "bigint"),
            ("smallint", "int"),
            ("bigint", "numeric"),
            ("jsonb", "jsonb"),
        ] {
            assert!(column(from).widens_to(to), "{from} to {to}");
        }
        for (from, to) in [
            ("text", "varchar(20)"),
            ("bigint", "integer"),
            ("numeric(12,4)", "numeric(12, 2)"),
            ("numeric", "bigint"),
            ("character(3)", "text"),
        ] {
            assert!(!column(from).widens_to(to), "{from} to {to}");
        }
    }
}
