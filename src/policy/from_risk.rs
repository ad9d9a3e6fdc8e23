//! `spec.fromRisk`: from which risk on a policy holds, and what such a policy may ask for: only what is judged together with the gates,
//! when the risk of the plan is known.

use crate::api::v1alpha1::{ApprovalsByRisk, FromRisk, MigrationPolicySpec, PolicyRollback};
use crate::migration::Risk;

use super::fault::Problem;

/// From which risk on.
///
/// # Errors
/// The first field that could not wait for the plan's risk, or would hold for no plan.
pub(super) fn of(spec: &MigrationPolicySpec) -> Result<Risk, Problem> {
    let Some(from) = spec.from_risk else { return Ok(Risk::Low) };
    let risk = match from {
        FromRisk::Medium => Risk::Medium,
        FromRisk::High => Risk::High,
        FromRisk::Critical => Risk::Critical,
    };
    // Every field by its name: the compiler asks about a new one.
    let MigrationPolicySpec {
        namespace_selector: _,
        selector: _,
        from_risk: _,
        gates,
        approvals_by_risk,
        promotion: _,
        verification,
        rollback,
        database,
        execution,
        endpoints,
        hide_sql,
    } = spec;
    let automatic = match rollback {
        Some(PolicyRollback { require: _, automatic }) => automatic.is_some(),
        None => false,
    };
    let whatever_the_risk = [
        ("verification", verification.is_some()),
        ("rollback.automatic", automatic),
        ("database", database.is_some()),
        ("execution", execution.is_some()),
        ("endpoints", endpoints.is_some()),
        ("hideSql", hide_sql.is_some()),
    ];
    if let Some((field, _)) = whatever_the_risk.iter().find(|(_, there)| *there) {
        let problem = "is not judged together with the gates of a plan, so it cannot hold from a risk on; move it to a MigrationPolicy \
                       without fromRisk";
        return Err(Problem::at(field, problem));
    }
    let by_risk = gates.as_ref().and_then(|gates| gates.approvals.as_ref()).and_then(|own| own.by_risk.as_ref());
    nobody_below("gates.approvals.byRisk", by_risk, risk)?;
    nobody_below("approvalsByRisk", approvals_by_risk.as_ref(), risk)?;
    Ok(risk)
}

/// A number for a lower risk would hold for no plan.
fn nobody_below(field: &str, matrix: Option<&ApprovalsByRisk>, from: Risk) -> Result<(), Problem> {
    let Some(ApprovalsByRisk { low, medium, high, critical }) = matrix else { return Ok(()) };
    let numbers =
        [(Risk::Low, low), (Risk::Medium, medium), (Risk::High, high), (Risk::Critical, critical)].into_iter();
    match numbers.filter(|(_, number)| number.is_some()).map(|(risk, _)| risk).find(|risk| *risk < from) {
        Some(risk) => Err(Problem::at(
            &format!("{field}.{}", risk.as_str()),
            format!(
                "no plan of that risk comes under a policy with fromRisk: {}; move it to a MigrationPolicy without fromRisk",
                from.as_str()
            ),
        )),
        None => Ok(()),
    }
}
