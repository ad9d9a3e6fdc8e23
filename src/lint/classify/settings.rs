//! Settings, roles and databases: what reaches beyond the database's tables.

use squawk_syntax::ast::{self, AstNode};

use crate::lint::ObjectKind;
use crate::lint::sketch::Sketch;
use crate::lint::syntax::{ident, path};
use crate::lint::world::Change;
use crate::migration::Risk;

pub(super) fn tell(statement: &ast::Stmt, sketch: &mut Sketch<'_, '_>) -> bool {
    match statement {
        ast::Stmt::Set(_) => sketch.changes.extend(search_path(statement).map(Change::Path)),
        ast::Stmt::AlterSystem(_) => sketch.risk(Risk::High, "changes the settings of the whole server"),
        ast::Stmt::AlterDatabase(_) => sketch.risk(Risk::High, "changes the database for all sessions"),
        ast::Stmt::CreateRole(create) => {
            if let Some(role) = create.role() {
                sketch.create(ObjectKind::Role, ident(role.syntax()));
            }
            sketch.risk(Risk::Medium, "creates a role, which all databases of the server share");
        }
        ast::Stmt::CreateUser(create) => {
            if let Some(role) = create.role() {
                sketch.create(ObjectKind::Role, ident(role.syntax()));
            }
            sketch.risk(Risk::Medium, "creates a role, which all databases of the server share");
        }
        ast::Stmt::AlterRole(_) | ast::Stmt::AlterUser(_) => {
            sketch.risk(Risk::High, "changes a role, which all databases of the server share");
        }
        ast::Stmt::Reassign(_) => sketch.risk(Risk::High, "gives everything that a role owns to another"),
        ast::Stmt::AlterExtension(_) => {
            sketch.opaque = Some("it runs the extension's own scripts".to_owned());
            sketch.risk(Risk::Medium, "runs the extension's own scripts: what they do cannot be told");
        }
        ast::Stmt::ImportForeignSchema(_) => sketch.risk(Risk::Medium, "creates whatever tables the other server has"),
        ast::Stmt::CreateEventTrigger(_) | ast::Stmt::AlterEventTrigger(_) | ast::Stmt::DropEventTrigger(_) => {
            sketch.risk(Risk::High, "changes what every schema change of the database runs");
        }
        ast::Stmt::AlterSchema(alter) => {
            let renames = matches!(alter.action(), Some(ast::AlterSchemaAction::SchemaRenameTo(_)));
            if renames {
                sketch.risk(Risk::High, "whoever uses the schema by its old name fails");
            }
        }
        _ => return false,
    }
    true
}

/// The schemas that a statement says unqualified names are looked for in from then on.
pub(in crate::lint) fn search_path(statement: &ast::Stmt) -> Option<Vec<String>> {
    let ast::Stmt::Set(set) = statement else { return None };
    let config = match set.set_target()? {
        ast::SetTarget::SetConfig(config) => config,
        ast::SetTarget::SetSchemaValue(schema) => {
            return Some(schema.literal().and_then(|literal| literal.string_value()).into_iter().collect());
        }
        ast::SetTarget::SetCatalog(_) | ast::SetTarget::SetTimeZone(_) | ast::SetTarget::SetXmlOption(_) => {
            return None;
        }
    };
    if path(config.config_parameter_ref()?.syntax()) != ["search_path"] {
        return None;
    }
    let ast::ConfigAssignment::ToConfigValue(value) = config.config_assignment()? else { return None };
    let values = value.config_values().filter_map(|value| match value {
        ast::ConfigValue::ConfigValueName(name) => Some(ident(name.syntax())),
        ast::ConfigValue::Literal(literal) => literal.string_value(),
        ast::ConfigValue::PrefixExpr(_) => None,
    });
    Some(values.filter(|schema| !schema.is_empty() && !schema.starts_with('$')).collect())
}
