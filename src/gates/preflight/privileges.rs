//! The role may do to each table what the plan does to it.

use crate::database::{TableFacts, ThereFacts};

use super::words::{in_sql, quoted};
use super::{Case, Verdict, closed, known, open};

pub(super) fn judge(case: &Case<'_>) -> Option<Verdict> {
    let asked = case.wanted.privileges.as_ref()?;
    let tables = match known("privileges", asked.named, &case.facts.tables) {
        Ok(tables) => tables,
        Err(untold) => return untold.verdict(),
    };
    let lacking = tables.iter().find_map(|table| lacks(case, table));
    match lacking {
        Some((what, cure)) => closed(format!("role {} {what}", case.facts.role), cure),
        None => open(format!("role {} may do what the plan does to its tables", case.facts.role)),
    }
}

/// What the role may not do, and the statement that lets it.
fn lacks(case: &Case<'_>, table: &TableFacts) -> Option<(String, String)> {
    let role = quoted(&case.facts.role);
    let name = &table.name;
    match &table.there {
        None if case.needs.creates.contains(name) && !table.may_create => {
            let Some(schema) = &table.schema else {
                return Some((
                    format!("may create {name} nowhere: no schema of its search_path is there"),
                    format!("as the database's owner run: CREATE SCHEMA AUTHORIZATION {role}"),
                ));
            };
            let grant = format!("as its owner run: GRANT CREATE, USAGE ON SCHEMA {} TO {role}", quoted(schema));
            Some((format!("may not create {name} in schema {schema}"), grant))
        }
        Some(ThereFacts { owner, owns: false, .. }) if case.needs.alters.contains(name) => Some((
            format!("does not own {name}, which the plan alters; role {owner} does"),
            format!("put role {owner} into the Secret, or as a superuser run: GRANT {} TO {role}", quoted(owner)),
        )),
        Some(ThereFacts { owner, may_use: false, owns: false, .. }) => Some((
            format!("may not use {name}, which the plan does"),
            format!(
                "as role {owner} grant what it needs, such as: GRANT SELECT, INSERT, UPDATE, DELETE ON {} TO {role}",
                in_sql(name)
            ),
        )),
        None | Some(_) => None,
    }
}
