//! Scratch databases: made for one rehearsal, dropped whatever happens, and swept when whoever made them is gone.
//!
//! The name carries the number of an advisory lock that the maker's session holds as long as it lives. A scratch database
//! whose lock nobody holds is abandoned. Nothing but a database with such a name is ever dropped.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Deserialize;

use crate::database::{DatabaseError, RehearsalRequest};

use super::super::connect::{Connector, Link};
use super::super::failure::{SqlError, lost, name};
use super::super::quote::{ident, millis, text};

/// What the name of each begins with; 16 hexadecimal digits follow.
const PREFIX: &str = "sluice_rehearsal_";
/// How long creating or dropping one may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// A scratch database and the session that says that it is in use. Dropping the value drops the database, too, only later
/// and unseen: [`Scratch::end`] is the better way.
#[derive(Debug)]
pub(super) struct Scratch {
    /// Of the original.
    maker: Connector,
    control: Link,
    /// The database may be there.
    armed: bool,
    pub connector: Connector,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Whoever waited for the rehearsal was cancelled. What the session was at nobody knows; another one does the work.
        if !self.armed {
            return;
        }
        let (maker, database) = (self.maker.clone(), self.connector.address.database.clone());
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Ok(mut link) = maker.connect("sluice/sweep", "").await {
                    tell(&database, drop_database(&mut link, &database).await);
                    link.close().await;
                }
            });
        }
    }
}

/// What cannot be dropped is left for the next sweep.
fn tell(database: &str, result: Result<(), SqlError>) {
    if let Err(error) = result {
        tracing::warn!(
            database,
            code = error.code(),
            "a scratch database could not be dropped; it is tried again later"
        );
    }
}

/// What the original is like, as far as a new database can be made alike.
#[derive(Debug, Deserialize)]
struct Original {
    may_create: bool,
    role: String,
    encoding: String,
    database: serde_json::Map<String, serde_json::Value>,
}

const ORIGINAL: &str = "select json_build_object('role', current_user,
    'may_create', (select rolcreatedb or rolsuper from pg_roles where rolname = current_user),
    'encoding', pg_encoding_to_char(d.encoding), 'database', to_jsonb(d) - 'datacl')::text
    from pg_database d where d.datname = current_database()";

impl Scratch {
    /// Makes one. `Err(Ok(…))`: it cannot be made, and why.
    pub async fn create(
        connector: &Connector,
        mut control: Link,
        request: &RehearsalRequest,
    ) -> Result<Self, Result<String, DatabaseError>> {
        let failed = |error: &SqlError, what: &str| match error {
            SqlError::Lost(why) => Err(lost(&connector.address, why)),
            SqlError::Server(error) => Ok(format!("{what}: {}", name(&error.code))),
        };
        let original: Original = match control.look(ORIGINAL).await {
            Ok(original) => original,
            Err(error) => return Err(failed(&error, "the database cannot be looked at")),
        };
        if !original.may_create {
            control.close().await;
            return Err(Ok(format!(
                "role \"{role}\" may not create a scratch database for the rehearsal; as a superuser run: \
                 ALTER ROLE \"{role}\" CREATEDB;",
                role = original.role
            )));
        }
        let key: u64 = rand::random();
        let scratch = format!("{PREFIX}{key:016x}");
        // A session that is forgotten must not keep the database for ever.
        let held = millis(request.deadline + PATIENCE * 2);
        let hold = format!(
            "set statement_timeout = 0; set idle_session_timeout = {held}; set tcp_keepalives_idle = 10;
            set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3; select pg_catalog.pg_advisory_lock({})",
            signed(key)
        );
        if let Err(error) = control.run(&hold).await {
            return Err(failed(&error, "the rehearsal cannot be announced"));
        }
        let create = format!("create database {} template template0{}", ident(&scratch), likeness(&original));
        let mut copy = connector.clone();
        copy.address.database.clone_from(&scratch);
        let mut this = Self { maker: connector.clone(), control, armed: true, connector: copy };
        let made = match this.control.run_within(&create, PATIENCE).await {
            Ok(()) => this.mark(request).await.map_err(|error| (error, "marked")),
            Err(error) => Err((error, "created")),
        };
        match made {
            Ok(()) => Ok(this),
            Err((error, what)) => {
                let why = failed(&error, &format!("the scratch database cannot be {what}"));
                this.end().await;
                Err(why)
            }
        }
    }

