//! `spec.gates`, validated once.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::api::v1alpha1::{
    ApprovalsByRisk, ApprovalsSpec, DependencySpec, GatesSpec, LintSpec, PromotionSpec, SqlGateSpec, WindowSpec,
};
use crate::attest::PublicKey;
use crate::checks::SqlGate;
use crate::lint::LintPolicy;
use crate::migration::{Risk, Version};

use super::Window;
use super::preflight::Requirements;

/// Who must agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalRule {
    /// How many different people, whatever the risk.
    pub required: usize,
    /// How many by risk: LOW, MEDIUM, HIGH, CRITICAL; where a higher one asks for fewer, the greater number holds.
    pub by_risk: [usize; 4],
    /// Of each of these at least one.
    pub groups: Vec<String>,
    /// Whoever changed the spec last does not count.
    pub exclude_author: bool,
    /// How long an approval counts.
    pub expires_after: Option<Duration>,
}

impl ApprovalRule {
    /// How many people a plan of that risk takes: never fewer than one of a lower risk.
    #[must_use]
    pub fn people(&self, risk: Risk) -> usize {
        let risks = [Risk::Low, Risk::Medium, Risk::High, Risk::Critical];
        let up_to = risks.into_iter().zip(self.by_risk).filter(|(of, _)| *of <= risk).map(|(_, people)| people);
        up_to.max().unwrap_or_default().max(self.required)
    }
}

/// What is asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Gates {
    /// How long a plan may wait.
    pub deadline: Option<Duration>,
    /// Who must agree.
    pub approvals: Option<ApprovalRule>,
    /// When runs may begin.
    pub windows: Vec<Window>,
    /// What the scripts must not do.
    pub lint: Option<LintPolicy>,
    /// What must hold in the database.
    pub preflight: Option<Requirements>,
    /// The team's own conditions.
    pub sql: Vec<SqlGate>,
    /// Others that must be Ready.
    pub depends_on: Vec<DependencySpec>,
    /// Where it must have been verified before.
    pub promotion: Option<PromotionSpec>,
}

impl Gates {
    /// Validates `spec.gates`.
    ///
    /// # Errors
    /// The first field that cannot be used, below `spec.gates`, and why.
    pub fn of(spec: Option<&GatesSpec>) -> Result<Self, (String, String)> {
        let Some(spec) = spec else { return Ok(Self::default()) };
        Ok(Self {
            deadline: some_time("deadline", spec.deadline.as_deref())?,
            approvals: spec.approvals.as_ref().map(approvals).transpose()?,
            windows: windows(spec.windows.as_deref().unwrap_or_default())?,
            lint: spec.lint.as_ref().map(lint).transpose()?,
            preflight: spec.preflight.as_ref().map(Requirements::of).transpose()?,
            sql: spec.sql.as_deref().map_or(Ok(Vec::new()), conditions)?,
            depends_on: spec.depends_on.as_deref().map_or(Ok(Vec::new()), dependencies)?,
            promotion: spec.promotion.as_ref().map(promotion).transpose()?,
        })
    }
}

fn approvals(spec: &ApprovalsSpec) -> Result<ApprovalRule, (String, String)> {
    let number = |number: Option<i64>, otherwise: usize| match number {
        None => Ok(otherwise),
        Some(number) => usize::try_from(number)
            .map_err(|_| ("approvals.required".to_owned(), format!("{number} is not a number of people"))),
    };
    let by_risk = match &spec.by_risk {
        None => [0; 4],
        Some(ApprovalsByRisk { low, medium, high, critical }) => {
            [number(*low, 0)?, number(*medium, 0)?, number(*high, 0)?, number(*critical, 0)?]
        }
    };
    Ok(ApprovalRule {
        // A matrix alone says all there is to say.
        required: number(spec.required, usize::from(spec.by_risk.is_none()))?,
        by_risk,
        groups: once(spec.groups.as_deref().unwrap_or_default()),
        exclude_author: spec.exclude_author.unwrap_or(false),
        expires_after: some_time("approvals.expiresAfter", spec.expires_after.as_deref())?,
    })
}

/// Each name once, in the order in which they stand there.
fn once(names: &[String]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    names.iter().filter(|name| seen.insert(*name)).cloned().collect()
}

fn lint(spec: &LintSpec) -> Result<LintPolicy, (String, String)> {
    let list = |list: &Option<Vec<String>>| list.clone().unwrap_or_default();
    let policy = LintPolicy::parse(&list(&spec.deny), &list(&spec.warn), &list(&spec.allow))
        .map_err(|error| (format!("lint.{}", error.list), error.to_string()))?;
    Ok(LintPolicy { forbid_ignore: spec.forbid_ignore.unwrap_or(false), ..policy })
}

fn conditions(specs: &[SqlGateSpec]) -> Result<Vec<SqlGate>, (String, String)> {
    let one = |spec: &SqlGateSpec| {
        SqlGate::of(spec).map_err(|error| (format!("sql.{}.{}", spec.name, error.field), error.problem))
    };
    specs.iter().map(one).collect()
}

fn windows(specs: &[WindowSpec]) -> Result<Vec<Window>, (String, String)> {
    let window = |(index, spec)| Window::of(spec).map_err(|(field, why)| (format!("windows[{index}].{field}"), why));
    specs.iter().enumerate().map(window).collect()
}

fn dependencies(specs: &[DependencySpec]) -> Result<Vec<DependencySpec>, (String, String)> {
    for (index, spec) in specs.iter().enumerate() {
        if let Some(Err(error)) = spec.version.as_deref().map(Version::parse) {
            return Err((format!("dependsOn[{index}].version"), error.to_string()));
        }
    }
    Ok(specs.to_vec())
}

fn promotion(spec: &PromotionSpec) -> Result<PromotionSpec, (String, String)> {
    if spec.from.is_some() == spec.attestation.is_some() {
        return Err(("promotion".to_owned(), "give exactly one of from and attestation".to_owned()));
    }
    duration("promotion.minSoak", spec.min_soak.as_deref())?;
    if let Some(signed) = &spec.attestation {
        some_time("promotion.attestation.maxAge", signed.max_age.as_deref())?;
        if let Some(index) = signed.public_keys.iter().position(|key| PublicKey::parse(key).is_none()) {
            return Err((format!("promotion.attestation.publicKeys[{index}]"), NO_KEY.to_owned()));
        }
    }
    Ok(spec.clone())
}

/// What is said of a text that is no public key.
pub(crate) const NO_KEY: &str =
    "it is not an Ed25519 public key in base64; write it as `sluice attest keygen` printed it";

/// A time after which something is over: with none at all it never began.
fn some_time(field: &str, text: Option<&str>) -> Result<Option<Duration>, (String, String)> {
    let time = duration(field, text)?;
    if time.is_some_and(|time| time.is_zero()) {
        return Err((
            field.to_owned(),
            "no time at all is too short for anything; write one such as 24h, or leave it out".to_owned(),
        ));
    }
    Ok(time)
}

pub(super) fn duration(field: &str, text: Option<&str>) -> Result<Option<Duration>, (String, String)> {
    text.map(|text| crate::duration::parse(text).map_err(|error| (field.to_owned(), error.to_string()))).transpose()
}
