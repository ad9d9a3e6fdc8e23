//! What a script would destroy, told from its statements.
//!
//! Whatever is not recognised is taken to destroy nothing: the server is the judge of what it does not know. What may
//! hide anything (a DO block that puts statements together, a CALL) is [`Target::Unclear`].

use crate::migration::Statement;

use super::super::recognise::Name;
use super::super::tokens::Tokens;
use super::names::Renames;

/// What one statement takes away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Target {
    /// `DROP TABLE`: its rows, and those of its partitions and children.
    Table(Name),
    /// `TRUNCATE`
    Truncated { table: Name, only: bool, cascade: bool },
    /// `DROP SCHEMA … CASCADE`
    Schema(String),
    /// `DROP TYPE … CASCADE`, `DROP DOMAIN … CASCADE` or `ALTER TYPE … DROP ATTRIBUTE`: the columns of the type.
    Type(Name),
    /// `ALTER TABLE … DROP COLUMN`
    Column { table: Name, column: String },
    /// `ALTER TABLE … ALTER COLUMN … TYPE`
    Retyped { table: Name, column: String, to: Option<String>, using: Option<String> },
    /// `DELETE`, `UPDATE` and their like; `rows` where they can be told by a condition on the table alone.
    Rows { table: Name, only: bool, alias: Option<String>, condition: Option<String> },
    /// Cannot be told.
    Unclear(&'static str),
}

/// One thing that a script takes away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Destruction {
    /// 1-based line of the statement in the file.
    pub line: u32,
    /// What, by its name before the scripts began.
    pub target: Target,
    /// The `search_path` that the scripts set before, as they wrote it.
    pub path: Option<String>,
}

/// Reads scripts in the order in which they will run.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Reader {
    renames: Renames,
    path: Option<String>,
}

impl Reader {
    /// What one statement takes away.
    pub fn read(&mut self, statement: &Statement) -> Vec<Destruction> {
        let mut found = Vec::new();
        self.statement(Tokens::of(&statement.text), 0, &mut found);
        let of = |target| Destruction { line: statement.line, target, path: self.path.clone() };
        found.into_iter().map(of).collect()
    }

    /// What a table and a column of it were called before what was read so far renamed them.
    pub fn was(&self, table: &Name, column: &str) -> (Name, String) {
        self.renames.column(table.clone(), column.to_owned())
    }

    /// A script ended: what it set for its session is over.
    pub fn script_ends(&mut self) {
        self.path = None;
    }

    /// `depth` counts the blocks around it, whose strings may hold further ones.
    pub(super) fn statement(&mut self, mut rest: Tokens<'_>, depth: usize, found: &mut Vec<Target>) {
        if rest.eat(&["DROP"]) {
            self.drop(rest, found);
        } else if rest.eat(&["ALTER"]) {
            self.alter(rest, found);
        } else if rest.eat(&["TRUNCATE"]) {
            rest.eat(&["TABLE"]);
            let cascade = rest.contains(&["CASCADE"]);
            for mut one in rest.by_commas() {
                let only = one.eat(&["ONLY"]);
                if let Some(table) = one.name() {
                    found.push(Target::Truncated { table: self.renames.table(table), only, cascade });
                }
            }
        } else if rest.eat(&["SET"]) {
            let _ = rest.eat(&["SESSION"]) || rest.eat(&["LOCAL"]);
            if rest.eat(&["search_path"]) && (rest.eat(&["TO"]) || rest.eat(&["="])) {
                self.path = rest.text_until(&[]);
            }
        } else if rest.eat(&["CALL"]) {
            found.push(Target::Unclear("CALL"));
        } else if rest.eat(&["DO"]) {
            self.block(rest, depth, found);
        } else {
            self.changes(rest, found);
        }
    }

