//! Undo copies: rows that a statement takes away are copied before, in its own transaction, and a way down that re-creates
//! their table or column is refilled from the copy, in its own transaction, too. Whether that is the script's or, where the
//! script runs without one, the statement's, is all the same: what may commit in its midst is not copied.
//!
//! A copy that cannot be made or put back never fails the script: it is noted in the ledger and told. What is told is
//! names and numbers; values go into the schema of the copies and nowhere else.

mod copy;
mod estimate;
mod facts;
mod hand;
mod items;
mod keep;
mod kept;
mod look;
mod refill;
mod restore;
mod settle;
mod statements;

pub(super) use copy::{Before, Noted};
pub(super) use estimate::estimates;
pub(super) use keep::{copies, restore};
pub(super) use refill::Refill;
pub(super) use statements::{expire, supersede, total};

use std::collections::BTreeMap;

use super::failure::{ServerError, name};
use super::quote::{ident, text};

/// The schema of the copies, in every database the same: it is no part of anybody's data.
pub(super) const SCHEMA: &str = "sluice_undo";

/// Why the server refused something here, and the cure where there is one.
fn refused(error: &ServerError) -> String {
    let objects = if error.objects.is_empty() { String::new() } else { format!(" ({})", error.objects.join(", ")) };
    let cure = if error.code == "42501" {
        format!(
            "; it takes SELECT on the table, and CREATE on the schema {SCHEMA} or, where there is none yet, on the database"
        )
    } else {
        String::new()
    };
    format!("{}{objects}{cure}", name(&error.code))
}

/// What decides how values look as texts: copies hold texts of some, and rows are known again by them.
const FORMATS: &str = "set local datestyle = 'ISO, YMD'; set local intervalstyle = 'postgres'; set local extra_float_digits = 1; \
    set local bytea_output = 'hex'; set local lc_monetary = 'C';";

/// Ourselves again, whoever user SQL made of the session; names are still looked up as it wants.
fn as_ourselves(role: Option<&str>) -> String {
    let role = role.map_or_else(|| "none".to_owned(), ident);
    format!("set local session authorization default; set local role {role}; {FORMATS}")
}

/// Who the session was and where it looked.
#[derive(Debug, Clone, serde::Deserialize)]
struct Guise {
    user: String,
    role: String,
    path: String,
    /// How values look: settings by name.
    formats: BTreeMap<String, String>,
    /// The schema of the copies is there.
    place: bool,
}

impl Guise {
    /// Gives the session back to user SQL.
    fn back(&self) -> String {
        let formats = self
            .formats
            .iter()
            .map(|(name, value)| format!(", pg_catalog.set_config({}, {}, true)", text(name), text(value)));
        let formats: String = formats.collect();
        format!(
            "select pg_catalog.set_config('session_authorization', {}, true), pg_catalog.set_config('role', {}, true),
                pg_catalog.set_config('search_path', {}, true){formats};",
            text(&self.user),
            text(&self.role),
            text(&self.path)
        )
    }
}
