//! Opening connections: within a bounded time, with nothing taken from the environment that the Secret should decide,
//! and with errors that name host, port and role but never a password.

use std::time::Duration;

use secrecy::ExposeSecret as _;
use serde::de::DeserializeOwned;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgDatabaseError, PgRow, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _};
use tokio::time::timeout;

use crate::database::{Address, Credentials, DatabaseError, TlsMode};

use super::failure::{SqlError, lost, name};
use super::handshake::explain;
use super::privileges::may_not_use;
use super::settings::{BEGIN_LOOK, LOOKING};

/// How long opening one connection may take: resolving, TCP, TLS and login together.
const CONNECT: Duration = Duration::from_secs(5);
/// How long one of Sluice's own statements may take before the connection counts as dead.
pub(super) const ANSWER: Duration = Duration::from_secs(10);
/// How long a polite goodbye may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// The start-up setting by which a session knows that the server that answers is the one that it logged in to.
pub(super) const MARK: &str = "sluice.session";

/// What it takes to open a connection.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    pub address: Address,
    pub credentials: Credentials,
}

impl Connector {
    /// Opens a connection whose session carries the mark, where what stands in between lets it through.
    pub async fn connect(&self, application: &str, mark: &str) -> Result<Link, DatabaseError> {
        self.try_connect(application, mark).await.map_err(|refused| refused.error)
    }

    /// Likewise; a refusal also tells whether anybody answered.
    pub async fn try_connect(&self, application: &str, mark: &str) -> Result<Link, Refused> {
        let options = self.options(application);
        match self.establish(&options.clone().options([(MARK, mark)])).await {
            Ok(conn) => Ok(Link { conn, address: self.address.clone() }),
            // A pooler that refuses start-up settings says so with one of these; without the mark it is examined closely.
            Err(Refused { code: Some(code), .. }) if matches!(code.as_str(), "08P01" | "22023" | "42704" | "0A000") => {
                let conn = self.establish(&options).await?;
                Ok(Link { conn, address: self.address.clone() })
            }
            Err(refused) => Err(refused),
        }
    }

    fn options(&self, application: &str) -> PgConnectOptions {
        let mode = match self.credentials.tls {
            TlsMode::Disable => PgSslMode::Disable,
            TlsMode::Prefer => PgSslMode::Prefer,
            TlsMode::Require => PgSslMode::Require,
            TlsMode::VerifyCa => PgSslMode::VerifyCa,
            TlsMode::VerifyFull => PgSslMode::VerifyFull,
        };
        // Everything that `new_without_pgpass` reads from PG* variables and that the Secret decides is set here.
        PgConnectOptions::new_without_pgpass()
            .host(&self.address.host)
            .port(self.address.port)
            .database(&self.address.database)
            .username(&self.credentials.user)
            .password(self.credentials.password.expose_secret())
            .ssl_mode(mode)
            .ssl_root_cert_from_pem(self.credentials.ca_pem.clone().unwrap_or_default())
            .application_name(application)
            // Poolers refuse this start-up setting, and no floating point number is read anywhere.
            .extra_float_digits(None)
            .statement_cache_capacity(0)
            .disable_statement_logging()
    }

    async fn establish(&self, options: &PgConnectOptions) -> Result<PgConnection, Refused> {
        match timeout(CONNECT, options.connect()).await {
            Ok(Ok(conn)) => Ok(conn),
            Ok(Err(error)) => Err(self.refused(error)),
            Err(_) => Err(Refused::unreachable(format!(
                "{}:{} did not answer within {} s",
                self.address.host,
                self.address.port,
                CONNECT.as_secs()
            ))),
        }
    }

