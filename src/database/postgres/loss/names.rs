//! What things were called before the scripts renamed them.
//!
//! The catalog knows the names from before the first statement; a script that renames a table and then drops it speaks
//! of the later one.

use super::super::recognise::Name;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Rename {
    Schema {
        new: String,
        old: String,
    },
    /// By the name it has afterwards: its last part, and the parts from before.
    Table {
        new: Name,
        old: Name,
    },
    Column {
        table: Name,
        new: String,
        old: String,
    },
}

/// The renames so far, oldest first.
#[derive(Debug, Clone, Default)]
pub(super) struct Renames(Vec<Rename>);

impl Renames {
    pub fn schema_was(&mut self, new: String, old: String) {
        self.0.push(Rename::Schema { new, old });
    }

    /// `ALTER TABLE … RENAME TO new`
    pub fn table_was(&mut self, old: &Name, new: String) {
        let mut parts = old.0.clone();
        parts.pop();
        parts.push(new);
        self.0.push(Rename::Table { new: Name(parts), old: old.clone() });
    }

    /// `ALTER TABLE … SET SCHEMA new`
    pub fn schema_of_was(&mut self, old: &Name, new: String) {
        self.0.push(Rename::Table { new: Name(vec![new, old.last().to_owned()]), old: old.clone() });
    }

    pub fn column_was(&mut self, table: &Name, new: String, old: String) {
        self.0.push(Rename::Column { table: table.clone(), new, old });
    }

    /// What a schema was called.
    pub fn schema(&self, mut name: String) -> String {
        for rename in self.0.iter().rev() {
            if let Rename::Schema { new, old } = rename
                && *new == name
            {
                name.clone_from(old);
            }
        }
        name
    }

    /// What a table was called.
    pub fn table(&self, name: Name) -> Name {
        self.column(name, String::new()).0
    }

    /// What a column and its table were called.
    pub fn column(&self, mut table: Name, mut column: String) -> (Name, String) {
        for rename in self.0.iter().rev() {
            match rename {
                Rename::Schema { new, old } => {
                    if let [schema, _] = table.0.as_mut_slice()
                        && schema == new
                    {
                        schema.clone_from(old);
                    }
                }
                Rename::Table { new, old } if same(new, &table) => {
                    // Written with its schema it keeps it, where the rename was written without.
                    table = match (old.0.as_slice(), table.0.as_slice()) {
                        ([old], [schema, _]) if new.0.len() == 1 => Name(vec![schema.clone(), old.clone()]),
                        _ => old.clone(),
                    };
                }
                Rename::Column { table: of, new, old } if *new == column && same(of, &table) => column.clone_from(old),
                Rename::Table { .. } | Rename::Column { .. } => {}
            }
        }
        (table, column)
    }
}

/// Whether two names may be of one table: a schema that is not written may be any.
fn same(a: &Name, b: &Name) -> bool {
    a.last() == b.last() && (a.0.len() != b.0.len() || a == b)
}
