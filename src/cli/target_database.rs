//! The database that a command line names.

use std::path::Path;
use std::sync::Arc;

use crate::database::{self, ConnectionParts, Database, RehearsalServer};

/// The database at a URL. Connects to nothing yet.
///
/// # Errors
/// Which option cannot be used, and why; never the URL itself, which holds a password.
pub fn open(url: &str, ca_file: Option<&Path>, ledger_schema: &str) -> Result<Arc<dyn Database>, String> {
    let server = server("--database-url", url, ca_file, ledger_schema)?;
    Ok(database::connect(server.address, server.credentials))
}

/// Where a URL leads that an option gave.
///
/// # Errors
/// As for [`open`].
pub fn server(option: &str, url: &str, ca_file: Option<&Path>, ledger_schema: &str) -> Result<RehearsalServer, String> {
    let mut parts = ConnectionParts::from_uri(url).map_err(|error| format!("{option}: {error}"))?;
    if let Some(file) = ca_file {
        parts.ca_pem = Some(pem(file)?);
    }
    let (address, credentials) = parts.resolve(ledger_schema).map_err(|error| format!("{option}: {error}"))?;
    Ok(RehearsalServer { address, credentials })
}

fn pem(file: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(file).map_err(|error| format!("--ca-file {}: cannot be read: {error}", file.display()))
}
