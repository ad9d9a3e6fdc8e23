//! `spec.gates.preflight`, validated once: what is asked for, by whom, and what holds where nobody said anything.

use std::time::Duration;

use crate::api::v1alpha1::{ForbiddenRole, FreeDiskFromSpec, PreflightAction, PreflightSpec};
use crate::database::Privilege;
use crate::size;

/// How long others may have been in a transaction.
const TRANSACTION: Duration = Duration::from_secs(5 * 60);
/// How long others may have been idle in one.
const IDLE: Duration = Duration::from_secs(60);
/// How long transactions may have been prepared.
const PREPARED: Duration = Duration::from_secs(5 * 60);
/// How far standbys may be behind. They report every ten seconds.
const LAG: Duration = Duration::from_secs(30);
/// How much WAL may be kept for a slot.
const RETAINED: &str = "10Gi";
/// How much of the disk must be free.
const FREE: &str = "20%";
/// How many connections must be left.
const CONNECTIONS: u32 = 10;

/// Something that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold<T> {
    /// It.
    pub value: T,
    /// As people write it.
    pub shown: String,
    /// Somebody wrote it; what cannot be told closes the gate then. Else it is what holds unless set.
    pub named: bool,
}

impl<T> Threshold<T> {
    /// What somebody wrote.
    pub fn named(value: T, shown: impl Into<String>) -> Self {
        Self { value, shown: shown.into(), named: true }
    }

    /// What holds unless set.
    pub fn usual(value: T, shown: impl Into<String>) -> Self {
        Self { value, shown: shown.into(), named: false }
    }
}

/// Who knows how much of the disk is free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FreeDisk {
    /// Nobody, where the size of the disk is not given either.
    Unsaid,
    /// The spec says so.
    Declared(u64),
    /// A Prometheus query gives it.
    Asked {
        /// The endpoint's name.
        endpoint: String,
        /// The query.
        query: String,
    },
}

/// What must hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Requirements {
    /// The oldest server, as `server_version_num`.
    pub version: Option<Threshold<u32>>,
    /// Extensions that must be installed, or may be by the role.
    pub extensions: Vec<String>,
    /// The encoding; more than one can never hold.
    pub encodings: Vec<String>,
    /// How long others may have been in a transaction.
    pub transaction_age: Threshold<Duration>,
    /// How long others may have been idle in one.
    pub idle_in_transaction: Threshold<Duration>,
    /// How long transactions may have been prepared.
    pub prepared_age: Threshold<Duration>,
    /// How far behind in time a standby may be.
    pub lag: Threshold<Duration>,
    /// How far behind in bytes of WAL.
    pub lag_bytes: Option<Threshold<u64>>,
    /// How much WAL may be kept for a slot.
    pub retained: Threshold<u64>,
    /// What share of the disk must be free, in percent.
    pub free_share: Option<Threshold<f64>>,
    /// How many bytes of it.
    pub free_bytes: Option<Threshold<u64>>,
    /// How large the disk is.
    pub disk_size: Option<u64>,
    /// Who knows what is free.
    pub free_disk: FreeDisk,
    /// How many connections must be left.
    pub connections: Threshold<u32>,
    /// What the role must not be able to do.
    pub forbidden: Vec<Privilege>,
    /// Privileges are looked at.
    pub privileges: Option<Threshold<()>>,
    /// Invalid indexes are looked at.
    pub invalid_indexes: Option<Threshold<()>>,
    /// Wraparound is looked at.
    pub wraparound: Option<Threshold<()>>,
    /// Archiving is looked at.
    pub archiving: Option<Threshold<()>>,
}

impl Requirements {
    /// Validates `spec.gates.preflight`.
    ///
    /// # Errors
    /// The first field that cannot be used, below `spec.gates`, and why.
    pub fn of(spec: &PreflightSpec) -> Result<Self, (String, String)> {
        let (free_share, free_bytes) = free("minFreeDisk", spec.min_free_disk.as_deref())?;
        Ok(Self {
            version: spec.min_server_version.as_deref().map(version).transpose()?,
            extensions: names("extensions", spec.extensions.as_deref())?,
            encodings: names("encoding", spec.encoding.as_ref().map(std::slice::from_ref))?,
            transaction_age: duration("maxTransactionAge", spec.max_transaction_age.as_deref(), TRANSACTION)?,
            idle_in_transaction: duration("maxIdleInTransaction", spec.max_idle_in_transaction.as_deref(), IDLE)?,
            prepared_age: duration("maxPreparedAge", spec.max_prepared_age.as_deref(), PREPARED)?,
            lag: duration("maxReplicationLag", spec.max_replication_lag.as_deref(), LAG)?,
            lag_bytes: bytes("maxReplicationLagBytes", spec.max_replication_lag_bytes.as_deref())?,
            retained: match bytes("maxSlotRetained", spec.max_slot_retained.as_deref())? {
                Some(named) => named,
                None => Threshold { named: false, ..size_of("maxSlotRetained", RETAINED)? },
            },
            free_share,
            free_bytes,
            disk_size: bytes("diskSize", spec.disk_size.as_deref())?.map(|size| size.value),
            free_disk: free_disk(spec)?,
            connections: match spec.min_free_connections {
                None => Threshold::usual(CONNECTIONS, CONNECTIONS.to_string()),
                Some(number) => {
                    let value = u32::try_from(number).map_err(|_| {
                        invalid("minFreeConnections", format!("{number} is not a number of connections"))
                    })?;
                    Threshold::named(value, number.to_string())
                }
            },
            forbidden: spec.forbid_roles.iter().flatten().map(|role| privilege(*role)).collect(),
            privileges: action(spec.privileges),
            invalid_indexes: action(spec.invalid_indexes),
            wraparound: action(spec.wraparound),
            archiving: action(spec.archiving),
        })
    }
}

