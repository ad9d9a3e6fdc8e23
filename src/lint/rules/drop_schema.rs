//! `drop-schema`: a schema is dropped.

use squawk_syntax::ast::{self, AstNode};

use super::super::{About, Class, Found, Object, ObjectKind, Rule, Severity, Subject};
use super::support::{name, only_undoes};

/// A schema is dropped.
pub struct DropSchema;

static ABOUT: About = About {
    name: "drop-schema",
    class: Class::DataLoss,
    severity: Severity::Error,
    summary: "A schema is dropped",
    why: "With CASCADE everything in it is gone, whoever made it; without, it fails in an environment where \
        something is left in it.",
    rewrite: "Drop what is in it by name, each in its own statement, and the empty schema last, without CASCADE.",
    bad: "DROP SCHEMA billing CASCADE;\n",
    good: "CREATE SCHEMA IF NOT EXISTS billing;\n",
};

impl Rule for DropSchema {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in subject.statements.iter().filter(|judged| !only_undoes(subject, judged)) {
            let Some(ast::Stmt::DropSchema(drop)) = &judged.syntax else { continue };
            let cascades = matches!(drop.drop_behavior(), Some(ast::DropBehavior::Cascade(_)));
            for schema in drop.schema_refs() {
                let name = name(Some(schema.clone()));
                let number = judged.statement.number;
                if !cascades || subject.created.before(&Object::new(ObjectKind::Schema, name.as_str()), number) {
                    continue;
                }
                found.at(
                    judged,
                    schema.syntax().text_range(),
                    format!("schema {name} is dropped with everything in it"),
                );
            }
        }
    }
}