    fn drop(&mut self, mut rest: Tokens<'_>, found: &mut Vec<Target>) {
        let what = rest.next().map_or("", |token| token.text).to_ascii_uppercase();
        if what == "OWNED" {
            found.push(Target::Unclear("DROP OWNED"));
            return;
        }
        rest.eat(&["IF", "EXISTS"]);
        let cascade = rest.contains(&["CASCADE"]);
        for mut one in rest.by_commas() {
            let Some(name) = one.name() else { continue };
            match what.as_str() {
                "TABLE" => found.push(Target::Table(self.renames.table(name))),
                "SCHEMA" if cascade => found.push(Target::Schema(self.renames.schema(name.last().to_owned()))),
                "TYPE" | "DOMAIN" if cascade => found.push(Target::Type(name)),
                "EXTENSION" if cascade => found.push(Target::Unclear("DROP EXTENSION … CASCADE")),
                _ => {}
            }
        }
    }

    fn alter(&mut self, mut rest: Tokens<'_>, found: &mut Vec<Target>) {
        if rest.eat(&["SCHEMA"]) {
            if let Some(old) = rest.part()
                && rest.eat(&["RENAME", "TO"])
                && let Some(new) = rest.part()
            {
                self.renames.schema_was(new, old);
            }
            return;
        }
        if rest.eat(&["TYPE"]) {
            found.extend(rest.name().filter(|_| rest.contains(&["DROP", "ATTRIBUTE"])).map(Target::Type));
            return;
        }
        if !rest.eat(&["TABLE"]) {
            return;
        }
        rest.eat(&["IF", "EXISTS"]);
        rest.eat(&["ONLY"]);
        let Some(table) = rest.name() else { return };
        rest.eat(&["*"]);
        for action in rest.by_commas() {
            self.action(&table, action, found);
        }
    }

    /// One action of `ALTER TABLE`.
    fn action(&mut self, table: &Name, mut rest: Tokens<'_>, found: &mut Vec<Target>) {
        if rest.eat(&["RENAME", "TO"]) {
            if let Some(new) = rest.part() {
                self.renames.table_was(table, new);
            }
        } else if rest.eat(&["SET", "SCHEMA"]) {
            if let Some(schema) = rest.part() {
                self.renames.schema_of_was(table, schema);
            }
        } else if rest.eat(&["RENAME"]) {
            if rest.eat(&["CONSTRAINT"]) {
                return;
            }
            rest.eat(&["COLUMN"]);
            if let Some(old) = rest.part()
                && rest.eat(&["TO"])
                && let Some(new) = rest.part()
            {
                self.renames.column_was(table, new, old);
            }
        } else if rest.eat(&["DROP"]) {
            // CONSTRAINT is reserved: no column that is not quoted has that name.
            if rest.eat(&["CONSTRAINT"]) {
                return;
            }
            rest.eat(&["COLUMN"]);
            rest.eat(&["IF", "EXISTS"]);
            if let Some(column) = rest.part() {
                let (table, column) = self.renames.column(table.clone(), column);
                found.push(Target::Column { table, column });
            }
        } else if rest.eat(&["ALTER"]) {
            rest.eat(&["COLUMN"]);
            let Some(column) = rest.part() else { return };
            rest.eat(&["SET", "DATA"]);
            if rest.eat(&["TYPE"]) {
                let to = rest.text_until(&["USING", "COLLATE"]);
                if rest.eat(&["COLLATE"]) {
                    rest.name();
                }
                let converts = rest.eat(&["USING"]);
                let using = if converts { rest.text_until(&[]) } else { None };
                // A conversion that cannot be read is one that cannot be tried.
                let to = to.filter(|_| converts == using.is_some());
                let (table, column) = self.renames.column(table.clone(), column);
                found.push(Target::Retyped { table, column, to, using });
            }
        }
    }

