//! The server's answer as facts: what it could not say becomes what cannot be told, with the cure.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::database::postgres::ledger::timestamp;
use crate::database::{
    Archiving, Connections, Extension, Fact, InvalidIndex, Power, PreflightFacts, Prepared, Privilege, ReadError,
    SessionFacts, Sessions, Slot, SlotWal, Standby, TableFacts, ThereFacts, Vacuum,
};

/// What everything else depends on.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Server {
    now: String,
    version: u32,
    encoding: String,
    role: String,
    pub may_list_wal: bool,
}

/// Answers by the names of their pieces.
#[derive(Debug, Default)]
pub(super) struct Answers(BTreeMap<String, Result<Value, String>>);

impl Answers {
    /// All at once.
    pub fn all(answers: BTreeMap<String, Value>) -> Self {
        Self(answers.into_iter().map(|(name, value)| (name, Ok(value))).collect())
    }

    /// One, or why there is none.
    ///
    /// # Errors
    /// When nothing more can be asked.
    pub fn add(&mut self, name: &str, answer: Result<BTreeMap<String, Value>, ReadError>) -> Result<(), ReadError> {
        match answer {
            Ok(answer) => self.0.extend(answer.into_iter().map(|(name, value)| (name, Ok(value)))),
            Err(ReadError::Refused(why)) => {
                self.0.insert(name.to_owned(), Err(why));
            }
            Err(error @ ReadError::Unavailable(_)) => return Err(error),
        }
        Ok(())
    }

    /// The sizes, or why there are none.
    ///
    /// # Errors
    /// When nothing more can be asked.
    pub fn add_sizes(&mut self, answer: Result<BTreeMap<String, Value>, ReadError>) -> Result<(), ReadError> {
        for name in ["databases", "wal", "table_bytes"] {
            match &answer {
                Ok(sizes) => self.0.insert(name.to_owned(), Ok(sizes.get(name).cloned().unwrap_or_default())),
                Err(ReadError::Refused(why)) => self.0.insert(name.to_owned(), Err(why.clone())),
                Err(error @ ReadError::Unavailable(_)) => return Err(error.clone()),
            };
        }
        Ok(())
    }

    /// What everything else depends on.
    ///
    /// # Errors
    /// When the server did not say.
    pub fn server(&mut self) -> Result<Server, ReadError> {
        match self.read("server") {
            Fact::Known(server) => Ok(server),
            Fact::Unknown(why) => Err(ReadError::Refused(why)),
        }
    }

    fn read<T: DeserializeOwned>(&mut self, name: &str) -> Fact<T> {
        match self.0.remove(name) {
            Some(Ok(value)) => serde_json::from_value(value).map_or_else(|_| odd(name), Fact::Known),
            Some(Err(why)) => Fact::Unknown(why),
            None => odd(name),
        }
    }

    fn list<Raw: DeserializeOwned, T>(&mut self, name: &str, make: impl FnMut(Raw) -> Option<T>) -> Fact<Vec<T>> {
        match self.read::<Vec<Raw>>(name) {
            Fact::Known(raw) => raw.into_iter().map(make).collect::<Option<_>>().map_or_else(|| odd(name), Fact::Known),
            Fact::Unknown(why) => Fact::Unknown(why),
        }
    }

    /// Facts of which the role may not see all; `None` where it does not.
    fn seen<Raw: DeserializeOwned, T>(
        &mut self,
        name: &str,
        what: &str,
        role: &str,
        make: impl FnMut(Raw) -> T,
    ) -> Fact<Vec<T>> {
        match self.read::<Seen<Raw>>(name) {
            Fact::Known(Seen { hidden: true, .. }) => Fact::Unknown(hidden(what, role)),
            Fact::Known(Seen { seen, .. }) => Fact::Known(seen.into_iter().map(make).collect()),
            Fact::Unknown(why) => Fact::Unknown(why),
        }
    }

    /// A size of which the role may not see all.
    fn size(&mut self, name: &str, what: &str, role: &str) -> Fact<u64> {
        match self.read::<Option<u64>>(name) {
            Fact::Known(Some(bytes)) => Fact::Known(bytes),
            Fact::Known(None) => Fact::Unknown(hidden(what, role)),
            Fact::Unknown(why) => Fact::Unknown(why),
        }
    }

