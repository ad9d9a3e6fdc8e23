//! Where a database is and how one logs in, kept apart so that the one can be shown and the other cannot.

use std::fmt;

use secrecy::SecretString;

/// Where a database is, without secrets. Equal addresses are one database with one ledger.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    /// Host name, IP address or socket directory.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Database name.
    pub database: String,
    /// The schema that the ledger lives in.
    pub ledger_schema: String,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}/{}", self.host, self.port, self.database)
    }
}

/// How strictly the server's identity is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsMode {
    /// No TLS (loopback, sockets, or asked for).
    Disable,
    /// TLS when the server offers it, unchecked.
    Prefer,
    /// TLS, unchecked.
    Require,
    /// TLS with a certificate of the given or the system's authorities.
    VerifyCa,
    /// … that also names the host.
    VerifyFull,
}

/// How one logs in. Its `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Role name.
    pub user: String,
    /// Password, empty for none.
    pub password: SecretString,
    /// Server identity checks.
    pub tls: TlsMode,
    /// Certificate authorities in PEM, besides the system's.
    pub ca_pem: Option<Vec<u8>>,
}
