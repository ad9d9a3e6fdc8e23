//! sqlx: `20240131120000_x.sql`, or pairs of `….up.sql` and `….down.sql`. Unlike with [`super::rollbacks`], a plain file
//! is always a way up, whatever its name says.

use super::numbered::Name;
use super::{Direction, File, Found, Reader};
use crate::migration::Layout;
use crate::migration::problem::Findings;

/// See the module.
pub(super) struct Sqlx;

impl Reader for Sqlx {
    fn layout(&self) -> Layout {
        Layout::Sqlx
    }

    fn forms(&self) -> &'static str {
        "20240131120000_create_users.sql, or 20240131120000_create_users.up.sql with .down.sql"
    }

    fn claims(&self, file: &File<'_>) -> bool {
        file.stem().and_then(Name::read).is_some()
    }

    fn read<'a>(&self, file: &'a File<'a>, found: &mut Found<'a>, findings: &mut Findings<'_>) {
        let Some(name) = file.stem().and_then(Name::read) else { return };
        let direction = name.direction.unwrap_or(Direction::Up);
        name.place(file, direction, false, found, findings);
    }
}
