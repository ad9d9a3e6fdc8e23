//! The database that a command line names.

use std::path::Path;
use std::sync::Arc;

use crate::database::{self, ConnectionParts, Database};

/// The database at a URL. Connects to nothing yet.
///
/// # Errors
/// Which option cannot be used, and why; never the URL itself, which holds a password.
pub fn open(url: &str, ca_file: Option<&Path>, ledger_schema: &str) -> Result<Arc<dyn Database>, String> {
    let mut parts = ConnectionParts::from_uri(url).map_err(|error| format!("--database-url: {error}"))?;
    if let Some(file) = ca_file {
        parts.ca_pem = Some(pem(file)?);
    }
    let (address, credentials) = parts.resolve(ledger_schema).map_err(|error| format!("--database-url: {error}"))?;
    Ok(database::connect(address, credentials))
}

fn pem(file: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(file).map_err(|error| format!("--ca-file {}: cannot be read: {error}", file.display()))
}
