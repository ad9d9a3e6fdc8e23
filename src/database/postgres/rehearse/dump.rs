//! Writing a schema out with `pg_dump`, the one program that Sluice needs besides itself, and only for rehearsals.
//!
//! The password goes through the child's environment, never through its arguments, which everybody on the machine can
//! read. What the program says may be the server's words, and is not passed on.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use tokio::process::Command;
use tokio::time::timeout;

use crate::database::TlsMode;
use crate::migration::{Dialect, Script, Statement};

use super::super::connect::Connector;

/// How long the program may take to say its version.
const VERSION: Duration = Duration::from_secs(10);
/// The largest schema that is copied, in bytes of SQL.
const LARGEST: usize = 256 << 20;
/// Where systems keep the certificates of their authorities.
const AUTHORITIES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
];

/// Refuses a program that is not there or older than the server, and says what to do.
pub(super) async fn examine(program: &Path, server: i32) -> Result<(), String> {
    let shown = program.display();
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).kill_on_drop(true);
    let output = match timeout(VERSION, command.output()).await {
        Ok(Ok(output)) if output.status.success() => output,
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(format!(
                "a rehearsal needs pg_dump {server} or later, and there is no {shown}; install it, or name its path"
            ));
        }
        Ok(_) | Err(_) => return Err(format!("{shown} cannot be run; a rehearsal needs pg_dump {server} or later")),
    };
    let text = String::from_utf8_lossy(&output.stdout);
    match major(&text) {
        Some(version) if version >= server => Ok(()),
        Some(version) => Err(format!(
            "{shown} is version {version}, older than the server's {server}, which it cannot read; install pg_dump {server} or later"
        )),
        None => Err(format!("{shown} does not tell its version as pg_dump does; name the path of pg_dump")),
    }
}

/// `pg_dump (PostgreSQL) 15.18 (Debian …)`
fn major(text: &str) -> Option<i32> {
    let version = text.split_once("(PostgreSQL)")?.1.trim_start();
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// The statements that build the schema anew, without rows.
pub(super) async fn statements(
    connector: &Connector,
    program: &Path,
    deadline: Duration,
) -> Result<Vec<Statement>, String> {
    let authority = Authority::of(connector).map_err(|error| {
        format!("the certificate authority cannot be handed to pg_dump ({error}); make the folder for temporary files writable")
    })?;
    let mut command = command(connector, program, authority.path());
    let child = command.spawn().map_err(|error| format!("{} cannot be run ({error})", program.display()))?;
    let output = match timeout(deadline, child.wait_with_output()).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => return Err(format!("pg_dump's answer cannot be read ({error})")),
        Err(_) => return Err(format!("pg_dump did not end within {} s", deadline.as_secs())),
    };
    drop(authority);
    if !output.status.success() {
        return Err(explain(&String::from_utf8_lossy(&output.stderr)));
    }
    if output.stdout.len() > LARGEST {
        return Err(format!("the schema is larger than {} MiB of SQL", LARGEST >> 20));
    }
    let text = String::from_utf8(output.stdout).map_err(|_| "pg_dump wrote something else than UTF-8".to_owned())?;
    let script = Script::parse(Dialect::Postgres, "the schema", 1, &without_restrict(&text), true);
    script.map(|script| script.statements).map_err(|problems| format!("pg_dump's answer cannot be read: {problems}"))
}

fn command(connector: &Connector, program: &Path, authority: Option<&Path>) -> Command {
    let (address, credentials) = (&connector.address, &connector.credentials);
    let mut command = Command::new(program);
    command
        .args([
            "--schema-only",
            "--no-subscriptions",
            "--quote-all-identifiers",
            "--lock-wait-timeout=10000",
            "--encoding=UTF8",
        ])
        // Nothing that is set for this process says anything about that database.
        .env_clear()
        .envs(std::env::vars_os().filter(|(name, _)| name == "PATH" || name == "LD_LIBRARY_PATH"))
        .env("LC_ALL", "C")
        .env("PGHOST", &address.host)
        .env("PGPORT", address.port.to_string())
        .env("PGDATABASE", &address.database)
        .env("PGUSER", &credentials.user)
        .env("PGPASSWORD", credentials.password.expose_secret())
        .env("PGPASSFILE", "/dev/null")
        .env("PGAPPNAME", "sluice/rehearsal")
        .env("PGCONNECT_TIMEOUT", "10")
        .env("PGGSSENCMODE", "disable")
        .env(
            "PGSSLMODE",
            match credentials.tls {
                TlsMode::Disable => "disable",
                TlsMode::Prefer => "prefer",
                TlsMode::Require => "require",
                TlsMode::VerifyCa => "verify-ca",
                TlsMode::VerifyFull => "verify-full",
            },
        )
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    if let Some(authority) = authority {
        command.env("PGSSLROOTCERT", authority);
    }
    command
}