    fn refused(&self, error: sqlx::Error) -> Refused {
        let Address { host, port, database, .. } = &self.address;
        let user = &self.credentials.user;
        if let sqlx::Error::Database(inner) = &error
            && let Some(inner) = inner.try_downcast_ref::<PgDatabaseError>()
        {
            let code = inner.code().to_owned();
            let why = name(&code);
            let login = match code.as_str() {
                "3D000" => Some(format!(
                    "{host}:{port} has no database \"{database}\" ({why}); create it, or correct the Secret"
                )),
                "42501" => Some(format!(
                    "role \"{user}\" may not connect to database \"{database}\" ({why}); grant it CONNECT"
                )),
                _ if code.starts_with("28") => Some(format!(
                    "{host}:{port} refuses the login of role \"{user}\" to database \"{database}\" ({why}); \
                     check user and password in the Secret, and the server's pg_hba.conf"
                )),
                _ => None,
            };
            let error = login.map_or_else(
                || DatabaseError::Unreachable(format!("{host}:{port} refuses connections for now: {why}")),
                DatabaseError::Login,
            );
            return Refused { code: Some(code), error };
        }
        Refused::unreachable(explain(&self.address, &error))
    }
}

/// A connection that was not to be had.
#[derive(Debug)]
pub(super) struct Refused {
    /// The server's SQLSTATE; `None` when nobody answered.
    pub code: Option<String>,
    error: DatabaseError,
}

impl Refused {
    fn unreachable(message: String) -> Self {
        Self { code: None, error: DatabaseError::Unreachable(message) }
    }
}

/// One open connection.
#[derive(Debug)]
pub(super) struct Link {
    pub conn: PgConnection,
    pub address: Address,
}

impl Link {
    /// Runs some of Sluice's own statements in one round trip.
    pub async fn run(&mut self, sql: &str) -> Result<(), SqlError> {
        bounded(ANSWER, sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.conn)).await.map(|_| ())
    }

    /// Runs some of Sluice's own statements in one round trip; the last row's only column is JSON.
    pub async fn json<T: DeserializeOwned>(&mut self, sql: &str) -> Result<T, SqlError> {
        self.json_within(sql, ANSWER).await
    }

    /// Likewise, for what may take longer than a look.
    pub async fn json_within<T: DeserializeOwned>(&mut self, sql: &str, patience: Duration) -> Result<T, SqlError> {
        let rows = self.rows(sql, patience).await?;
        read(rows.last())
    }

    /// Runs something that may take longer than Sluice's own statements do.
    pub async fn run_within(&mut self, sql: &str, patience: Duration) -> Result<(), SqlError> {
        bounded(patience, sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.conn)).await.map(|_| ())
    }

    /// Runs some of Sluice's own statements in one round trip; the last row but one has JSON in its only column.
    pub async fn but_last<T: DeserializeOwned>(&mut self, sql: &str) -> Result<T, SqlError> {
        let rows = self.rows(sql, ANSWER).await?;
        read(rows.iter().nth_back(1))
    }

    /// Likewise, with the last two rows.
    pub async fn two<A: DeserializeOwned, B: DeserializeOwned>(&mut self, sql: &str) -> Result<(A, B), SqlError> {
        let mut rows = self.rows(sql, ANSWER).await?;
        let last = rows.pop();
        Ok((read(rows.last())?, read(last.as_ref())?))
    }

    /// Likewise, with the last three rows.
    pub async fn three<A, B, C>(&mut self, sql: &str) -> Result<(A, B, C), SqlError>
    where
        A: DeserializeOwned,
        B: DeserializeOwned,
        C: DeserializeOwned,
    {
        let mut rows = self.rows(sql, ANSWER).await?;
        let last = rows.pop();
        let middle = rows.pop();
        Ok((read(rows.last())?, read(middle.as_ref())?, read(last.as_ref())?))
    }

    async fn rows(&mut self, sql: &str, patience: Duration) -> Result<Vec<PgRow>, SqlError> {
        bounded(patience, sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut self.conn)).await
    }

    /// Looks something up in a transaction of its own that changes no setting beyond itself: a pooler in between must not
    /// hand our settings to others. The only row's only column is JSON.
    pub async fn look<T: DeserializeOwned>(&mut self, sql: &str) -> Result<T, SqlError> {
        let result = self.json(&format!("{BEGIN_LOOK} {LOOKING} {sql}; commit")).await;
        if matches!(result, Err(SqlError::Server(_))) {
            self.run("rollback").await?;
        }
        result
    }

    /// Says goodbye and waits until the server has heard it.
    pub async fn close(self) {
        // The server notices a missing goodbye by itself; nobody has to know that it went unheard.
        let _ = timeout(GOODBYE, self.conn.close()).await;
    }

    /// An error of some of Sluice's own statements that touches the ledger.
    pub fn ledger_error(&self, role: &str, error: &SqlError) -> DatabaseError {
        ledger_error(&self.address, role, error)
    }
}

