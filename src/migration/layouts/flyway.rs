//! Flyway: `V1__x.sql`, `V1_2__x.sql`, `V1.2__x.sql`, `V1.sql`; down as `U1__x.sql` or `V1__rollback_x.sql`; `R__x.sql`,
//! `afterMigrate.sql`; and the script configuration `V1__x.sql.conf` with its `executeInTransaction`.

use super::{Direction, File, Found, FoundScript, Reader, strip_prefix, strip_suffix, words};
use crate::migration::problem::Findings;
use crate::migration::{Layout, Version};

/// See the module.
pub(super) struct Flyway;

impl Reader for Flyway {
    fn layout(&self) -> Layout {
        Layout::Flyway
    }

    fn forms(&self) -> &'static str {
        "V001__create_users.sql (down: U001__create_users.sql; repeatable: R__active_users.sql)"
    }

    fn claims(&self, file: &File<'_>) -> bool {
        let name = file.split_path().1;
        let script = strip_suffix(name, ".conf").unwrap_or(name);
        strip_suffix(script, ".sql").is_some_and(|stem| Name::read(stem).is_some())
    }

    fn read<'a>(&self, file: &'a File<'a>, found: &mut Found<'a>, _: &mut Findings<'_>) {
        if let Some(script) = strip_suffix(&file.raw.path, ".conf") {
            if forbids_transaction(&file.text) {
                found.no_transaction.push(script);
            }
            return;
        }
        match file.stem().and_then(Name::read) {
            Some(Name::Versioned { direction, version, description }) => {
                let description = words(description.unwrap_or(version.as_str()));
                found.scripts.push(FoundScript::whole(file, direction, version, description));
            }
            Some(Name::Repeatable(name)) => found.repeatables.push((name.to_owned(), file)),
            Some(Name::AfterMigrate(name)) => {
                found.repeatables.push((name.to_owned(), file));
                let shown = &file.raw.shown;
                found.warnings.push(format!("{shown}: this callback runs when it changes, not after every run"));
            }
            None => {}
        }
    }
}

/// `executeInTransaction=false` in a properties file.
fn forbids_transaction(conf: &str) -> bool {
    conf.lines().filter_map(|line| line.split_once('=')).any(|(key, value)| {
        key.trim().eq_ignore_ascii_case("executeInTransaction") && value.trim().eq_ignore_ascii_case("false")
    })
}

/// What a file's name says.
enum Name<'a> {
    Versioned {
        direction: Direction,
        version: Version,
        description: Option<&'a str>,
    },
    Repeatable(&'a str),
    /// Flyway's callback; as it runs again and again, it can be run like a repeatable script.
    AfterMigrate(&'a str),
}

impl<'a> Name<'a> {
    fn read(stem: &'a str) -> Option<Self> {
        if let Some(name) = strip_prefix(stem, "R__") {
            return (!name.is_empty()).then_some(Self::Repeatable(name));
        }
        if strip_prefix(stem, "afterMigrate").is_some_and(|rest| rest.is_empty() || rest.starts_with("__")) {
            return Some(Self::AfterMigrate(stem));
        }
        let (rest, undo) = match (strip_prefix(stem, "V"), strip_prefix(stem, "U")) {
            (Some(rest), _) => (rest, false),
            (None, Some(rest)) => (rest, true),
            (None, None) => return None,
        };
        let (version, description) = match rest.split_once("__") {
            Some((version, description)) => (version, Some(description).filter(|text| !text.is_empty())),
            None => (rest, None),
        };
        let version = Version::parse(version).ok()?;
        let down = undo || description.is_some_and(is_rollback);
        let direction = if down { Direction::Down } else { Direction::Up };
        Some(Self::Versioned { direction, version, description })
    }
}

/// Teams without Flyway's paid undo write the way down as a script of the same version.
fn is_rollback(description: &str) -> bool {
    description.eq_ignore_ascii_case("rollback")
        || strip_prefix(description, "rollback_").is_some()
        || strip_suffix(description, "_rollback").is_some()
}
