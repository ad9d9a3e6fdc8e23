//! What a role must be allowed to do for a ledger, and the very statements that allow it.

use crate::database::Address;

use super::failure::name;

/// The code of a missing privilege.
const INSUFFICIENT: &str = "42501";

/// The role may not read or write a ledger that is there.
pub(super) fn may_not_use(address: &Address, role: &str) -> String {
    let Address { ledger_schema: schema, database, .. } = address;
    format!(
        "role \"{role}\" may not use the ledger \"{schema}\" in {database} ({}); as its owner run: \
         GRANT USAGE ON SCHEMA \"{schema}\" TO \"{role}\"; \
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA \"{schema}\" TO \"{role}\";",
        name(INSUFFICIENT)
    )
}

/// The role may not create the ledger that is not there yet.
pub(super) fn may_not_create(address: &Address, role: &str, schema_exists: bool) -> String {
    let Address { ledger_schema: schema, database, .. } = address;
    let cure = if schema_exists {
        format!(
            "ALTER SCHEMA \"{schema}\" OWNER TO \"{role}\"; or GRANT CREATE, USAGE ON SCHEMA \"{schema}\" TO \"{role}\";"
        )
    } else {
        format!(
            "GRANT CREATE ON DATABASE \"{database}\" TO \"{role}\"; or CREATE SCHEMA \"{schema}\" AUTHORIZATION \"{role}\";"
        )
    };
    format!(
        "role \"{role}\" may not create the ledger \"{schema}\" in {database} ({}); as the database's owner run: {cure}",
        name(INSUFFICIENT)
    )
}
