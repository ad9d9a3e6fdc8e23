//! Flyway: `V1__x.sql`, `V1_2__x.sql`, `V1.2__x.sql`; down as `U1__x.sql` or `V1__rollback_x.sql`; `R__x.sql`.

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
        file.stem().is_some_and(|stem| Name::read(stem).is_some())
    }

    fn read<'a>(&self, file: &'a File<'a>, found: &mut Found<'a>, _: &mut Findings<'_>) {
        match file.stem().and_then(Name::read) {
            Some(Name::Versioned { direction, version, description }) => found.scripts.push(FoundScript {
                file,
                direction,
                version,
                description: words(description),
                sql: &file.text,
                first_line: 1,
                no_transaction: false,
            }),
            Some(Name::Repeatable(name)) => found.repeatables.push((name.to_owned(), file)),
            None => {}
        }
    }
}

/// What a file's name says.
enum Name<'a> {
    Versioned { direction: Direction, version: Version, description: &'a str },
    Repeatable(&'a str),
}

impl<'a> Name<'a> {
    fn read(stem: &'a str) -> Option<Self> {
        if let Some(name) = strip_prefix(stem, "R__") {
            return (!name.is_empty()).then_some(Self::Repeatable(name));
        }
        let (prefix, undo) = match stem.chars().next()? {
            'V' | 'v' => (1, false),
            'U' | 'u' => (1, true),
            _ => return None,
        };
        let (version, description) = stem.get(prefix..)?.split_once("__")?;
        let version = Version::parse(version).ok()?;
        let down = undo
            || strip_prefix(description, "rollback_").is_some()
            || strip_suffix(description, "_rollback").is_some();
        let direction = if down { Direction::Down } else { Direction::Up };
        Some(Self::Versioned { direction, version, description })
    }
}
