//! Scratch databases: made for one rehearsal, dropped whatever happens, and swept when whoever made them is gone.
//!
//! The name carries the number of an advisory lock that the maker's session holds as long as it lives. A scratch database
//! whose lock nobody holds is abandoned. Nothing but a database with such a name is ever dropped.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Deserialize;

use crate::database::{Address, DatabaseError, RehearsalRequest};

use super::super::connect::{Connector, Link};
use super::super::failure::{SqlError, lost, name};
use super::super::inspect::takes_no_writes;
use super::super::quote::{ident, millis, text};

/// What the name of each begins with; 16 hexadecimal digits follow.
const PREFIX: &str = "sluice_rehearsal_";
/// How long creating or dropping one may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// A scratch database and the session that says that it is in use. Dropping the value drops the database, too, only later
/// and unseen: [`Scratch::end`] is the better way.
#[derive(Debug)]
pub(super) struct Scratch {
    /// Of the server that it is on.
    maker: Connector,
    control: Link,
    /// The original, where that is on another server; on the same one the session is both.
    elsewhere: Option<Link>,
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
    encoding: String,
    database: serde_json::Map<String, serde_json::Value>,
}

const ORIGINAL: &str =
    "select json_build_object('encoding', pg_encoding_to_char(d.encoding), 'database', to_jsonb(d) - 'datacl')::text
    from pg_database d where d.datname = current_database()";

/// The server that the copy is made on.
#[derive(Debug, Deserialize)]
struct Place {
    major: i32,
    role: String,
    may_create: bool,
    in_recovery: bool,
    read_only: bool,
}

const PLACE: &str =
    "select json_build_object('major', current_setting('server_version_num')::int / 10000, 'role', current_user,
    'may_create', (select rolcreatedb or rolsuper from pg_roles where rolname = current_user),
    'in_recovery', pg_is_in_recovery(), 'read_only', current_setting('default_transaction_read_only')::bool)::text";

impl Place {
    /// Why no rehearsal can be held there of a database whose server has that major version.
    fn unfit(&self, address: &Address, major: i32) -> Option<String> {
        if self.major != major {
            return Some(format!(
                "the server for rehearsals, {address}, is PostgreSQL {}, and that of the database is {major}: what works on the one may not work on \
                 the other; give a server of version {major}",
                self.major
            ));
        }
        if let Some(why) = takes_no_writes(address, &self.role, self.in_recovery, self.read_only) {
            return Some(format!("no scratch database can be created: {why}"));
        }
        (!self.may_create).then(|| {
            format!(
                "role \"{role}\" may not create a scratch database for the rehearsal; as a superuser run: \
                 ALTER ROLE \"{role}\" CREATEDB;",
                role = self.role
            )
        })
    }
}

/// An error of a server: `Ok`, why no scratch database can be made.
fn failed(address: &Address, error: &SqlError, what: &str) -> Result<String, DatabaseError> {
    match error {
        SqlError::Lost(why) => Err(lost(address, why)),
        SqlError::Server(error) => Ok(format!("{what}: {}", name(&error.code))),
    }
}

impl Scratch {
    /// Makes one for an original whose server has that major version. `Err(Ok(…))`: it cannot be made, and why.
    pub async fn create(
        connector: &Connector,
        mut original: Link,
        major: i32,
        request: &RehearsalRequest,
    ) -> Result<Self, Result<String, DatabaseError>> {
        let like: Original = match original.look(ORIGINAL).await {
            Ok(like) => like,
            Err(error) => return Err(failed(&connector.address, &error, "the database cannot be looked at")),
        };
        let (maker, mut control, elsewhere) = match &request.server {
            None => (connector.clone(), original, None),
            Some(server) => {
                let (address, credentials) = (server.address.clone(), server.credentials.clone());
                let maker = Connector { address, credentials };
                let control = maker.connect("sluice/rehearsal", "").await.map_err(Err)?;
                (maker, control, Some(original))
            }
        };
        let place: Place = match control.look(PLACE).await {
            Ok(place) => place,
            Err(error) => return Err(failed(&maker.address, &error, "the server cannot be looked at")),
        };
        if let Some(why) = place.unfit(&maker.address, major) {
            control.close().await;
            if let Some(original) = elsewhere {
                original.close().await;
            }
            return Err(Ok(why));
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
            return Err(failed(&maker.address, &error, "the rehearsal cannot be announced"));
        }
        let create = format!("create database {} template template0{}", ident(&scratch), likeness(&like));
        let mut copy = maker.clone();
        copy.address.database.clone_from(&scratch);
        let mut this = Self { maker, control, elsewhere, armed: true, connector: copy };
        let made = match this.control.run_within(&create, PATIENCE).await {
            Ok(()) => this.mark(&connector.address, request).await.map_err(|error| (error, "marked")),
            Err(error) => Err((error, "created")),
        };
        match made {
            Ok(()) => Ok(this),
            Err((error, what)) => {
                let why = failed(&this.maker.address, &error, &format!("the scratch database cannot be {what}"));
                this.end().await;
                Err(why)
            }
        }
    }

    /// Says for people whose it is, and keeps others out.
    async fn mark(&mut self, original: &Address, request: &RehearsalRequest) -> Result<(), SqlError> {
        let identity = &request.identity;
        let comment = format!(
            "Sluice: scratch copy of the schema of {} for the rehearsal of run {} ({}, {}); dropped when that ends",
            original.database, identity.id, identity.object, identity.instance
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
        self.elsewhere.as_mut().unwrap_or(&mut self.control)
    }

    /// Drops the database and lets go of the session.
    pub async fn end(mut self) {
        let database = &self.connector.address.database;
        tell(database, drop_database(&mut self.control, database).await);
        self.armed = false;
        if let Some(original) = self.elsewhere.take() {
            original.close().await;
        }
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
