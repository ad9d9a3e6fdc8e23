//! Who must agree: the most people, every group, the shortest time.

use std::time::Duration;

use crate::api::v1alpha1::{ApprovalsByRisk, ApprovalsSpec, MigrationPolicySpec};

use super::fault::{Problem, length};
use super::notes::{Demands, Notes, readable};

const FIELD: &str = "spec.gates.approvals";
const RISKS: [&str; 4] = ["LOW", "MEDIUM", "HIGH", "CRITICAL"];
/// More people than any house has to ask.
const MOST: i64 = 20;

/// What one policy asks for: of its `gates.approvals` and its `approvalsByRisk` together.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct ApprovalsDemand {
    required: i64,
    by_risk: [i64; 4],
    groups: Vec<String>,
    exclude_author: bool,
    expires_after: Option<Duration>,
}

impl ApprovalsDemand {
    /// Validates both; `None` where the policy holds neither.
    pub(super) fn of(spec: &MigrationPolicySpec) -> Result<Option<Self>, Problem> {
        let approvals = spec.gates.as_ref().and_then(|gates| gates.approvals.as_ref());
        if approvals.is_none() && spec.approvals_by_risk.is_none() {
            return Ok(None);
        }
        let matrices = [
            ("gates.approvals.byRisk", approvals.and_then(|approvals| approvals.by_risk.as_ref())),
            ("approvalsByRisk", spec.approvals_by_risk.as_ref()),
        ];
        let mut by_risk = [0; 4];
        for (field, matrix) in matrices {
            for ((most, number), risk) in by_risk.iter_mut().zip(numbers(matrix)).zip(RISKS) {
                *most = people(&format!("{field}.{risk}"), number)?.max(*most);
            }
        }
        let own = approvals.cloned().unwrap_or_else(nobody);
        Ok(Some(Self {
            required: people("gates.approvals.required", required(&own))?,
            by_risk,
            groups: own.groups.unwrap_or_default(),
            exclude_author: own.exclude_author.unwrap_or(false),
            expires_after: length("gates.approvals.expiresAfter", own.expires_after.as_deref())?,
        }))
    }
}

fn people(field: &str, number: i64) -> Result<i64, Problem> {
    if (0..=MOST).contains(&number) {
        Ok(number)
    } else {
        Err(Problem::at(field, format!("{number} people cannot be asked; give at most {MOST}")))
    }
}

fn nobody() -> ApprovalsSpec {
    ApprovalsSpec { required: Some(0), ..ApprovalsSpec::default() }
}

/// How many people, whatever the risk: one, where there is no matrix either.
fn required(spec: &ApprovalsSpec) -> i64 {
    spec.required.unwrap_or_else(|| i64::from(spec.by_risk.is_none()))
}

fn numbers(matrix: Option<&ApprovalsByRisk>) -> [i64; 4] {
    let number = |of: fn(&ApprovalsByRisk) -> Option<i64>| matrix.and_then(of).unwrap_or(0);
    [number(|risk| risk.low), number(|risk| risk.medium), number(|risk| risk.high), number(|risk| risk.critical)]
}

/// What the object asks for, raised.
pub(super) fn raise(object: &mut Option<ApprovalsSpec>, demands: &Demands<'_, &ApprovalsDemand>, notes: &mut Notes) {
    let before = object.clone().unwrap_or_else(nobody);
    let mut after = before.clone();

    let field = format!("{FIELD}.required");
    let everybody = of(demands, |demand| demand.required);
    let people = notes.at_least(&field, &required(&before), &everybody, ToString::to_string);
    after.required = people.or(before.required);

    let floor = required(&after);
    let mut matrix = numbers(before.by_risk.as_ref());
    let mut raised = false;
    for (number, risk) in RISKS.into_iter().enumerate() {
        let Some(mine) = matrix.get_mut(number) else { continue };
        let demands = of(demands, |demand| demand.by_risk.get(number).copied().unwrap_or_default());
        let field = format!("{FIELD}.byRisk.{risk}");
        if let Some(people) = notes.at_least(&field, &floor.max(*mine), &demands, ToString::to_string) {
            *mine = people;
            raised = true;
        }
    }
    if raised {
        // With a matrix, what is not said counts as nobody.
        after.required = Some(floor);
        let [low, medium, high, critical] = matrix.map(|people| (people > 0).then_some(people));
        after.by_risk = Some(ApprovalsByRisk { low, medium, high, critical });
    }

    let groups = demands.iter().map(|(policy, demand)| (*policy, demand.groups.as_slice())).collect();
    if let Some(groups) = notes.together(&format!("{FIELD}.groups"), before.groups.as_ref(), &groups) {
        after.groups = Some(groups);
    }
    let field = format!("{FIELD}.excludeAuthor");
    if let Some(exclude) = notes.either(&field, before.exclude_author, &of(demands, |demand| demand.exclude_author)) {
        after.exclude_author = Some(exclude);
    }
    if let Some(mine) = readable(before.expires_after.as_deref(), None) {
        let shortest = demands.iter().filter_map(|(policy, demand)| Some((*policy, demand.expires_after?))).collect();
        if let Some(time) = notes.at_most(&format!("{FIELD}.expiresAfter"), mine, &shortest) {
            after.expires_after = Some(time);
        }
    }
    if after != before {
        *object = Some(after);
    }
}

fn of<'a, T>(demands: &Demands<'a, &ApprovalsDemand>, value: impl Fn(&ApprovalsDemand) -> T) -> Demands<'a, T> {
    demands.iter().map(|(policy, demand)| (*policy, value(demand))).collect()
}
