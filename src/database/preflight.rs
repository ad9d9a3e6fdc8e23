//! What holds in a database and on its server just before SQL runs. Plain values.
//!
//! What the role may not see is [`Fact::Unknown`] with the reason and the cure; it is never taken for good or bad here. No
//! query's text and no row is among the facts: names, numbers and times only.

use std::time::Duration;

use jiff::Timestamp;

/// Something that is known, or why it is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact<T> {
    /// It is known.
    Known(T),
    /// It cannot be told: why, and what would help.
    Unknown(String),
}

/// What holds in a database and on its server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreflightFacts {
    /// The server's clock.
    pub now: Timestamp,
    /// `server_version_num`: 150018 for 15.18.
    pub version: u32,
    /// The database's encoding as the server writes it: `UTF8`, `SQL_ASCII`.
    pub encoding: String,
    /// The role that was asked as, and that SQL will run as.
    pub role: String,
    /// What that role may do beyond the database's own objects.
    pub powers: Fact<Vec<Power>>,
    /// Extensions that there are on the server, by name.
    pub extensions: Fact<Vec<Extension>>,
    /// How many connections there are and may be.
    pub connections: Fact<Connections>,
    /// Sessions in a transaction in this database.
    pub sessions: Fact<Sessions>,
    /// Transactions of this database that are prepared and wait for a second phase, oldest first.
    pub prepared: Fact<Vec<Prepared>>,
    /// Standbys and subscribers that are connected.
    pub standbys: Fact<Vec<Standby>>,
    /// Replication slots, by name.
    pub slots: Fact<Vec<Slot>>,
    /// Whether WAL gets archived.
    pub archiving: Fact<Archiving>,
    /// The tables asked about, in the order of the question.
    pub tables: Fact<Vec<TableFacts>>,
    /// Vacuums at work on them.
    pub vacuums: Fact<Vec<Vacuum>>,
    /// Their indexes that are not valid and that nobody is building.
    pub invalid_indexes: Fact<Vec<InvalidIndex>>,
    /// The age of the oldest transaction id in the database.
    pub database_age: Fact<u64>,
    /// Bytes of all databases of the server together.
    pub databases_bytes: Fact<u64>,
    /// Bytes of the WAL on disk.
    pub wal_bytes: Fact<u64>,
    /// Bytes by the name of a table that was asked about, with its indexes and TOAST, all partitions together.
    pub table_bytes: Fact<Vec<(String, u64)>>,
}

/// What a role may do beyond the database's own objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Power {
    /// What.
    pub privilege: Privilege,
    /// The role that has it and that this one is, or may become.
    pub through: String,
}

/// Privileges that no migration of an application's schema needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Privilege {
    /// SUPERUSER: everything.
    Superuser,
    /// BYPASSRLS: reads and writes past row level security.
    BypassRls,
    /// REPLICATION: copies the whole server.
    Replication,
    /// CREATEROLE: makes and changes roles.
    CreateRole,
    /// CREATEDB: makes databases.
    CreateDb,
    /// `pg_read_server_files` or `pg_write_server_files`: files of the server's machine.
    ServerFiles,
    /// `pg_execute_server_program`: programs on the server's machine.
    ExecuteProgram,
}

/// An extension that there is on the server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extension {
    /// Its name.
    pub name: String,
    /// Its version in this database; `None` where it is not installed there.
    pub installed: Option<String>,
    /// The role may install it here.
    pub may_install: bool,
}

/// How many connections there are and may be. Bounds count what may be connected at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Connections {
    /// Clients that are connected to the server, this session among them.
    pub used: u32,
    /// `max_connections`.
    pub max: u32,
    /// Kept for others than this role.
    pub reserved: u32,
    /// Of this role: how many, and its limit where it has one.
    pub role: (u32, Option<u32>),
    /// Of this database: how many, and its limit where it has one.
    pub database: (u32, Option<u32>),
}

/// Sessions in a transaction in this database, others than the one that asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sessions {
    /// Those that can be seen, oldest transaction first; the oldest hundred.
    pub seen: Vec<SessionFacts>,
    /// Why there may be others that cannot be seen, and what would help.
    pub hidden: Option<String>,
}

/// A session in a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionFacts {
    /// The server's process id.
    pub pid: i32,
    /// Its role.
    pub role: String,
    /// Its `application_name`, may be empty.
    pub application: String,
    /// Since when it is in this transaction.
    pub since: Timestamp,
    /// Since when it does nothing in it; `None` while it works.
    pub idle_since: Option<Timestamp>,
}

/// A transaction that was prepared for a two-phase commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// Its name.
    pub gid: String,
    /// Whose it is.
    pub owner: String,
    /// Since when.
    pub since: Timestamp,
}

/// A connected standby or subscriber.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standby {
    /// Its `application_name`, may be empty.
    pub name: String,
    /// It is not yet streaming what is written now.
    pub catching_up: bool,
    /// How long what it replays now has been written; `None` when it has nothing left to replay, or does not say.
    pub lag: Option<Duration>,
    /// How much it has not replayed yet; `None` when it does not say.
    pub bytes: Option<u64>,
}

/// A replication slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Its name.
    pub name: String,
    /// Somebody is connected to it.
    pub active: bool,
    /// What is left of what it needs.
    pub wal: SlotWal,
    /// WAL that is kept for it.
    pub retained: u64,
}

/// What is left of the WAL that a slot needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotWal {
    /// All of it, and it stays.
    Kept,
    /// All of it, and some may be removed at the next checkpoint.
    AtRisk,
    /// Not all of it: the slot is of no use any more.
    Lost,
}

/// Whether WAL gets archived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Archiving {
    /// Nobody asked for it.
    Off,
    /// The newest attempt succeeded, or there was none.
    Working,
    /// The newest attempt failed.
    Failing {
        /// The file that could not be archived.
        file: String,
        /// When one was archived for the last time.
        last: Option<Timestamp>,
    },
}

/// A table that was asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableFacts {
    /// By the name in the question.
    pub name: String,
    /// The schema that it is in or would be created in.
    pub schema: Option<String>,
    /// The role may create something in that schema, or that schema in the database.
    pub may_create: bool,
    /// What there is of it; `None` where there is no such table.
    pub there: Option<ThereFacts>,
}

/// A table that there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThereFacts {
    /// Its owner.
    pub owner: String,
    /// The role may do what owners may: alter and drop it, create indexes on it.
    pub owns: bool,
    /// The role may do something with it: read, write or refer to it.
    pub may_use: bool,
    /// The age of its oldest transaction id or multixact id (its partitions' and TOAST tables' too) as a share of the age at
    /// which a vacuum against wraparound begins, in percent.
    pub wraparound: u32,
}

/// A vacuum at work on a table that was asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vacuum {
    /// The table, by the name in the question.
    pub table: String,
    /// The server's process id.
    pub pid: i32,
    /// It is against wraparound: it does not give way to those who wait for it.
    pub wraparound: bool,
}

/// An index that is not valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidIndex {
    /// Its name, quoted where that is needed, with its schema: `public.orders_note`.
    pub index: String,
    /// Its name alone.
    pub name: String,
    /// The table, by the name in the question.
    pub table: String,
}
