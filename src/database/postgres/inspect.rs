//! Looking at a server and its ledger without leaving a trace.

use std::time::Instant;

use jiff::Timestamp;
use serde::Deserialize;

use crate::database::{Address, DatabaseError, Inspection, ServerFacts};

use super::connect::{Connector, Link};
use super::failure::lost;
use super::ledger::{self, HolderRow, timestamp};
use super::pooler;
use super::privileges::{may_not_create, may_not_use};
use super::statements::Sql;

/// What is known about the ledger's place. Under the lock it changes through this session only.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(super) struct Ground {
    pub in_recovery: bool,
    pub read_only: bool,
    pub schema_exists: bool,
    pub installed: bool,
    /// The version of the ledger's own schema, once it was read.
    pub version: Option<u32>,
    /// Nothing was there but the ledgers' own work, once it was looked at.
    pub built: Option<bool>,
}

/// The oldest server that the engine works with.
const OLDEST: i32 = 14;

/// What a look learns about the server.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Facts {
    version_num: i32,
    version: String,
    now: String,
    pub pid: i32,
    pub backend_start: String,
    in_recovery: bool,
    read_only: bool,
    mark: Option<String>,
    pub session_user: String,
    pub current_user: String,
    pub synchronous_commit: String,
    may_write: bool,
    pub schema_exists: bool,
    pub installed: bool,
    pub holder: Option<HolderRow>,
}

/// Why a server must not be migrated that is a standby or takes no writes.
pub(super) fn takes_no_writes(address: &Address, role: &str, in_recovery: bool, read_only: bool) -> Option<String> {
    if in_recovery {
        return Some(format!(
            "{address} is a standby (in recovery): point the Secret at the primary, or wait for the failover to end"
        ));
    }
    read_only.then(|| {
        format!(
            "{address} is read-only (default_transaction_read_only is on): point the Secret at the primary, or switch the \
             setting off for role \"{role}\""
        )
    })
}

impl Facts {
    /// `15.18`, without a packager's remarks.
    fn short_version(&self) -> &str {
        self.version.split_whitespace().next().unwrap_or(&self.version)
    }

    /// `15`
    pub fn major(&self) -> i32 {
        self.version_num / 10_000
    }

    /// The server's clock.
    fn now(&self) -> Result<Timestamp, DatabaseError> {
        timestamp(&self.now).map_err(|what| DatabaseError::Ledger(format!("the server told {what}")))
    }

    /// Why the server must not be migrated, where it can be told from these facts.
    fn unsuitable(&self, link: &Link) -> Option<String> {
        let address = &link.address;
        if self.major() < OLDEST {
            return Some(format!(
                "{address} is PostgreSQL {}; Sluice works with {OLDEST} and later: upgrade the server",
                self.short_version()
            ));
        }
        let no_writes = takes_no_writes(address, &self.session_user, self.in_recovery, self.read_only);
        if no_writes.is_some() {
            return no_writes;
        }
        if !self.may_write {
            return Some(if self.installed {
                may_not_use(address, &self.current_user)
            } else {
                may_not_create(address, &self.current_user, self.schema_exists)
            });
        }
        None
    }
}

/// A connection, and what is known about its server.
#[derive(Debug)]
pub(super) struct Met {
    pub link: Link,
    pub facts: Facts,
    /// Why the server must not be migrated.
    pub unsuitable: Option<String>,
    /// When the facts were asked for.
    pub at: Instant,
}

/// Opens a connection and learns about its server.
pub(super) async fn meet(connector: &Connector, sql: &Sql, application: &str) -> Result<Met, DatabaseError> {
    let mark = uuid::Uuid::now_v7().to_string();
    let mut link = connector.connect(application, &mark).await?;
    let at = Instant::now();
    let facts: Facts = link.look(&sql.facts()).await.map_err(|error| unreadable(&link, &error))?;
    let mut unsuitable = facts.unsuitable(&link);
    if unsuitable.is_none() && facts.mark.as_deref() != Some(mark.as_str()) {
        // Somebody stands in between. Whether each transaction may land elsewhere takes a second connection to tell.
        unsuitable = pooler::examine(connector, &mut link).await?;
    }
    Ok(Met { link, facts, unsuitable, at })
}

fn unreadable(link: &Link, error: &super::failure::SqlError) -> DatabaseError {
    match error {
        super::failure::SqlError::Lost(why) => lost(&link.address, why),
        super::failure::SqlError::Server(error) => DatabaseError::Unsuitable(format!(
            "{} does not answer like a PostgreSQL server of version {OLDEST} or later: {}",
            link.address,
            super::failure::name(&error.code)
        )),
    }
}

/// One look, over one connection, in two round trips after the login. The connection comes back for a run that follows.
pub(super) async fn inspect(connector: &Connector, sql: &Sql) -> Result<(Inspection, Met), DatabaseError> {
    let mut met = meet(connector, sql, "sluice/look").await?;
    let Met { link, facts, unsuitable, .. } = &mut met;
    let reading = if facts.installed {
        ledger::read(link, sql, &facts.current_user).await.map(|reading| (reading.ledger, reading.lock))
    } else {
        ledger::read_existing(link, sql, &facts.current_user).await.map(|ledger| (ledger, None))
    };
    let (now, (ledger, lock)) = match (facts.now(), reading) {
        (Ok(now), Ok(reading)) => (now, reading),
        (Err(error), _) | (_, Err(error)) => {
            met.link.close().await;
            return Err(error);
        }
    };
    let inspection = Inspection {
        server: ServerFacts { version: facts.short_version().to_owned(), now, unsuitable: unsuitable.clone() },
        ledger,
        holder: facts.holder.as_ref().map(|holder| holder.named(lock.as_ref())),
    };
    Ok((inspection, met))
}
