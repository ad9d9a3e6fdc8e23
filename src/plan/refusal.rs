//! The precise reasons why there is no plan, each with what a person does next.

use crate::migration::{Checksum, Version};

/// Why no plan can be made. Nothing runs while one of these holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// An applied script's content is not what was applied.
    #[error(
        "version {version} ({file}) was changed after it was applied: the ledger has {recorded}, the source has {found}; \
         restore the applied content and put the change into a new version{hint}"
    )]
    ChecksumMismatch {
        /// The version whose script changed.
        version: Version,
        /// The file it stands in now.
        file: String,
        /// What the ledger has.
        recorded: Checksum,
        /// What the source has.
        found: Checksum,
        /// Who applied it: perhaps another object.
        hint: String,
    },
    /// Applied versions that the source does not have.
    #[error(
        "the database has version {} applied, which the source does not contain{hint}; restore the script, \
         or set spec.execution.missing: Ignore", list(.versions)
    )]
    MissingFromSource {
        /// The applied versions without a script.
        versions: Vec<Version>,
        /// Who applied them, where that is another object.
        hint: String,
    },
    /// Versions in the source that are older than the newest applied one and were never applied.
    #[error(
        "version {} is older than the newest applied version {newest} and was never applied; give it a newer version, \
         or set spec.execution.outOfOrder to Run or Ignore", list(.versions)
    )]
    OutOfOrder {
        /// The versions that came late.
        versions: Vec<Version>,
        /// The newest version in effect.
        newest: Version,
    },
    /// The target version is nowhere.
    #[error("target version {target} is neither in the source nor applied; the source has {available}")]
    UnknownTarget {
        /// The target.
        target: Version,
        /// `001 … 017` or `no versions`.
        available: String,
    },
    /// A way down was asked for and some version on it has no down script.
    #[error(
        "the way down from {from} to {to} is not there: version {} has no down script in the ledger{hint}; \
         nothing was run; write the reverse change as a new version instead", list(.versions)
    )]
    NoWayDown {
        /// The newest version in effect.
        from: Version,
        /// The target.
        to: String,
        /// The versions that cannot be reverted.
        versions: Vec<Version>,
        /// Why, where the source has a down script that is none.
        hint: String,
    },
    /// A way up was asked for that could not be taken back.
    #[error(
        "version {} has no down script, or says `-- Rollback Available: no`, and spec.rollback.require asks for a way back; nothing was \
         run; write its down script, or set spec.rollback.require: None", list(.versions)
    )]
    NoWayBack {
        /// The versions that could not be reverted.
        versions: Vec<Version>,
    },
    /// A way down was asked for and the spec forbids it.
    #[error(
        "target version {target} is older than the applied version {from}, and spec.rollback.mode is Disabled; \
         set it to Manual to run the down scripts"
    )]
    DownDisabled {
        /// The newest version in effect.
        from: Version,
        /// The target.
        target: Version,
    },
    /// The copied down script cannot be read.
    #[error("the ledger's down script of version {version} cannot be run: {problem}")]
    UnreadableDown {
        /// The version.
        version: Version,
        /// What is wrong with it.
        problem: String,
    },
    /// The database holds objects and no ledger.
    #[error(
        "the database holds {total} objects ({found}) but no ledger `{ledger_schema}`; if these are the work of earlier migrations, \
         set spec.adoption.baselineVersion to the version it is at; if they have nothing to do with these scripts, \
         set spec.adoption.allowExisting: true"
    )]
    NotEmpty {
        /// How many objects were found.
        total: usize,
        /// The first of them: `table public.users, table public.orders, …`.
        found: String,
        /// The ledger's schema.
        ledger_schema: String,
    },
    /// The baseline version is not in the source.
    #[error("spec.adoption.baselineVersion {version} is not in the source, which has {available}")]
    UnknownBaseline {
        /// The baseline asked for.
        version: Version,
        /// `001 … 017` or `no versions`.
        available: String,
    },
    /// A no-transaction script was interrupted or failed, and a statement that had taken effect was edited since.
    #[error(
        "version {version} was begun and statement {statement} of {file}, which has taken effect, was edited since; \
         restore that statement's text (later statements may change), or finish the version by hand"
    )]
    EditedAfterExecution {
        /// The version.
        version: Version,
        /// 1-based number of the edited statement.
        statement: u32,
        /// The file.
        file: String,
    },
    /// An unfinished no-transaction migration stands in the way of the asked direction.
    #[error("version {version} was begun {begun} and is not finished; finish it first: {cure}")]
    Unfinished {
        /// The version.
        version: Version,
        /// `up` or `down`.
        begun: &'static str,
        /// What to do.
        cure: String,
    },
    /// `execution.transaction: PerRun` and a script that cannot run in a transaction.
    #[error(
        "spec.execution.transaction is PerRun, but {file} cannot run in a transaction ({reason}); \
         use PerMigration, or bring that version up in a run of its own"
    )]
    NotTransactional {
        /// The file.
        file: String,
        /// Why not.
        reason: String,
    },
}

/// `001`, `001 and 002`, `001, 002 and 3 more`.
fn list(versions: &[Version]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<&str> = versions.iter().take(SHOWN).map(Version::as_str).collect();
    match versions.len() {
        0..=1 => shown.concat(),
        n if n <= SHOWN => {
            let (last, rest) = shown.split_last().unwrap_or((&"", &[]));
            format!("{} and {last}", rest.join(", "))
        }
        n => format!("{} and {} more", shown.join(", "), n - SHOWN),
    }
}
