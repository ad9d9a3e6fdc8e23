//! `sluice.dev/v1alpha1`.

mod approval;
mod conditions;
mod gates;
mod lint;
mod patterns;
mod policy;
mod preflight;
mod rehearsal;
mod spec;
mod status;
mod verification;

pub use approval::{ApprovalDecision, MigrationApproval, MigrationApprovalSpec};
pub use conditions::{ConditionType, Reason};
pub use gates::{
    ApprovalsSpec, AttestationRef, DependencySpec, GatesSpec, PromotionSource, PromotionSpec, WindowKind, WindowSpec,
};
pub use lint::LintSpec;
use patterns::{KEY, NAME, NAMESPACE, NOT_ZERO};
pub(crate) use patterns::{LABEL, LABEL_VALUE};
pub use policy::{
    ApprovalsByRisk, EndpointSpec, ForbiddenRole, FromRisk, MigrationPolicy, MigrationPolicySpec, PolicyDatabase,
    PolicyEndpoints, PolicyExecution, PolicyPromotion, PolicyRollback, PolicyTls, PolicyVerification, RequiredCheck,
};
pub use preflight::{FreeDiskFromSpec, FreeDiskQuerySpec, PreflightAction, PreflightSpec, SqlGateSpec};
pub use rehearsal::{RehearsalMode, RehearsalSpec};
pub use spec::{
    AdoptionSpec, CaKind, CaRef, ConfigMapRef, DatabaseMigration, DatabaseMigrationSpec, DatabaseSpec, ExecutionSpec,
    LayoutSpec, LocalRef, MissingSpec, ModeSpec, OutOfOrderSpec, SourceSpec, TransactionSpec, UndoMode, UndoSpec,
};
pub use status::{
    AppliedStatus, BlockerStatus, CheckStatus, DatabaseMigrationStatus, GateStatus, GatesStatus, HistoryEntry,
    PlanStatus, PolicyStatus, RehearsalStatus, RunStatus, SourceStatus, VerificationStatus,
};

pub use verification::{
    ApplyFailureSpec, BuiltinCheck, CheckMode, CheckSpec, CountMethod, DataLossSpec, HttpCheckSpec, InconclusiveSpec,
    LatencyCheckSpec, NoDataSpec, PrometheusCheckSpec, RequireSpec, RollbackMode, RollbackSpec, RowCountsCheckSpec,
    ServiceRef, SqlCheckSpec, StatementsCheckSpec, VerificationSpec, WorkloadCheckSpec, WorkloadKind,
};

/// The annotation whose change asks for another look now, as Flux and its command line use it.
pub const REQUESTED_AT: &str = "reconcile.fluxcd.io/requestedAt";
/// The annotation whose change asks for another try of what failed: any text that was not used before.
pub const RETRY: &str = "sluice.dev/retry";
/// The annotation that asks for a rollback of what was applied last: any text that was not used before, with `@VERSION` behind
/// it where it is to go further or less far.
pub const ROLLBACK: &str = "sluice.dev/rollback";
/// The annotation that ends a run at the next safe place, or a verification as it stands: any text that was not used before.
pub const ABORT: &str = "sluice.dev/abort";
/// The annotation that allows a rollback to destroy rows, where `spec.rollback.dataLoss` is `WithApproval`.
pub const ALLOW_DATA_LOSS: &str = "sluice.dev/allow-data-loss";
/// The annotation that says who changed the spec last: the shipped admission policy sees to it that it is the truth.
pub const AUTHOR: &str = "sluice.dev/author";
/// The annotation by which a DatabaseMigration lets those of other namespaces go after it: their names, separated by commas.
pub const PROMOTES_TO: &str = "sluice.dev/promotes-to";
/// The name under which Sluice owns fields in server-side apply.
pub const FIELD_MANAGER: &str = "sluice";
