//! What the spec asks for and allows, as the plan room understands it.

use crate::migration::Version;

/// Where the database should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The newest version of the source.
    Latest,
    /// That version; older than the applied one means a way down.
    Version(Version),
}

/// What to do with versions older than the newest applied one that were never applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OutOfOrder {
    /// No plan.
    #[default]
    Refuse,
    /// Run them, in order.
    Run,
    /// Leave them out.
    Ignore,
}

/// What to do with applied versions that the source does not contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MissingPolicy {
    /// No plan.
    #[default]
    Refuse,
    /// Leave them as they are.
    Ignore,
}

/// What to do with a database that was not built by Sluice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Adoption {
    /// Record versions up to this one as applied without running them, once, when the ledger is empty.
    pub baseline: Option<Version>,
    /// Run on a database that holds objects but no ledger.
    pub allow_existing: bool,
}

/// What the spec allows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policy {
    /// Versions that came late.
    pub out_of_order: OutOfOrder,
    /// Versions that went missing.
    pub missing: MissingPolicy,
    /// A requested way down may run.
    pub allow_down: bool,
    /// Nothing goes up that could not come down again.
    pub require_down: bool,
    /// All steps in one transaction.
    pub one_transaction: bool,
    /// Databases that were not built by Sluice.
    pub adoption: Adoption,
}
