//! Recording how a run was judged, over a connection of its own.

use crate::database::{Conclusion, DatabaseError};

use super::connect::Connector;
use super::inspect::{Met, meet};
use super::settings::BEGIN;
use super::statements::Sql;

/// Records how a run was judged.
pub(super) async fn conclude(connector: &Connector, sql: &Sql, conclusion: &Conclusion) -> Result<(), DatabaseError> {
    let Met { mut link, facts, unsuitable, .. } = meet(connector, sql, "sluice/verify").await?;
    if let Some(why) = unsuitable {
        link.close().await;
        return Err(DatabaseError::Unsuitable(why));
    }
    let text = format!(
        "{BEGIN} set local lock_timeout = '8s'; set local statement_timeout = '8s'; {} commit",
        sql.conclude(conclusion)
    );
    let result = link.run(&text).await;
    let told = result.map_err(|error| link.ledger_error(&facts.current_user, &error));
    link.close().await;
    told
}
