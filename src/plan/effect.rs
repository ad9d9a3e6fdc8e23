//! What is in effect, as one digest: now, and once a plan is carried out.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::migration::{Checksum, Version};

use super::{Action, Ledger, Plan};

/// `sha256:` over versions and the checksums of their up scripts, ascending. `None` for none.
pub(super) fn digest<'a>(versions: impl Iterator<Item = (&'a Version, Option<&'a Checksum>)>) -> Option<String> {
    let mut hash = Sha256::new();
    let mut any = false;
    for (version, checksum) in versions {
        any = true;
        hash.update(version.key());
        hash.update([0]);
        hash.update(checksum.map_or("", Checksum::as_str));
        hash.update([0]);
    }
    any.then(|| format!("sha256:{}", hex::encode(hash.finalize())))
}

impl Ledger {
    /// What [`Self::digest`] will be once that plan is carried out. Repeatable scripts are no part of it.
    #[must_use]
    pub fn digest_after(&self, plan: &Plan) -> Option<String> {
        let mut versions: BTreeMap<&Version, Option<&Checksum>> =
            self.applied().map(|(version, entry)| (version, entry.up_checksum.as_ref())).collect();
        for step in &plan.steps {
            let Some(version) = &step.version else { continue };
            match &step.action {
                Action::Apply { up, .. } => {
                    versions.insert(version, Some(&up.checksum));
                }
                Action::Baseline { up_checksum, .. } => {
                    versions.insert(version, Some(up_checksum));
                }
                Action::Revert { .. } => {
                    versions.remove(version);
                }
                Action::Repeat { .. } => {}
            }
        }
        digest(versions.into_iter())
    }
}