    /// DELETE, UPDATE, MERGE and INSERT … ON CONFLICT DO UPDATE, wherever in the statement they stand.
    fn changes(&mut self, mut rest: Tokens<'_>, found: &mut Vec<Target>) {
        let first = rest.peek().map(|token| token.text.to_ascii_uppercase()).unwrap_or_default();
        // What is only defined or explained is not done.
        if !["DELETE", "UPDATE", "MERGE", "INSERT", "WITH", "EXPLAIN"].contains(&first.as_str()) {
            return;
        }
        let alone = matches!(first.as_str(), "DELETE" | "UPDATE");
        let mut inserted = None;
        while rest.peek().is_some() {
            if rest.eat(&["INSERT", "INTO"]) {
                inserted = rest.name();
            } else if rest.eat(&["DO", "UPDATE"]) {
                found.extend(inserted.take().map(|table| self.rows(table)));
            } else if rest.eat(&["DELETE", "FROM"]) {
                self.rows_of(&mut rest, alone, "USING", found);
            } else if rest.eat(&["MERGE", "INTO"]) {
                rest.eat(&["ONLY"]);
                found.extend(rest.name().map(|table| self.rows(table)));
            } else if rest.eat(&["FOR", "UPDATE"]) || rest.eat(&["FOR", "NO", "KEY", "UPDATE"]) {
                // A lock, no change.
            } else if rest.eat(&["UPDATE"]) {
                // The branch of a MERGE names no table.
                if !rest.sees("SET") {
                    self.rows_of(&mut rest, alone, "FROM", found);
                }
            } else {
                rest.next();
            }
        }
    }

    /// Behind `DELETE FROM` or `UPDATE`. `other` begins the list of further tables.
    fn rows_of(&mut self, rest: &mut Tokens<'_>, alone: bool, other: &str, found: &mut Vec<Target>) {
        let only = rest.eat(&["ONLY"]);
        let Some(name) = rest.name() else { return };
        rest.eat(&["*"]);
        let table = self.renames.table(name);
        let mut target = Target::Rows { table: table.clone(), only, alias: None, condition: None };
        if alone {
            rest.eat(&["AS"]);
            let keyword = |rest: &Tokens<'_>| ["SET", "WHERE", "RETURNING", other].iter().any(|word| rest.sees(word));
            let alias = if keyword(rest) { None } else { rest.part() };
            if rest.sees("SET") {
                rest.text_until(&[other, "WHERE", "RETURNING"]);
            }
            // Rows that another table selects, or a cursor, are told by the table as a whole.
            if rest.eat(&["WHERE"]) && !rest.sees("CURRENT") {
                let condition = rest.text_until(&["RETURNING"]);
                target = Target::Rows { table, only, alias, condition };
            }
        }
        found.push(target);
    }