    /// Says for people whose it is, and keeps others out.
    async fn mark(&mut self, request: &RehearsalRequest) -> Result<(), SqlError> {
        let identity = &request.identity;
        let comment = format!(
            "Sluice: scratch copy of the schema of {} for the rehearsal of run {} ({}, {}); dropped when that ends",
            self.maker.address.database, identity.id, identity.object, identity.instance
        );
        let database = ident(&self.connector.address.database);
        let sql = format!(
            "comment on database {database} is {}; revoke connect on database {database} from public",
            text(&comment)
        );
        self.control.run(&sql).await
    }

    /// Where the original is.
    pub fn original(&mut self) -> &mut Link {
        &mut self.control
    }

    /// Drops the database and lets go of the session.
    pub async fn end(mut self) {
        let database = &self.connector.address.database;
        tell(database, drop_database(&mut self.control, database).await);
        self.armed = false;
    }
}

/// The options that make a new database like the original.
fn likeness(original: &Original) -> String {
    let of = |name: &str| original.database.get(name).and_then(serde_json::Value::as_str);
    let mut options = format!(" encoding {}", text(&original.encoding));
    let mut add = |option: &str, value: Option<&str>| {
        if let Some(value) = value {
            let _ = write!(options, " {option} {}", text(value));
        }
    };
    add("lc_collate", of("datcollate"));
    add("lc_ctype", of("datctype"));
    // 15 and 16 say `daticulocale` for what 17 calls `datlocale`.
    let locale = of("datlocale").or_else(|| of("daticulocale"));
    match of("datlocprovider") {
        Some("i") => {
            add("locale_provider", Some("icu"));
            add("icu_locale", locale);
            add("icu_rules", of("daticurules"));
        }
        Some("b") => {
            add("locale_provider", Some("builtin"));
            add("builtin_locale", locale);
        }
        Some(_) | None => {}
    }
    options
}

/// An advisory lock's number as SQL writes it.
fn signed(key: u64) -> i64 {
    i64::from_ne_bytes(key.to_ne_bytes())
}

async fn drop_database(link: &mut Link, database: &str) -> Result<(), SqlError> {
    link.run_within(&format!("drop database if exists {} with (force)", ident(database)), PATIENCE).await
}

/// The scratch databases whose maker is gone, as far as this role may drop them.
const ABANDONED: &str = "select coalesce(json_agg(d.datname), '[]')::text from pg_database d
    where d.datname ~ '^sluice_rehearsal_[0-9a-f]{16}$' and pg_has_role(d.datdba, 'USAGE')
    and not exists (select from pg_lock_status() l where l.locktype = 'advisory' and l.objsubid = 1
        and l.classid = ('x' || substr(d.datname, 18, 8))::bit(32)::bigint::oid
        and l.objid = ('x' || substr(d.datname, 26, 8))::bit(32)::bigint::oid)";

/// Drops what rehearsals left behind whose process was killed, on the whole server; gives back the names.
pub(super) async fn sweep(connector: &Connector) -> Result<Vec<String>, DatabaseError> {
    let mut link = connector.connect("sluice/sweep", "").await?;
    let abandoned: Vec<String> = link.look(ABANDONED).await.map_err(|error| match error {
        SqlError::Lost(why) => lost(&link.address, &why),
        SqlError::Server(error) => DatabaseError::Unreachable(format!(
            "{} does not tell its databases for now: {}",
            link.address,
            name(&error.code)
        )),
    })?;
    let mut dropped = Vec::new();
    if !abandoned.is_empty() {
        link.run("set statement_timeout = 0").await.map_err(|_| gone(&link))?;
    }
    for database in abandoned {
        match drop_database(&mut link, &database).await {
            Ok(()) => dropped.push(database),
            Err(SqlError::Lost(why)) => return Err(lost(&link.address, &why)),
            // Somebody else sweeps as well, or the next sweep has better luck.
            Err(SqlError::Server(error)) => {
                tracing::debug!(%database, code = %error.code, "an abandoned scratch database could not be dropped");
            }
        }
    }
    link.close().await;
    Ok(dropped)
}

fn gone(link: &Link) -> DatabaseError {
    lost(&link.address, "it does not take settings")
}
