//! `transaction-control`: a script controls transactions itself.

use crate::migration::StatementClass;

use super::super::{About, Class, Found, Rule, Severity, Subject};

/// A script controls transactions itself.
pub struct TransactionControl;

static ABOUT: About = About {
    name: "transaction-control",
    class: Class::Rerun,
    severity: Severity::Warning,
    summary: "A script controls transactions itself",
    why: "Sluice puts a script and its line in the ledger into one transaction. What ends that, or prepares \
        it for later, can leave a script applied and not recorded; a prepared transaction holds its locks \
        until somebody ends it.",
    rewrite: "Leave transactions to Sluice: one script, one transaction, or `-- sluice:no-transaction` and one \
        statement at a time.",
    bad: "-- sluice:no-transaction\nBEGIN;\nUPDATE orders SET note = 'x' WHERE id = 1;\nCOMMIT;\n",
    good: "UPDATE orders SET note = 'x' WHERE id = 1;\n",
};

impl Rule for TransactionControl {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let words = judged.words();
            let by_class = match judged.statement.class {
                StatementClass::Begin | StatementClass::Commit | StatementClass::Rollback => true,
                StatementClass::Transactional | StatementClass::NonTransactional => false,
                // What CALL runs cannot be read here; a DO block says it.
                StatementClass::MayCommit => words.is(0, "DO"),
            };
            let tells = words.is_any(0, &["SAVEPOINT", "RELEASE"])
                || words.are(0, &["SET", "TRANSACTION"])
                || words.are(0, &["SET", "SESSION", "CHARACTERISTICS"]);
            let prepared = words.are(0, &["PREPARE", "TRANSACTION"])
                || (words.is_any(0, &["COMMIT", "ROLLBACK"]) && words.is(1, "PREPARED"));
            if by_class || tells || prepared {
                let message = if words.is(0, "DO") {
                    "the block ends transactions, which is for Sluice to do".to_owned()
                } else {
                    format!("{} is for Sluice to say", judged.effect.kind)
                };
                let finding = found.statement(judged, message);
                if prepared {
                    finding.severity = Severity::Error;
                }
            }
        }
    }
}
