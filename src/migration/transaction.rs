//! Decides whether a script runs in one transaction, and refuses transaction control that would break that.

use super::problem::Findings;
use super::sql::{Effect, Position};
use super::{StatementClass, TransactionMode};

/// How a script is marked when it must not run in a transaction.
const MARK: &str = "-- sluice:no-transaction";

/// A statement on its way into a [`super::Script`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Draft<'a> {
    pub(super) text: &'a str,
    /// In the file, not in the section of it that is read.
    pub(super) at: Position,
    pub(super) effect: Effect,
}

impl Draft<'_> {
    pub(super) fn class(&self) -> StatementClass {
        match self.effect {
            Effect::None | Effect::Prepare | Effect::CopyToStdout => StatementClass::Transactional,
            Effect::Refused(_) => StatementClass::NonTransactional,
            Effect::Call | Effect::Commits => StatementClass::MayCommit,
            Effect::Begin { .. } => StatementClass::Begin,
            Effect::Commit { .. } => StatementClass::Commit,
            Effect::Rollback { .. } => StatementClass::Rollback,
        }
    }

    /// What people call it, where it controls transactions.
    fn controls(&self) -> Option<&'static str> {
        match self.effect {
            Effect::Begin { .. } => Some("BEGIN"),
            Effect::Commit { .. } => Some("COMMIT"),
            Effect::Rollback { .. } => Some("ROLLBACK"),
            Effect::None
            | Effect::Refused(_)
            | Effect::Call
            | Effect::Commits
            | Effect::Prepare
            | Effect::CopyToStdout => None,
        }
    }

    /// What the server refuses in a transaction block.
    fn refused(&self) -> Option<&'static str> {
        match self.effect {
            Effect::Refused(what) => Some(what),
            Effect::Commits => Some("DO with COMMIT or ROLLBACK in its body"),
            Effect::None
            | Effect::Call
            | Effect::Begin { .. }
            | Effect::Commit { .. }
            | Effect::Rollback { .. }
            | Effect::Prepare
            | Effect::CopyToStdout => None,
        }
    }
}

/// The mode of a script; takes a wrapping `BEGIN; … COMMIT;` off its statements.
pub(super) fn decide(drafts: &mut Vec<Draft<'_>>, marked: bool, findings: &mut Findings<'_>) -> TransactionMode {
    refuse_everywhere(drafts, findings);
    if !marked && is_wrapped(drafts) {
        unwrap(drafts, findings);
        return TransactionMode::Transactional;
    }
    if !marked && first_refused(drafts).is_none() {
        refuse_control(drafts, findings);
        return TransactionMode::Transactional;
    }
    check_groups(drafts, findings);
    let reason = first_refused(drafts).filter(|_| !marked).unwrap_or_else(|| "marked no-transaction".to_owned());
    TransactionMode::NonTransactional { reason }
}

/// What neither mode can run.
fn refuse_everywhere(drafts: &[Draft<'_>], findings: &mut Findings<'_>) {
    for draft in drafts {
        let line = Some(draft.at.line);
        match draft.effect {
            Effect::Prepare => findings.add(
                line,
                "PREPARE TRANSACTION leaves a transaction behind that outlives the migration",
                "commit it in this script",
            ),
            Effect::Commit { chain: true } | Effect::Rollback { chain: true } => {
                findings.add(line, "AND CHAIN opens a transaction without a BEGIN", "write COMMIT and BEGIN instead");
            }
            Effect::CopyToStdout => {
                findings.add(line, "COPY … TO STDOUT has nobody to send its rows to", "remove it");
            }
            Effect::None
            | Effect::Refused(_)
            | Effect::Call
            | Effect::Commits
            | Effect::Begin { .. }
            | Effect::Commit { chain: false }
            | Effect::Rollback { chain: false } => {}
        }
    }
}

/// Whether the script is one `BEGIN; … COMMIT;` as a whole.
fn is_wrapped(drafts: &[Draft<'_>]) -> bool {
    let [first, inner @ .., last] = drafts else { return false };
    matches!(first.effect, Effect::Begin { .. })
        && matches!(last.effect, Effect::Commit { chain: false })
        && inner.iter().all(|draft| {
            !matches!(draft.effect, Effect::Begin { .. } | Effect::Commit { .. } | Effect::Rollback { .. })
        })
}

fn unwrap(drafts: &mut Vec<Draft<'_>>, findings: &mut Findings<'_>) {
    for draft in drafts.iter() {
        if let Effect::Begin { options: true } = draft.effect {
            findings.add(
                Some(draft.at.line),
                "this BEGIN asks for more than the defaults, but Sluice runs the script in a transaction of its own, \
                 in which it also records the migration",
                format!("write a plain BEGIN, or mark the script `{MARK}`"),
            );
        }
        refuse_in_block(draft, findings);
    }
    drafts.remove(0);
    drafts.pop();
}

fn refuse_in_block(draft: &Draft<'_>, findings: &mut Findings<'_>) {
    if let Some(what) = draft.refused() {
        findings.add(
            Some(draft.at.line),
            format!("PostgreSQL refuses {what} between BEGIN and COMMIT"),
            "move it out of the block, or remove BEGIN and COMMIT",
        );
    }
}

fn first_refused(drafts: &[Draft<'_>]) -> Option<String> {
    (1..).zip(drafts).find_map(|(number, draft): (u32, _)| Some(format!("statement {number} is {}", draft.refused()?)))
}

/// In a script without a transaction, blocks are allowed; each must be opened and closed. A COMMIT or ROLLBACK outside
/// of one does nothing, at which the server only shrugs: it is taken out.
fn check_groups(drafts: &mut Vec<Draft<'_>>, findings: &mut Findings<'_>) {
    let mut open: Option<u32> = None;
    drafts.retain(|draft| {
        let line = draft.at.line;
        match draft.effect {
            Effect::Begin { .. } => {
                if let Some(outer) = open.replace(line) {
                    let what = format!("BEGIN inside of the block that line {outer} opened");
                    findings.add(Some(line), what, "close that block first, or remove this BEGIN");
                }
                true
            }
            Effect::Commit { .. } | Effect::Rollback { .. } => open.take().is_some(),
            Effect::Refused(_) | Effect::Commits => {
                if open.is_some() {
                    refuse_in_block(draft, findings);
                }
                true
            }
            Effect::None | Effect::Call | Effect::Prepare | Effect::CopyToStdout => true,
        }
    });
    if let Some(line) = open {
        findings.add(Some(line), "BEGIN without a COMMIT after it", "add the COMMIT, or remove the BEGIN");
    }
}

/// In a transactional script, control of transactions would end the one that the ledger row commits in. The first is
/// told: one cure mends all.
fn refuse_control(drafts: &[Draft<'_>], findings: &mut Findings<'_>) {
    let found = drafts.iter().find_map(|draft| Some((draft, draft.controls()?)));
    if let Some((draft, what)) = found {
        findings.add(
            Some(draft.at.line),
            format!("{what} in a script that Sluice runs in one transaction"),
            format!("remove it, wrap the script as a whole in BEGIN and COMMIT, or mark it `{MARK}`"),
        );
    }
}