    fn rows(&self, table: Name) -> Target {
        Target::Rows { table: self.renames.table(table), only: false, alias: None, condition: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migration::{Dialect, Script};

    fn targets(sql: &str) -> Vec<Target> {
        let script = Script::parse(Dialect::Postgres, "U001__x.sql", 1, sql, false).unwrap();
        let mut reader = Reader::default();
        script.statements.iter().flat_map(|one| reader.read(one)).map(|found| found.target).collect()
    }

    fn name(text: &str) -> Name {
        Name(text.split('.').map(ToOwned::to_owned).collect())
    }

    fn column(table: &str, column: &str) -> Target {
        Target::Column { table: name(table), column: column.to_owned() }
    }

    fn rows(table: &str, alias: Option<&str>, condition: Option<&str>) -> Target {
        let own = |text: &str| text.to_owned();
        Target::Rows { table: name(table), only: false, alias: alias.map(own), condition: condition.map(own) }
    }

    #[test]
    fn dropped_tables_are_read_one_by_one_as_the_catalog_spells_them() {
        assert_eq!(
            targets("drop table if exists Orders, /* x */ shop.\"Odd, \"\"name\" -- y\n cascade;"),
            [Target::Table(name("orders")), Target::Table(Name(vec!["shop".to_owned(), "Odd, \"name".to_owned()]))]
        );
    }

    #[test]
    fn what_holds_no_data_of_its_own_is_not_reported() {
        let harmless = "drop view v; drop materialized view m cascade; drop index i; drop function f(int, text); drop schema s;
            drop type t; drop foreign table f; drop sequence q; drop trigger t on orders;
            alter table orders drop constraint c, alter column a drop default, alter b drop not null, add column c int;
            alter table orders detach partition p; create table x(id int references y on delete cascade on update cascade);
            insert into a values (1) on conflict do nothing; select * from a for update; select 'drop table x';
            create rule r as on delete to a do instead nothing; do $$ begin raise notice 'x'; end $$;";
        assert_eq!(targets(harmless), []);
    }

    #[test]
    fn several_actions_of_one_alter_table_are_told_apart() {
        assert_eq!(
            targets(
                "alter table if exists only shop.orders drop column if exists note cascade, drop constraint c, drop \"Odd\",
                 alter column price type numeric(10, 2) using round(price, 2), alter total set data type bigint;"
            ),
            [
                column("shop.orders", "note"),
                column("shop.orders", "Odd"),
                Target::Retyped {
                    table: name("shop.orders"),
                    column: "price".to_owned(),
                    to: Some("numeric(10, 2)".to_owned()),
                    using: Some("round(price, 2)".to_owned()),
                },
                Target::Retyped {
                    table: name("shop.orders"),
                    column: "total".to_owned(),
                    to: Some("bigint".to_owned()),
                    using: None,
                },
            ]
        );
    }

    #[test]
    fn changed_rows_are_told_by_their_condition_where_that_is_enough() {
        assert_eq!(
            targets(
                "delete from orders where status = 'new' and (a or b) returning id;
                 update shop.orders o set note = 'x', n = (select 1 where true) where o.id > 3;
                 delete from orders; delete from orders o using users u where u.id = o.user_id;
                 with gone as (delete from a where x returning *) insert into b select * from gone;
                 insert into c values (1) on conflict (id) do update set n = 1;
                 delete from orders where current of cursor; update orders set n = 1 from users where true;"
            ),
            [
                rows("orders", None, Some("status = 'new' and (a or b)")),
                rows("shop.orders", Some("o"), Some("o.id > 3")),
                rows("orders", None, None),
                rows("orders", None, None),
                rows("a", None, None),
                rows("c", None, None),
                rows("orders", None, None),
                rows("orders", None, None),
            ]
        );
    }

    #[test]
    fn names_are_those_from_before_the_script() {
        assert_eq!(
            targets(
                "alter table orders rename to old_orders; alter table shop.old_orders rename column memo to note;
                 alter table old_orders drop column note; alter table old_orders set schema attic; drop table attic.old_orders;
                 alter schema shop rename to store; drop schema store cascade; truncate store.users, only carts cascade;"
            ),
            [
                column("orders", "memo"),
                Target::Table(name("orders")),
                Target::Schema("shop".to_owned()),
                Target::Truncated { table: name("shop.users"), only: false, cascade: true },
                Target::Truncated { table: name("carts"), only: true, cascade: true },
            ]
        );
    }

    #[test]
    fn what_may_hide_anything_is_unclear() {
        assert_eq!(
            targets("do $$ begin execute 'drop table ' || x; end $$; call tidy_up(); drop owned by app;"),
            [Target::Unclear("DO"), Target::Unclear("CALL"), Target::Unclear("DROP OWNED")]
        );
    }

    #[test]
    fn a_set_search_path_counts_for_what_follows_in_the_script() {
        let sql = "drop table a; set local search_path to shop, \"$user\"; drop table b;";
        let script = Script::parse(Dialect::Postgres, "U001__x.sql", 1, sql, false).unwrap();
        let mut reader = Reader::default();
        let paths: Vec<_> = script.statements.iter().flat_map(|one| reader.read(one)).map(|found| found.path).collect();
        assert_eq!(paths, [None, Some("shop, \"$user\"".to_owned())]);
    }

    #[test]
    fn what_would_end_a_statement_never_becomes_a_part_of_another() {
        assert_eq!(targets("delete from a where (x ; commit)"), [rows("a", None, None)]);
    }
}
