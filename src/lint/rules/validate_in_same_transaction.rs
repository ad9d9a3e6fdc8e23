//! `validate-in-same-transaction`: a constraint is added NOT VALID and validated in one transaction.

use squawk_syntax::ast::{self, AstNode};
use squawk_syntax::quote::quote_ident;

use super::super::syntax::{join, path};
use super::super::{About, Class, Found, Rule, Severity, Subject};
use super::support::{each_action, in_transaction, name};

/// A constraint is added NOT VALID and validated in one transaction.
pub struct ValidateInSameTransaction;

static ABOUT: About = About {
    name: "validate-in-same-transaction",
    class: Class::BlockingLock,
    severity: Severity::Warning,
    summary: "A constraint is added NOT VALID and validated in one transaction",
    why: "The strong lock of the ALTER TABLE is held until the commit, so everybody waits for the validation \
        after all.",
    rewrite: "Validate in the next migration.",
    bad: "ALTER TABLE orders ADD CONSTRAINT amount_positive CHECK (amount > 0) NOT VALID;\n\
        ALTER TABLE orders VALIDATE CONSTRAINT amount_positive;\n",
    good: "ALTER TABLE orders VALIDATE CONSTRAINT amount_positive;\n",
};

impl Rule for ValidateInSameTransaction {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        if !in_transaction(subject) {
            return;
        }
        let mut added: Vec<(String, String)> = Vec::new();
        each_action(subject, |judged, used, action| match action {
            ast::AlterTableAction::AddConstraint(add) => {
                let constraint = add.constraint().filter(ast::Constraint::is_not_valid);
                let given = constraint.and_then(|constraint| constraint.constraint_name());
                added.extend(given.map(|given| (used.name.clone(), name(Some(given)))));
            }
            ast::AlterTableAction::ValidateConstraint(validate) => {
                let written = validate.constraint_name_ref().map(|name| join(&path(name.syntax()))).unwrap_or_default();
                if added.contains(&(used.name.clone(), written.clone())) {
                    let message = format!("everybody waits until {written} of {} is validated", used.with_rows());
                    let finding = found.at(judged, validate.syntax().text_range(), message);
                    finding.rewrite = Some(format!(
                        "-- in the next migration\nALTER TABLE {} VALIDATE CONSTRAINT {};",
                        used.sql,
                        quote_ident(&written)
                    ));
                    used.weigh(finding);
                }
            }
            _ => {}
        });
    }
}
