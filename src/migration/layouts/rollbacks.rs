//! Numbered files, in all their habits: `001_x.sql` with `rollbacks/001_x_rollback.sql`, `001_x.rollback.sql`,
//! `001_x_rollback.sql` or `001_rollback_x.sql`, and pairs of `001_x.up.sql` and `001_x.down.sql`.

use super::numbered::Name;
use super::{Direction, File, Found, Reader, strip_prefix};
use crate::migration::Layout;
use crate::migration::problem::Findings;

/// See the module.
pub(super) struct Rollbacks;

impl Reader for Rollbacks {
    fn layout(&self) -> Layout {
        Layout::Rollbacks
    }

    fn forms(&self) -> &'static str {
        "001_create_users.sql (down: rollbacks/001_create_users_rollback.sql, 001_create_users.rollback.sql or \
         001_create_users.down.sql)"
    }

    fn claims(&self, file: &File<'_>) -> bool {
        locate(file).is_some()
    }

    fn read<'a>(&self, file: &'a File<'a>, found: &mut Found<'a>, findings: &mut Findings<'_>) {
        let Some((folder, name)) = locate(file) else { return };
        let stated = name.direction.or(folder);
        let supposed = stated.is_none() && name.is_rollback();
        let direction = stated.unwrap_or(if supposed { Direction::Down } else { Direction::Up });
        name.place(file, direction, supposed, found, findings);
    }
}

/// What the folder says and what the name says. In a ConfigMap, `/` is written `__`.
fn locate<'a>(file: &'a File<'_>) -> Option<(Option<Direction>, Name<'a>)> {
    let (directory, _) = file.split_path();
    let stem = file.stem()?;
    let folder = directory.and_then(|path| path.rsplit('/').next()).and_then(meaning);
    if let Some(name) = Name::read(stem) {
        return Some((folder, name));
    }
    let (folder, stem) = stem.split_once("__")?;
    Some((Some(meaning(folder)?), Name::read(stem)?))
}

/// The direction that a folder's name stands for.
fn meaning(folder: &str) -> Option<Direction> {
    let is = |names: &[&str]| names.iter().any(|name| strip_prefix(folder, name) == Some(""));
    if is(&["rollbacks", "rollback", "down", "undo"]) {
        Some(Direction::Down)
    } else if is(&["migrations", "migration", "up"]) {
        Some(Direction::Up)
    } else {
        None
    }
}