    /// All facts.
    ///
    /// # Errors
    /// When the server's clock tells no time.
    pub fn facts(mut self, server: Server) -> Result<PreflightFacts, ReadError> {
        let Server { now, version, encoding, role, .. } = server;
        let now = timestamp(&now).map_err(|what| ReadError::Refused(format!("the server told {what}")))?;
        Ok(PreflightFacts {
            now,
            version,
            encoding,
            powers: self.list("powers", |PowerRow { privilege, through }| {
                Some(Power { privilege: privilege_of(&privilege)?, through })
            }),
            extensions: self.list("extensions", |ExtensionRow { name, installed, may_install }| {
                Some(Extension { name, installed, may_install })
            }),
            connections: match self.read::<ConnectionsRow>("connections") {
                Fact::Known(row) => Fact::Known(Connections {
                    used: row.used,
                    max: row.max,
                    reserved: row.reserved,
                    role: (row.role_used, row.role_limit),
                    database: (row.database_used, row.database_limit),
                }),
                Fact::Unknown(why) => Fact::Unknown(why),
            },
            sessions: self.sessions(&role),
            prepared: self.list("prepared", |PreparedRow { gid, owner, since }| {
                Some(Prepared { gid, owner, since: timestamp(&since).ok()? })
            }),
            standbys: self.seen("standbys", "how far standbys are behind", &role, |row: StandbyRow| Standby {
                name: row.name,
                catching_up: row.catching_up,
                lag: row.lag_ms.map(|millis| Duration::from_millis(u64::try_from(millis).unwrap_or(0))),
                bytes: row.bytes,
            }),
            slots: self.list("slots", |SlotRow { name, active, wal, retained }| {
                let wal = match wal.as_str() {
                    "lost" => SlotWal::Lost,
                    "unreserved" => SlotWal::AtRisk,
                    _ => SlotWal::Kept,
                };
                Some(Slot { name, active, wal, retained })
            }),
            archiving: self.archiving(),
            tables: self.list("tables", |row: TableRow| {
                Some(TableFacts {
                    name: row.name,
                    schema: row.schema,
                    may_create: row.may_create,
                    there: row.there.map(|there| ThereFacts {
                        owner: there.owner,
                        owns: there.owns,
                        may_use: there.may_use,
                        wraparound: u32::try_from(there.wraparound).unwrap_or(u32::MAX),
                    }),
                })
            }),
            vacuums: self.seen("vacuums", "which tables are being vacuumed", &role, |row: VacuumRow| Vacuum {
                table: row.table,
                pid: row.pid,
                wraparound: row.wraparound,
            }),
            invalid_indexes: self.list("invalid_indexes", |InvalidIndexRow { index, name, table }| {
                Some(InvalidIndex { index, name, table })
            }),
            database_age: self.read("database_age"),
            databases_bytes: self.size("databases", "how large all databases are", &role),
            wal_bytes: self.size("wal", "how much WAL there is", &role),
            table_bytes: self.read("table_bytes"),
            role,
        })
    }

    fn sessions(&mut self, role: &str) -> Fact<Sessions> {
        let Seen { hidden: some, seen } = match self.read::<Seen<SessionRow>>("sessions") {
            Fact::Known(seen) => seen,
            Fact::Unknown(why) => return Fact::Unknown(why),
        };
        let session = |row: SessionRow| {
            Some(SessionFacts {
                pid: row.pid,
                role: row.role,
                application: row.application,
                since: timestamp(&row.since).ok()?,
                idle_since: row.idle_since.map(|since| timestamp(&since)).transpose().ok()?,
            })
        };
        match seen.into_iter().map(session).collect() {
            Some(seen) => Fact::Known(Sessions {
                seen,
                hidden: some.then(|| hidden("what sessions of other roles are doing", role)),
            }),
            None => odd("sessions"),
        }
    }

    fn archiving(&mut self) -> Fact<Archiving> {
        let ArchivingRow { asked, failing, file, last } = match self.read("archiving") {
            Fact::Known(row) => row,
            Fact::Unknown(why) => return Fact::Unknown(why),
        };
        Fact::Known(if !asked {
            Archiving::Off
        } else if failing {
            let last: Option<Timestamp> = last.and_then(|last| timestamp(&last).ok());
            Archiving::Failing { file, last }
        } else {
            Archiving::Working
        })
    }
}

/// The server gave something else than it was asked for.
fn odd<T>(name: &str) -> Fact<T> {
    Fact::Unknown(format!("the server's answer about {} cannot be read", name.replace('_', " ")))
}

/// The role may not see all of something.
fn hidden(what: &str, role: &str) -> String {
    format!(
        "role \"{role}\" may not see {what}; as a superuser run: GRANT pg_monitor TO \"{}\"",
        role.replace('"', "\"\"")
    )
}

fn privilege_of(name: &str) -> Option<Privilege> {
    Some(match name {
        "Superuser" => Privilege::Superuser,
        "BypassRls" => Privilege::BypassRls,
        "Replication" => Privilege::Replication,
        "CreateRole" => Privilege::CreateRole,
        "CreateDb" => Privilege::CreateDb,
        "ServerFiles" => Privilege::ServerFiles,
        "ExecuteProgram" => Privilege::ExecuteProgram,
        _ => return None,
    })
}

#[derive(Deserialize)]
struct Seen<T> {
    hidden: bool,
    seen: Vec<T>,
}

#[derive(Deserialize)]
struct PowerRow {
    privilege: String,
    through: String,
}

#[derive(Deserialize)]
struct ExtensionRow {
    name: String,
    installed: Option<String>,
    may_install: bool,
}

#[derive(Deserialize)]
struct ConnectionsRow {
    used: u32,
    max: u32,
    reserved: u32,
    role_used: u32,
    role_limit: Option<u32>,
    database_used: u32,
    database_limit: Option<u32>,
}

#[derive(Deserialize)]
struct SessionRow {
    pid: i32,
    role: String,
    application: String,
    since: String,
    idle_since: Option<String>,
}

#[derive(Deserialize)]
struct PreparedRow {
    gid: String,
    owner: String,
    since: String,
}

#[derive(Deserialize)]
struct StandbyRow {
    name: String,
    catching_up: bool,
    lag_ms: Option<i64>,
    bytes: Option<u64>,
}

#[derive(Deserialize)]
struct SlotRow {
    name: String,
    active: bool,
    wal: String,
    retained: u64,
}

#[derive(Deserialize)]
struct ArchivingRow {
    asked: bool,
    failing: bool,
    file: String,
    last: Option<String>,
}

#[derive(Deserialize)]
struct TableRow {
    name: String,
    schema: Option<String>,
    may_create: bool,
    there: Option<ThereRow>,
}

#[derive(Deserialize)]
struct ThereRow {
    owner: String,
    owns: bool,
    may_use: bool,
    wraparound: i64,
}

#[derive(Deserialize)]
struct VacuumRow {
    table: String,
    pid: i32,
    wraparound: bool,
}

#[derive(Deserialize)]
struct InvalidIndexRow {
    index: String,
    name: String,
    table: String,
}
