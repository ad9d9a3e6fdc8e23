//! golang-migrate: pairs of `001_x.up.sql` and `001_x.down.sql`.

use super::numbered::Name;
use super::{File, Found, Reader};
use crate::migration::Layout;
use crate::migration::problem::Findings;

/// See the module.
pub(super) struct GolangMigrate;

impl Reader for GolangMigrate {
    fn layout(&self) -> Layout {
        Layout::GolangMigrate
    }

    fn forms(&self) -> &'static str {
        "001_create_users.up.sql (down: 001_create_users.down.sql)"
    }

    fn claims(&self, file: &File<'_>) -> bool {
        file.stem().and_then(Name::read).is_some_and(|name| name.direction.is_some())
    }

    fn read<'a>(&self, file: &'a File<'a>, found: &mut Found<'a>, findings: &mut Findings<'_>) {
        let Some(name) = file.stem().and_then(Name::read) else { return };
        if let Some(direction) = name.direction {
            name.place(file, direction, false, found, findings);
        }
    }
}
