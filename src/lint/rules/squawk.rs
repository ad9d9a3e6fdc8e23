//! Rules that squawk has and that are as good for us: an adapter, and what each of them says about itself.
//!
//! Squawk looks at the text alone, so none of these is about a lock: what others may be using, and how large it is, is known here
//! and not there.

use std::ops::Range;

use squawk_linter::{Linter, Rule as SquawkRule};
use squawk_syntax::SourceFile;
use squawk_syntax::ast::{self, AstNode};

use crate::migration::TransactionMode;

use super::super::{About, Class, Found, Judged, Rule, Severity, Subject};

/// One of squawk's rules.
pub struct Adapted {
    about: About,
    rule: SquawkRule,
    /// Without one of these words in it, a statement need not be looked at.
    words: &'static [&'static str],
    /// What is there.
    message: &'static str,
    /// Whether it is about scripts that run without a transaction alone.
    only_alone: bool,
}

/// A domain's constraint is checked in every table.
pub static DOMAIN_CONSTRAINT: Adapted = Adapted {
    about: About {
        name: "domain-constraint",
        class: Class::TableScan,
        severity: Severity::Error,
        summary: "A constraint is added to a domain",
        why: "Every table with a column of the domain is read from end to end, under a lock that its writers wait for.",
        rewrite: "ALTER DOMAIN … ADD CONSTRAINT … CHECK (…) NOT VALID; and ALTER DOMAIN … VALIDATE CONSTRAINT … in the next \
                  migration; or a CHECK on the columns.",
        bad: "ALTER DOMAIN amount ADD CONSTRAINT amount_positive CHECK (VALUE > 0);\n",
        good: "CREATE DOMAIN price AS numeric;\n",
    },
    rule: SquawkRule::BanAlterDomainWithAddConstraint,
    words: &["DOMAIN"],
    message: "every table with a column of this domain is read from end to end",
    only_alone: false,
};

/// The same moment is another one in another time zone.
pub static TIMESTAMP_WITHOUT_TIME_ZONE: Adapted = Adapted {
    about: About {
        name: "timestamp-without-time-zone",
        class: Class::Environment,
        severity: Severity::Note,
        summary: "A column holds times without a time zone",
        why: "The same row means another moment for a session with another time zone.",
        rewrite: "Use timestamptz: it needs no more room, and every session reads the same moment.",
        bad: "CREATE TABLE archive (id bigint PRIMARY KEY, at timestamp);\n",
        good: "CREATE TABLE archive (id bigint PRIMARY KEY, at timestamptz);\n",
    },
    rule: SquawkRule::PreferTimestampTz,
    words: &["TIMESTAMP"],
    message: "this time has no time zone",
    only_alone: false,
};

/// A second run would fail.
pub static MISSING_IF_EXISTS: Adapted = Adapted {
    about: About {
        name: "missing-if-exists",
        class: Class::Rerun,
        severity: Severity::Note,
        summary: "A script without a transaction would fail when it is run again",
        why: "Statements before the one that failed have happened. Sluice goes on behind them; any other tool, and a person with \
              psql, begins at the top and fails at this one.",
        rewrite: "IF NOT EXISTS, IF EXISTS or OR REPLACE; for a constraint DROP CONSTRAINT IF EXISTS before ADD CONSTRAINT, in \
                  one ALTER TABLE.",
        bad: "-- sluice:no-transaction\nCREATE TABLE archive (id bigint PRIMARY KEY);\nVACUUM orders;\n",
        good: "-- sluice:no-transaction\nCREATE TABLE IF NOT EXISTS archive (id bigint PRIMARY KEY);\nVACUUM orders;\n",
    },
    rule: SquawkRule::PreferRobustStmts,
    words: &["CREATE", "DROP", "ALTER"],
    message: "this fails when the script is run again",
    only_alone: true,
};

/// The server cuts the name off.
pub static NAME_TOO_LONG: Adapted = Adapted {
    about: About {
        name: "name-too-long",
        class: Class::Rerun,
        severity: Severity::Warning,
        summary: "A name is longer than the server keeps",
        why: "The server cuts names off at 63 bytes without an error: the object has another name than the script says, and two \
              long names can become one.",
        rewrite: "Choose a name of at most 63 bytes.",
        bad: "CREATE TABLE archive_of_all_orders_that_were_ever_placed_and_paid_by_customers_abroad (id bigint PRIMARY KEY);\n",
        good: "CREATE TABLE archive (id bigint PRIMARY KEY);\n",
    },
    rule: SquawkRule::IdentifierTooLong,
    words: &[],
    message: "the server cuts this name off at 63 bytes",
    only_alone: false,
};

/// What the server cuts names off at.
const NAME: usize = 63;

impl Rule for Adapted {
    fn about(&self) -> &'static About {
        // Each is one of the statics above.
        let all = [&DOMAIN_CONSTRAINT, &TIMESTAMP_WITHOUT_TIME_ZONE, &MISSING_IF_EXISTS, &NAME_TOO_LONG];
        all.into_iter().find(|one| one.rule == self.rule).map_or(&NAME_TOO_LONG.about, |one| &one.about)
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        let alone = subject.script.mode != TransactionMode::Transactional;
        // With one statement there is nothing before it that has happened.
        if self.only_alone && !(alone && subject.statements.len() > 1) {
            return;
        }
        for judged in subject.statements.iter().filter(|judged| judged.syntax.is_some() && self.concerns(judged)) {
            let parsed = SourceFile::parse(&judged.statement.text);
            let mut linter = Linter::from([self.rule]);
            for violation in linter.lint(&parsed, &judged.statement.text) {
                let range: Range<usize> = violation.text_range.into();
                if self.only_alone && can_be_repeated(judged, range.start) {
                    continue;
                }
                found.at(judged, range, self.message);
            }
        }
    }
}

impl Adapted {
    /// Whether a statement may be one that the rule is about.
    fn concerns(&self, judged: &Judged<'_>) -> bool {
        let words = judged.words();
        // Sluice finds out itself what an interrupted one left behind; IF NOT EXISTS would take an invalid index for a good one.
        if self.only_alone && words.iter().any(|(at, _)| words.is(at, "CONCURRENTLY")) {
            return false;
        }
        if self.words.is_empty() {
            return words.iter().any(|(_, word)| word.text.len() > NAME);
        }
        words.iter().any(|(at, _)| words.is_any(at, self.words))
    }
}

/// Whether what an `ALTER TABLE` does at a byte can be done twice: what is set to a value, validated or switched.
fn can_be_repeated(judged: &Judged<'_>, at: usize) -> bool {
    use ast::AlterTableAction as Action;
    let Some(ast::Stmt::AlterTable(alter)) = &judged.syntax else { return false };
    let here = |action: &Action| {
        let range: Range<usize> = action.syntax().text_range().into();
        range.contains(&at)
    };
    match alter.actions().find(here) {
        Some(Action::AlterColumn(alter)) => !matches!(
            alter.option(),
            Some(
                ast::AlterColumnOption::AddGenerated(_)
                    | ast::AlterColumnOption::DropIdentity(_)
                    | ast::AlterColumnOption::DropExpression(_)
            )
        ),
        Some(
            Action::ValidateConstraint(_)
            | Action::SetOptions(_)
            | Action::ResetOptions(_)
            | Action::OwnerTo(_)
            | Action::EnableTrigger(_)
            | Action::DisableTrigger(_)
            | Action::EnableRls(_)
            | Action::DisableRls(_)
            | Action::ForceRls(_)
            | Action::NoForceRls(_),
        ) => true,
        Some(_) | None => false,
    }
}
