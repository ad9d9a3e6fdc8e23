//! The digest of a set: what "nothing changed" means for a source as a whole.

use sha2::{Digest, Sha256};

use super::{Migration, Repeatable, Script, TransactionMode};

/// `sha256:` over versions, descriptions, modes and checksums. File names are left out: a ConfigMap and an inline source
/// show them differently.
pub(super) fn digest(migrations: &[Migration], repeatables: &[Repeatable]) -> String {
    let mut hash = Sha256::new();
    let mut field = |text: &str| {
        // No field contains a NUL, so none can be mistaken for two.
        hash.update(text.as_bytes());
        hash.update([0]);
    };
    for migration in migrations {
        field("version");
        field(migration.version.as_str());
        field(&migration.description);
        script(&mut field, &migration.up);
        match (&migration.down, &migration.down_refused) {
            (Some(down), _) => script(&mut field, down),
            (None, Some(_)) => field("refused down script"),
            (None, None) => field("no down script"),
        }
    }
    for repeatable in repeatables {
        field("repeatable");
        field(&repeatable.name);
        script(&mut field, &repeatable.script);
    }
    format!("sha256:{}", hex::encode(hash.finalize()))
}

fn script(field: &mut impl FnMut(&str), script: &Script) {
    field(match script.mode {
        TransactionMode::Transactional => "transactional",
        TransactionMode::NonTransactional { .. } => "not transactional",
    });
    field(script.checksum.as_str());
}
