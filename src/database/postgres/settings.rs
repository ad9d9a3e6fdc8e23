//! What Sluice sets in a session and how it begins its own transactions, whatever user SQL, the role or the database did.

use std::fmt::Write as _;

use crate::database::SessionSettings;

use super::quote::{ident, millis, text};

/// Begins a transaction of Sluice's own, whatever user SQL, the role or the database made the default. Nothing may come
/// before it in a message: what transactions are like is settled with the first query in them.
pub(super) const BEGIN: &str = "begin isolation level read committed read write;";

/// Likewise, to look only; a standby lets nobody ask for more.
pub(super) const BEGIN_LOOK: &str = "begin isolation level read committed;";

/// What looks at the ledger waits for nobody for long, and finds nothing of anybody else's.
pub(super) const LOOKING: &str = "set local statement_timeout = '8s'; set local lock_timeout = '2s'; \
                                  set local search_path = pg_catalog, pg_temp;";

/// Takes back whatever user SQL changed about the session, then sets what Sluice sets. The name was another one while the
/// session only looked.
pub(super) fn clean(settings: &SessionSettings, application: &str) -> String {
    let mut sql = String::from("reset session authorization; reset role; reset all;");
    let _ = write!(sql, " set application_name = {};", text(application));
    for (name, value) in [
        ("lock_timeout", millis(settings.lock_timeout)),
        ("statement_timeout", millis(settings.statement_timeout)),
        ("idle_in_transaction_session_timeout", 30_000),
        // A process that is frozen for longer than any pause of a run must not keep the lock.
        ("idle_session_timeout", 60_000),
        ("tcp_keepalives_idle", 10),
        ("tcp_keepalives_interval", 5),
        ("tcp_keepalives_count", 3),
    ] {
        let _ = write!(sql, " set {name} = {value};");
    }
    // A server process whose client is gone ends its statement within a second. Not every platform can.
    sql.push_str(
        " select pg_catalog.set_config('client_connection_check_interval', '1s', false) where pg_catalog.version() ~ 'linux';",
    );
    sql
}

/// For the end of a transaction after user SQL: who Sluice is and where it looks things up no longer depends on that.
/// `role` is who the session was when it began, where that is not the role that logged in.
pub(super) fn ourselves(role: Option<&str>) -> String {
    let role = role.map_or_else(|| "none".to_owned(), ident);
    format!(
        "set local session authorization default; set local role {role}; set local search_path = pg_catalog, pg_temp;"
    )
}

/// For the commits that a later one makes durable: ledger row and SQL share each transaction, so that a crash loses a
/// suffix of both alike.
pub(super) const NO_FLUSH: &str = "set local synchronous_commit = off;";

/// Gives a transaction something to commit: an empty one flushes nothing, and so none of the commits before it.
pub(super) const FLUSH: &str = "select pg_catalog.pg_current_xact_id();";