fn invalid(field: &str, problem: impl Into<String>) -> (String, String) {
    (format!("preflight.{field}"), problem.into())
}

fn action(action: Option<PreflightAction>) -> Option<Threshold<()>> {
    match action {
        None => Some(Threshold::usual((), "Refuse")),
        Some(PreflightAction::Refuse) => Some(Threshold::named((), "Refuse")),
        Some(PreflightAction::Allow) => None,
    }
}

fn privilege(role: ForbiddenRole) -> Privilege {
    match role {
        ForbiddenRole::Superuser => Privilege::Superuser,
        ForbiddenRole::BypassRls => Privilege::BypassRls,
        ForbiddenRole::Replication => Privilege::Replication,
        ForbiddenRole::CreateRole => Privilege::CreateRole,
        ForbiddenRole::ServerFiles => Privilege::ServerFiles,
        ForbiddenRole::ExecuteProgram => Privilege::ExecuteProgram,
    }
}

/// `15.4` as 150004.
fn version(text: &str) -> Result<Threshold<u32>, (String, String)> {
    let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
    let number = |text: &str| text.parse::<u32>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    match (number(major), number(minor)) {
        (Some(major @ 1..=99), Some(minor @ 0..=999)) => Ok(Threshold::named(major * 10_000 + minor, text)),
        _ => Err(invalid("minServerVersion", format!("`{text}` is no version of PostgreSQL: write 14 or 15.4"))),
    }
}

/// Each name once, in the order in which they were written.
fn names(field: &str, names: Option<&[String]>) -> Result<Vec<String>, (String, String)> {
    let mut once: Vec<String> = Vec::new();
    for name in names.unwrap_or_default() {
        if name.trim().is_empty() {
            return Err(invalid(field, "an empty name: leave it out"));
        }
        if !once.contains(name) {
            once.push(name.clone());
        }
    }
    Ok(once)
}

fn duration(field: &str, text: Option<&str>, usual: Duration) -> Result<Threshold<Duration>, (String, String)> {
    match text {
        None => Ok(Threshold::usual(usual, crate::duration::format(usual))),
        Some(text) => crate::duration::parse(text)
            .map(|value| Threshold::named(value, text))
            .map_err(|error| invalid(field, error.to_string())),
    }
}

fn size_of(field: &str, text: &str) -> Result<Threshold<u64>, (String, String)> {
    size::parse(text)
        .map(|value| Threshold::named(value, text))
        .ok_or_else(|| invalid(field, format!("`{text}` is no size: write Ki, Mi, Gi or Ti, as in 10Gi")))
}

fn bytes(field: &str, text: Option<&str>) -> Result<Option<Threshold<u64>>, (String, String)> {
    text.map(|text| size_of(field, text)).transpose()
}

type Free = (Option<Threshold<f64>>, Option<Threshold<u64>>);

/// A share or a size.
fn free(field: &str, text: Option<&str>) -> Result<Free, (String, String)> {
    let (text, named) = text.map_or((FREE, false), |text| (text, true));
    let Some(share) = text.strip_suffix('%') else {
        let bytes = if text == "0" { Threshold::named(0, text) } else { size_of(field, text)? };
        return Ok((None, Some(bytes)));
    };
    let value = share.parse::<f64>().ok().filter(|share| (0.0..100.0).contains(share));
    let value = value.ok_or_else(|| {
        invalid(field, format!("`{text}` is no share of a disk: write a percentage below 100%, as in 20%"))
    })?;
    Ok((Some(Threshold { value, shown: text.to_owned(), named }), None))
}

fn free_disk(spec: &PreflightSpec) -> Result<FreeDisk, (String, String)> {
    match (&spec.free_disk, &spec.free_disk_from) {
        (None, None) => Ok(FreeDisk::Unsaid),
        (Some(text), None) => Ok(FreeDisk::Declared(size_of("freeDisk", text)?.value)),
        (None, Some(FreeDiskFromSpec { prometheus })) => {
            Ok(FreeDisk::Asked { endpoint: prometheus.endpoint.clone(), query: prometheus.query.clone() })
        }
        (Some(_), Some(_)) => Err(invalid("freeDiskFrom", "give freeDisk or freeDiskFrom, not both")),
    }
}
