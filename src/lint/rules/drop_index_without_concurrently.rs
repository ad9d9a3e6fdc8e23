//! `drop-index-without-concurrently`: an index is dropped while readers and writers wait.

use squawk_syntax::ast::{self, AstNode};

use super::super::{About, Class, Found, Rule, Severity, Subject};
use super::support::used;

/// An index is dropped while readers and writers wait.
pub struct DropIndexWithoutConcurrently;

static ABOUT: About = About {
    name: "drop-index-without-concurrently",
    class: Class::BlockingLock,
    severity: Severity::Warning,
    summary: "An index is dropped while readers and writers wait",
    why: "DROP INDEX takes an AccessExclusiveLock on the table: it waits for every running query, and every \
        later query waits behind it.",
    rewrite: "DROP INDEX CONCURRENTLY, in a script of its own.",
    bad: "DROP INDEX orders_by_day;\n",
    good: "DROP INDEX CONCURRENTLY orders_by_day;\n",
};

impl Rule for DropIndexWithoutConcurrently {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let Some(ast::Stmt::DropIndex(drop)) = &judged.syntax else { continue };
            if drop.concurrently_token().is_some() || judged.effect.touches.iter().any(|touch| touch.new) {
                continue;
            }
            for index in drop.index_refs() {
                let Some(used) = used(subject, judged, index.syntax()) else { continue };
                let message = format!("readers and writers of the table wait for index {} to be dropped", used.name);
                let finding = found.at(judged, index.syntax().text_range(), message);
                finding.rewrite = Some(format!("-- in a script of its own\nDROP INDEX CONCURRENTLY {};", used.name));
                used.weigh(finding);
            }
        }
    }
}
