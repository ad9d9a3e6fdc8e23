//! Telling a transaction pooler from a session pooler.
//!
//! Behind a transaction pooler each transaction may run on another server process: session locks are stranded on one
//! of them and settings on another, so nothing that the engine promises would hold.

use std::time::Duration;

use tokio::time::timeout;

use crate::database::DatabaseError;

use super::connect::{Connector, Link};
use super::failure::lost;

/// How long the second connection may wait for a server process of its own.
const PATIENCE: Duration = Duration::from_secs(3);

/// Examines what stands between a connection and its server, with the help of a second connection: two clients that
/// are answered by one server process share it transaction by transaction. `Some` says so and names the cure.
pub(super) async fn examine(connector: &Connector, first: &mut Link) -> Result<Option<String>, DatabaseError> {
    let mine = pid(first).await?;
    // A pooler in session mode with a single server connection makes the second client wait: it does not share.
    let Ok(second) = timeout(PATIENCE, connector.connect("sluice/probe", "probe")).await else {
        return Ok(None);
    };
    let mut second = second?;
    let mut shared = false;
    for _ in 0..3 {
        // Twice in a row each: a pool that deals its servers in turn would deal each client the same one otherwise.
        for _ in 0..2 {
            shared |= pid(first).await? != mine;
        }
        for _ in 0..2 {
            match timeout(PATIENCE, pid(&mut second)).await {
                Ok(theirs) => shared |= theirs? == mine,
                Err(_) => return Ok(None),
            }
        }
    }
    second.close().await;
    Ok(shared.then(|| {
        format!(
            "{} is a connection pooler in transaction mode, which drops locks and settings between transactions: point the \
             Secret at the server itself (its direct port), or at a pool in session mode",
            first.address
        )
    }))
}

async fn pid(link: &mut Link) -> Result<i32, DatabaseError> {
    link.json("select pg_catalog.pg_backend_pid()::text").await.map_err(|error| match error {
        super::failure::SqlError::Lost(why) => lost(&link.address, &why),
        super::failure::SqlError::Server(error) => lost(&link.address, &super::failure::name(&error.code)),
    })
}