fn read<T: DeserializeOwned>(row: Option<&PgRow>) -> Result<T, SqlError> {
    let row = row.ok_or_else(|| SqlError::Lost("the server answered nothing".to_owned()))?;
    let text: String = row.try_get_unchecked(0)?;
    serde_json::from_str(&text).map_err(|error| SqlError::Lost(format!("the server's answer cannot be read: {error}")))
}

async fn bounded<T>(patience: Duration, work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, SqlError> {
    match timeout(patience, work).await {
        Ok(result) => result.map_err(SqlError::from),
        Err(_) => Err(SqlError::Lost(format!("no answer within {} s", patience.as_secs()))),
    }
}

/// What a failed statement of Sluice's own on the ledger means.
pub(super) fn ledger_error(address: &Address, role: &str, error: &SqlError) -> DatabaseError {
    let (schema, database) = (&address.ledger_schema, &address.database);
    match error {
        SqlError::Lost(why) => lost(address, why),
        SqlError::Server(error) => match error.code.as_str() {
            "42501" => DatabaseError::Ledger(may_not_use(address, role)),
            "55P03" => DatabaseError::Unreachable(format!(
                "the ledger \"{schema}\" in {address} cannot be used for now: somebody locks its tables ({})",
                name(&error.code)
            )),
            code if code.starts_with("57") || code.starts_with("53") || code.starts_with("40") => {
                DatabaseError::Unreachable(format!("{address} cannot be used for now: {}", name(code)))
            }
            code => DatabaseError::Ledger(format!(
                "the ledger \"{schema}\" in {database} cannot be used: {}{}",
                name(code),
                if error.objects.is_empty() { String::new() } else { format!(" ({})", error.objects.join(", ")) }
            )),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::SecretString;

    fn connector(host: &str, port: u16) -> Connector {
        Connector {
            address: Address {
                host: host.to_owned(),
                port,
                database: "db".to_owned(),
                ledger_schema: "sluice".to_owned(),
            },
            credentials: Credentials {
                user: "app".to_owned(),
                password: SecretString::from("hunter2"),
                tls: TlsMode::Prefer,
                ca_pem: None,
            },
        }
    }

    #[tokio::test]
    async fn a_closed_port_is_named_with_host_and_reason_and_without_the_password() {
        // Bound, so that it is nobody else's, and not listening.
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        let free = socket.local_addr().unwrap().port();
        let error = connector("127.0.0.1", free).connect("sluice/test", "x").await.unwrap_err();
        assert!(matches!(error, DatabaseError::Unreachable(_)), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(&format!("127.0.0.1:{free}")) && text.contains("refused"), "{text}");
        assert!(!format!("{error:?}{:?}", connector("h", 1)).contains("hunter2"));
    }

    #[tokio::test]
    async fn a_server_that_accepts_and_stays_silent_does_not_hang_anybody() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = silent.local_addr().unwrap().port();
        let error = connector("127.0.0.1", port).connect("sluice/test", "x").await.unwrap_err();
        assert!(error.to_string().contains("did not answer within 5 s"), "{error}");
    }
}
