//! `refresh-without-concurrently`: a materialized view is filled anew while readers wait.

use squawk_syntax::ast::{self, AstNode};

use super::super::{About, Class, Found, Rule, Severity, Subject};
use super::support::used;

/// A materialized view is filled anew while readers wait.
pub struct RefreshWithoutConcurrently;

static ABOUT: About = About {
    name: "refresh-without-concurrently",
    class: Class::BlockingLock,
    severity: Severity::Error,
    summary: "A materialized view is filled anew while readers wait",
    why: "REFRESH MATERIALIZED VIEW takes an AccessExclusiveLock for as long as the query behind it runs.",
    rewrite: "Give the view a unique index and refresh it CONCURRENTLY; only other refreshes wait then.",
    bad: "REFRESH MATERIALIZED VIEW sales_by_day;\n",
    good: "REFRESH MATERIALIZED VIEW CONCURRENTLY sales_by_day;\n",
};

impl Rule for RefreshWithoutConcurrently {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let Some(ast::Stmt::Refresh(refresh)) = &judged.syntax else { continue };
            let Some(view) = refresh.view_ref().filter(|_| refresh.concurrently_token().is_none()) else { continue };
            let Some(used) = used(subject, judged, view.syntax()) else { continue };
            let finding = found.statement(judged, format!("readers of {} wait until its query is done", used.name));
            finding.rewrite = Some(format!("REFRESH MATERIALIZED VIEW CONCURRENTLY {};", used.sql));
            used.weigh(finding);
        }
    }
}
