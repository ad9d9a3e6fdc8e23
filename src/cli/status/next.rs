//! The next step, for each reason: what a person does now, or that nobody needs to do anything.

use kube::ResourceExt;

use crate::api::v1alpha1::{ConditionType, DatabaseMigration, DatabaseMigrationStatus, Reason};

/// Why another approval would not open the gate, and what would, where it is so.
pub fn doubt(status: &DatabaseMigrationStatus) -> Option<(String, String)> {
    let mut gates = status.gates.iter().flat_map(|gates| &gates.items);
    let gate = gates.find(|item| item.gate == "approvals" && matches!(item.state.as_str(), "Closed" | "Unknown"))?;
    let cure = gate.opens.clone().filter(|opens| !opens.contains("sluice approve"))?;
    Some((gate.message.clone(), cure))
}

/// What a person does now.
pub(super) fn next(object: &DatabaseMigration, status: &DatabaseMigrationStatus) -> String {
    let (name, namespace) = (object.name_any(), object.namespace().unwrap_or_default());
    let ready = ConditionType::Ready.as_str();
    let Some(ready) = status.conditions.iter().find(|condition| condition.type_ == ready) else {
        return "see that an operator runs and looks after this namespace: kubectl get pods -A -l app.kubernetes.io/name=sluice"
            .to_owned();
    };
    let retry = || format!("kubectl annotate dbm {name} -n {namespace} --overwrite sluice.dev/retry=\"$(date +%s)\"");
    match Reason::parse(&ready.reason) {
        Some(Reason::UpToDate) => "nothing to do".to_owned(),
        Some(
            Reason::Planning
            | Reason::Applying
            | Reason::Resolving
            | Reason::Interrupted
            | Reason::Verifying
            | Reason::Rehearsing
            | Reason::RollingBack,
        ) => "nothing to do: Sluice goes on by itself".to_owned(),
        Some(Reason::AwaitingLock) => {
            "nothing to do: it is this object's turn when the run that is named above has ended".to_owned()
        }
        Some(Reason::RetryingLock) => {
            "Sluice tries again by itself; to hurry, end the transactions of the sessions that are named above"
                .to_owned()
        }
        Some(Reason::Suspended) => format!(
            "to go on: kubectl patch dbm {name} -n {namespace} --type merge -p '{{\"spec\":{{\"suspend\":false}}}}'"
        ),
        Some(Reason::PlanOnly) => format!(
            "to run it: kubectl patch dbm {name} -n {namespace} --type merge -p '{{\"spec\":{{\"mode\":\"Apply\"}}}}'"
        ),
        Some(Reason::AwaitingApproval) => doubt(status)
            .map_or_else(|| format!("whoever may: kubectl sluice approve {name} -n {namespace}"), |(_, cure)| cure),
        Some(Reason::AwaitingWindow) => format!(
            "nothing to do: it begins when the window opens; in an emergency: kubectl sluice approve {name} -n {namespace} --override-windows"
        ),
        Some(Reason::GatesPending | Reason::DependencyNotReady) => {
            "what would open each gate stands beside it above; Sluice notices by itself".to_owned()
        }
        Some(Reason::GateFailed) => {
            "nothing has run; change what the gate above refuses: the scripts, or the spec where it asks for too much"
                .to_owned()
        }
        Some(Reason::ApprovalDenied) => {
            format!(
                "talk to whoever denied it; bring a new plan, or let them withdraw it: kubectl sluice withdraw {name} -n {namespace}"
            )
        }
        Some(Reason::PolicyViolation) => {
            format!(
                "mend the spec as said above, or ask the owner of the policy: kubectl edit dbm {name} -n {namespace}"
            )
        }
        Some(Reason::InvalidSpec) => {
            format!("mend the field that is named above: kubectl edit dbm {name} -n {namespace}")
        }
        Some(Reason::SourceNotReady) => "create or mend what is named above; Sluice notices by itself".to_owned(),
        Some(Reason::InvalidSource) => {
            "mend the scripts that are named above; `sluice plan --dir DIR` checks them before they are committed"
                .to_owned()
        }
        Some(Reason::DatabaseUnreachable | Reason::DatabaseUnsuitable) => {
            "mend the database or the Secret; Sluice tries again by itself".to_owned()
        }
        Some(Reason::PlanFailed | Reason::ChecksumMismatch | Reason::NotEmpty) => {
            "nothing has run and nothing will before the scripts or the spec change as said above".to_owned()
        }
        Some(Reason::ApplyFailed) => {
            format!("mend the script; or, when the cause lay in the database, try again: {}", retry())
        }
        Some(Reason::DeadlineExceeded) => {
            format!(
                "find out what took so long, raise the deadline that is named above where that is right, and try again: {}",
                retry()
            )
        }
        Some(Reason::NeedsOperator) => {
            format!("look at the database as said above, bring it in order, and then: {}", retry())
        }
        Some(Reason::Paused) => format!(
            "decide: sluice abort {name} -n {namespace} takes it for good, sluice rollback {name} -n {namespace} takes it back, \
             sluice retry {name} -n {namespace} verifies it again"
        ),
        Some(Reason::CheckFailed) => {
            format!(
                "take it back: sluice rollback {name} -n {namespace}; or keep it: sluice abort {name} -n {namespace}; or verify it again: {}",
                retry()
            )
        }
        Some(Reason::RolledBack) => {
            format!("find out why, and bring a new version; or try the same again: {}", retry())
        }
        Some(Reason::RollbackFailed | Reason::RollbackBlocked) => {
            format!("bring the database in order, or decide otherwise, as said above; to try again: {}", retry())
        }
        Some(Reason::TooManyFailures | Reason::Aborted) => format!("when you have looked: {}", retry()),
        Some(Reason::RehearsalFailed) => {
            format!("mend the script that is named above, or what stood in the rehearsal's way, and then: {}", retry())
        }
        Some(
            Reason::WayBackPresent
            | Reason::WayBackMissing
            | Reason::WayBackRehearsed
            | Reason::GatesOpen
            | Reason::Approved,
        ) => "nothing to do".to_owned(),
        None => format!("this program does not know the reason {}; use the operator's own version of it", ready.reason),
    }
}