/// pg_dump encloses what it writes in commands for psql that keep psql from obeying others. Nobody obeys any here.
fn without_restrict(text: &str) -> String {
    text.lines()
        .map(|line| if line.starts_with("\\restrict ") || line.starts_with("\\unrestrict ") { "" } else { line })
        .fold(String::with_capacity(text.len()), |mut all, line| {
            all.push_str(line);
            all.push('\n');
            all
        })
}

/// Why it failed, in words that hold nothing but names.
fn explain(words: &str) -> String {
    let denied = words.split("permission denied for ").nth(1).map(|rest| {
        let mut words = rest.split_whitespace();
        format!("{} {}", words.next().unwrap_or_default(), words.next().unwrap_or_default())
    });
    match denied {
        Some(what) => format!(
            "pg_dump may not read {}; grant the role SELECT on all tables (and USAGE on their schemas)",
            what.trim_end_matches([',', ';'])
        ),
        None if words.contains("canceling statement due to lock timeout") => {
            "pg_dump waited 10 s for a table that somebody locks; try again when that is over".to_owned()
        }
        None => "pg_dump failed; run it by hand with --schema-only to see why".to_owned(),
    }
}

/// The certificates of authorities as a file, which is the only way in which libpq takes them.
enum Authority {
    /// Written for this one call, and gone with it.
    Own(tempfile::NamedTempFile),
    /// The system's.
    System(std::path::PathBuf),
    /// None needed, or libpq has to find them itself.
    None,
}

impl Authority {
    fn of(connector: &Connector) -> std::io::Result<Self> {
        if let Some(pem) = &connector.credentials.ca_pem {
            let mut file = tempfile::NamedTempFile::with_prefix("sluice-ca-")?;
            std::io::Write::write_all(&mut file, pem)?;
            return Ok(Self::Own(file));
        }
        let named = std::env::var_os("SSL_CERT_FILE").map(std::path::PathBuf::from);
        let system =
            named.into_iter().chain(AUTHORITIES.iter().map(std::path::PathBuf::from)).find(|path| path.exists());
        Ok(match connector.credentials.tls {
            TlsMode::VerifyCa | TlsMode::VerifyFull => system.map_or(Self::None, Self::System),
            TlsMode::Disable | TlsMode::Prefer | TlsMode::Require => Self::None,
        })
    }

    fn path(&self) -> Option<&Path> {
        match self {
            Self::Own(file) => Some(file.path()),
            Self::System(path) => Some(path),
            Self::None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_whatever_the_packager_adds() {
        assert_eq!(major("pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(major("pg_dump (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major("something else"), None);
    }

    #[test]
    fn the_password_is_no_argument_and_nothing_of_this_process_is_handed_on() {
        let connector = Connector {
            address: crate::database::Address {
                host: "db".to_owned(),
                port: 5432,
                database: "orders".to_owned(),
                ledger_schema: "sluice".to_owned(),
            },
            credentials: crate::database::Credentials {
                user: "app".to_owned(),
                password: secrecy::SecretString::from("hunter2"),
                tls: TlsMode::VerifyFull,
                ca_pem: None,
            },
        };
        let command = command(&connector, Path::new("pg_dump"), None);
        let arguments: Vec<_> = command.as_std().get_args().map(|argument| argument.to_string_lossy()).collect();
        assert!(
            arguments.iter().all(|argument| !argument.contains("hunter2") && !argument.contains("db")),
            "{arguments:?}"
        );
        let set: Vec<_> = command.as_std().get_envs().map(|(name, _)| name.to_string_lossy()).collect();
        assert!(
            set.iter()
                .all(|name| name.starts_with("PG") || matches!(name.as_ref(), "PATH" | "LC_ALL" | "LD_LIBRARY_PATH"))
        );
    }

    #[test]
    fn commands_for_psql_are_left_out_and_lines_stay_where_they_are() {
        let text = "-- x\n\\restrict abc\nselect '\\restrict';\n\\unrestrict abc\n";
        assert_eq!(without_restrict(text), "-- x\n\nselect '\\restrict';\n\n");
    }

    #[test]
    fn what_is_told_of_a_failure_are_names_only() {
        let words = "pg_dump: error: query failed: ERROR:  permission denied for table secret\npg_dump: detail: Query was: LOCK TABLE";
        assert_eq!(
            explain(words),
            "pg_dump may not read table secret; grant the role SELECT on all tables (and USAGE on their schemas)"
        );
        assert!(!explain("pg_dump: error: row (1, 'Alice')").contains("Alice"));
    }

    #[tokio::test]
    async fn a_program_that_is_missing_or_something_else_is_named_with_the_cure() {
        let missing = examine(Path::new("/nowhere/pg_dump"), 15).await.unwrap_err();
        assert!(missing.contains("/nowhere/pg_dump") && missing.contains("install it"), "{missing}");
        let other = examine(Path::new("true"), 15).await.unwrap_err();
        assert!(other.contains("does not tell its version"), "{other}");
    }
}
