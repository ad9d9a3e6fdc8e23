//! The page of conditions and reasons.

use sluice::api::v1alpha1::{ConditionType, Reason};

use crate::markdown::{head, table};

pub fn page() -> String {
    let mut text = head("Conditions and reasons", "src/api/v1alpha1/conditions.rs");
    text.push_str(
        "A `DatabaseMigration` reports how it is in `status.conditions`, by the rules that kstatus, Argo CD and Flux read: `Ready` is\n\
         the summary; `Reconciling` and `Stalled` exist only while they are true; each condition carries the generation of the spec\n\
         that it speaks of. Words on this page are stable: alerts may name them.\n\n## Condition types\n\n",
    );
    let row = |word: &str, meaning: &str| vec![format!("`{word}`"), meaning.to_owned()];
    text.push_str(&table(
        &["type", "meaning"],
        ConditionType::ALL.iter().map(|type_| row(type_.as_str(), type_.meaning())),
    ));
    text.push_str(
        "## Reasons\n\nThe reason of `Ready` is also the printer column of `kubectl get dbm`, the label `reason` of\n\
         `sluice_migration_status`, and the reason of the event that tells of the transition. What to do about each is in\n\
         [Troubleshooting](../troubleshooting.md).\n\n",
    );
    text.push_str(&table(
        &["reason", "meaning"],
        Reason::ALL.iter().map(|reason| row(reason.as_str(), reason.meaning())),
    ));
    text.trim_end().to_owned() + "\n"
}
