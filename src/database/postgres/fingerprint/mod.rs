//! The catalog of a database as a sorted map, from each object's identity to its definition, so that two databases, or
//! one at two times, can be compared.
//!
//! Schemas of ledgers, the server's own and members of extensions are left out; so is everything that is no definition:
//! rows, statistics, the last value of a sequence, object identifiers.

mod diff;
mod statements;

use std::collections::BTreeMap;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::connect::Link;
use super::failure::SqlError;

pub(super) use diff::{Side, differences};

/// How long reading a catalog may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The parts of a definition by name: `type`, `default` …
pub(super) type Definition = BTreeMap<String, Option<String>>;

/// A database's definitions: `index public.orders_note_idx` → what it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Fingerprint(pub BTreeMap<String, Definition>);

impl Fingerprint {
    /// Reads the catalog that the connection sees.
    pub async fn read(link: &mut Link) -> Result<Self, SqlError> {
        let sql = format!(
            "begin read only; set local statement_timeout = '{}s'; set local lock_timeout = '5s';
            set local search_path = pg_catalog, pg_temp; {}; commit",
            PATIENCE.as_secs(),
            statements::catalog()
        );
        let result = link.json_within(&sql, PATIENCE).await;
        if matches!(result, Err(SqlError::Server(_))) {
            link.run("rollback").await?;
        }
        let mut read: BTreeMap<String, Definition> = result?;
        for value in read.values_mut().flat_map(BTreeMap::values_mut).flatten() {
            // How lines end in the body of a function is no difference.
            if value.contains('\r') {
                *value = value.replace("\r\n", "\n");
            }
        }
        Ok(Self(read))
    }

    /// `sha256:` over everything: equal catalogs have equal digests.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        let mut part = |text: &str| {
            hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(text);
        };
        for (object, definition) in &self.0 {
            part(object);
            for (name, value) in definition {
                part(name);
                part(value.as_deref().unwrap_or("\0"));
            }
            part("\0");
        }
        format!("sha256:{}", hex::encode(hash.finalize()))
    }
}
