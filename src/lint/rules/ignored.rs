//! What is wrong with `-- sluice:ignore` comments.

use crate::lint::{About, Class, Found, Rule, Severity, Subject};

/// The comment names what is no rule.
pub static UNKNOWN_RULE: About = About {
    name: "ignore-unknown-rule",
    class: Class::Opaque,
    severity: Severity::Warning,
    summary: "A `sluice:ignore` comment names no rule that exists",
    why: "The comment silences nothing, and its author believes that it does.",
    rewrite: "Name the rule as it stands behind the finding: `-- sluice:ignore drop-table no longer read since release 41`.",
    bad: "-- sluice:ignore drop-tabel no longer read since release 41\nCREATE TABLE archive (id bigint PRIMARY KEY);\n",
    good: "-- archived by the job of release 41\nCREATE TABLE archive (id bigint PRIMARY KEY);\n",
};

/// The comment gives no reason.
pub static WITHOUT_REASON: About = About {
    name: "ignore-without-reason",
    class: Class::Opaque,
    severity: Severity::Warning,
    summary: "A `sluice:ignore` comment gives no reason",
    why: "Whoever reviews or repeats the migration cannot tell why it was safe, so the comment silences nothing.",
    rewrite: "Say why behind the rule: `-- sluice:ignore drop-table no longer read since release 41`.",
    bad: "-- sluice:ignore drop-table\nCREATE TABLE archive (id bigint PRIMARY KEY);\n",
    good: "-- archived by the job of release 41\nCREATE TABLE archive (id bigint PRIMARY KEY);\n",
};

/// The comment silences nothing.
pub static OF_NOTHING: About = About {
    name: "ignore-of-nothing",
    class: Class::Opaque,
    severity: Severity::Note,
    summary: "A `sluice:ignore` comment silences nothing",
    why: "What it was about is gone, or stands elsewhere; the next change of the script would be silenced unseen.",
    rewrite: "Remove the comment, or put it on the line before the statement that it is about.",
    bad: "-- sluice:ignore drop-table no longer read since release 41\nCREATE TABLE archive (id bigint PRIMARY KEY);\n",
    good: "CREATE TABLE archive (id bigint PRIMARY KEY);\n",
};

/// The three in the list of rules, so that their names are known and explained; what they find is added with the comments, after all
/// other rules.
macro_rules! told_by_apply {
    ($($name:ident => $about:ident: $what:literal),*) => {$(
        #[doc = $what]
        pub struct $name;

        impl Rule for $name {
            fn about(&self) -> &'static About {
                &$about
            }

            fn check(&self, _subject: &Subject<'_>, _found: &mut Found) {}
        }
    )*};
}

told_by_apply!(
    UnknownRule => UNKNOWN_RULE: "The comment names what is no rule.",
    WithoutReason => WITHOUT_REASON: "The comment gives no reason.",
    OfNothing => OF_NOTHING: "The comment silences nothing."
);
