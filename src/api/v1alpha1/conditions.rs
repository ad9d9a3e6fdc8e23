//! Condition types and reasons: stable words that people alert on and the reference page is generated from.

macro_rules! words {
    ($(#[$outer:meta])* $name:ident { $($(#[doc = $doc:literal])+ $variant:ident,)+ }) => {
        $(#[$outer])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl $name {
            /// All of them, in the order of the reference page.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word as it stands in a condition.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant),)+ }
            }

            /// What it means, for the reference page.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc,)+).trim_ascii(),)+ }
            }

            /// The value with that word.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == word)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// The types of conditions.
    ConditionType {
        /// The summary: the database is where the spec wants it.
        Ready,
        /// Sluice is at work, or waits to be. Exists only while true.
        Reconciling,
        /// Sluice will not get further until somebody changes something. Exists only while true.
        Stalled,
        /// There is a plan, or nothing to plan. False with the reason why there is none.
        Planned,
        /// Everything that the spec asks for is in effect in the database.
        Applied,
        /// What was applied last was judged: True when every check that decides passed, False when one failed, Unknown while nobody
        /// can tell.
        Verified,
        /// Whether what is applied, or is about to be, could be taken back: False with what is missing.
        RollbackReady,
        /// The version that the spec asks for was taken back. Exists only while true.
        RolledBack,
        /// Every gate of the plan is open. Only of a plan that has gates.
        GatesPassed,
        /// The people who must agree to the plan do. Only of a plan that needs them.
        Approved,
        /// `spec.suspend` is set. Exists only while true.
        Suspended,
    }
}

words! {
    /// The reasons of conditions, also used as reasons of events.
    Reason {
        /// The database is where the spec wants it.
        UpToDate,
        /// A plan is being made, or was made.
        Planning,
        /// SQL is about to run or running.
        Applying,
        /// Another run holds the migration lock of this database, or a place to run in is not free yet.
        AwaitingLock,
        /// A table lock was not to be had in time; Sluice tries again and names who holds it.
        RetryingLock,
        /// The connection broke while a COMMIT was under way; Sluice finds out what the database holds.
        Resolving,
        /// The way up, back and up again is tried on a copy of the schema.
        Rehearsing,
        /// What was applied is being judged by the checks of `spec.verification`.
        Verifying,
        /// The checks came to no result, and `spec.rollback.onInconclusive` is `Pause`: a person decides.
        Paused,
        /// A migration is being taken back.
        RollingBack,
        /// A gate is closed; the message says which, and what would open it.
        GatesPending,
        /// People have to agree to the plan.
        AwaitingApproval,
        /// No run may begin at this time.
        AwaitingWindow,
        /// Another DatabaseMigration has to be somewhere first.
        DependencyNotReady,
        /// Every gate is open.
        GatesOpen,
        /// Everybody who must agree does.
        Approved,
        /// `spec.mode` is `Plan`: the plan is shown, and nothing is run.
        PlanOnly,
        /// A gate says that the plan must not run like this. Nothing was run.
        GateFailed,
        /// Somebody who was asked said no to the plan.
        ApprovalDenied,
        /// What a MigrationPolicy asks for cannot be had with this spec, the policy itself is in error, or a check names an address that
        /// nobody declared. Nothing is run.
        PolicyViolation,
        /// `spec.suspend` is set while there is something to do.
        Suspended,
        /// A field of the spec has a value that cannot be used.
        InvalidSpec,
        /// A Secret, ConfigMap or key that the spec names does not exist or cannot be read.
        SourceNotReady,
        /// The scripts contradict each other or cannot be run as they are written.
        InvalidSource,
        /// The database cannot be reached or does not accept the login. Retried for ever.
        DatabaseUnreachable,
        /// The database must not or cannot be migrated as it is: a standby, read-only, behind a transaction pooler, too old, a
        /// role without the privileges that the ledger takes.
        DatabaseUnsuitable,
        /// There is no way from the ledger's version to the target version.
        PlanFailed,
        /// A script was changed after it was applied.
        ChecksumMismatch,
        /// The database holds objects but no ledger, and the spec does not say what they are.
        NotEmpty,
        /// A script failed. What it left behind is said in the message: nothing, for a transactional one.
        ApplyFailed,
        /// Only a person can tell what the database holds; the message says what to look at.
        NeedsOperator,
        /// A statement, a lock or the run took longer than the spec allows.
        DeadlineExceeded,
        /// The way up or back does not work on a copy of the schema, or could not be tried where the spec requires it. Nothing was run.
        RehearsalFailed,
        /// A check failed, and nothing is taken back by itself.
        CheckFailed,
        /// What the spec asks for was applied, did not hold and was taken back. It is not tried again before something changes.
        RolledBack,
        /// A rollback failed half way: the message says where the database is, and what a person does next.
        RollbackFailed,
        /// A rollback would destroy rows, or there is no way back: nothing was touched.
        RollbackBlocked,
        /// So many runs failed within an hour that nothing is tried any more until a person asks for it.
        TooManyFailures,
        /// The way back was tried on a copy of the schema and leads to where it began.
        WayBackRehearsed,
        /// Every migration concerned has a down script.
        WayBackPresent,
        /// A migration has no down script.
        WayBackMissing,
        /// The run ended early because a person asked for it.
        Aborted,
        /// The run ended early for a reason that passes (connection lost, shutdown) and starts again.
        Interrupted,
    }
}
