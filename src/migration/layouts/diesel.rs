//! Diesel: a folder per version with `up.sql`, `down.sql` and `metadata.toml`. In a ConfigMap, whose keys have no `/`, it
//! is written `__`: `2024-01-31-120000_create_users__up.sql`. Prisma's folders are the same with `migration.sql` for `up.sql`.

use super::{Direction, File, Found, FoundScript, Reader, words};
use crate::migration::problem::Findings;
use crate::migration::{Layout, Version};

/// See the module.
pub(super) struct Diesel;

impl Reader for Diesel {
    fn layout(&self) -> Layout {
        Layout::Diesel
    }

    fn forms(&self) -> &'static str {
        "2024-01-31-120000_create_users/up.sql (Prisma: migration.sql; down: down.sql beside it; in a ConfigMap `__` for `/`)"
    }

    fn claims(&self, file: &File<'_>) -> bool {
        Place::of(file).is_some()
    }

    fn read<'a>(&self, file: &'a File<'a>, found: &mut Found<'a>, findings: &mut Findings<'_>) {
        let Some(place) = Place::of(file) else { return };
        match place.role {
            Role::Script(direction) => {
                found.scripts.push(FoundScript::whole(file, direction, place.version, words(place.name)));
            }
            Role::Metadata => match toml::from_str::<Metadata>(&file.text) {
                Ok(metadata) if !metadata.run_in_transaction => found.no_transaction.push(place.folder),
                Ok(_) => {}
                Err(error) => {
                    let what = format!("this is no metadata that Diesel could read ({})", error.message());
                    findings.add(None, what, "write `run_in_transaction = false`, or remove the file");
                }
            },
        }
    }
}

/// What Diesel keeps beside the scripts.
#[derive(serde::Deserialize)]
struct Metadata {
    #[serde(default = "yes")]
    run_in_transaction: bool,
}

fn yes() -> bool {
    true
}

enum Role {
    Script(Direction),
    Metadata,
}

/// Where a file stands.
struct Place<'a> {
    /// The start of the paths of all files of this version, separator included.
    folder: &'a str,
    version: Version,
    name: &'a str,
    role: Role,
}

impl<'a> Place<'a> {
    fn of(file: &'a File<'_>) -> Option<Self> {
        let path = file.raw.path.as_str();
        let (length, role) = [
            ("up.sql", Role::Script(Direction::Up)),
            ("migration.sql", Role::Script(Direction::Up)),
            ("down.sql", Role::Script(Direction::Down)),
            ("metadata.toml", Role::Metadata),
        ]
        .into_iter()
        .find_map(|(name, role)| path.ends_with(name).then_some((name.len(), role)))?;
        let folder = path.get(..path.len() - length)?;
        let directory = folder.strip_suffix('/').or_else(|| folder.strip_suffix("__"))?;
        let directory = directory.rsplit('/').next()?;
        let (version, name) = parts(directory)?;
        Some(Self { folder, version, name, role })
    }
}

/// Version and name of a directory. Diesel itself takes the dashes of its dates away before it compares them. People
/// who make directories by hand forget the `_` between the version and the name.
fn parts(directory: &str) -> Option<(Version, &str)> {
    let version = |date: &str| Version::parse(&date.replace('-', "")).ok();
    let (date, name) = directory.split_once('_').unwrap_or((directory, directory));
    if let Some(version) = version(date) {
        return Some((version, name));
    }
    let (date, name) = directory.split_at(directory.find(|c: char| !c.is_ascii_digit() && c != '-')?);
    if date.len() > "2024-01-31".len() {
        return Some((version(date.strip_suffix('-')?)?, name));
    }
    let (version, name) = directory.split_once('-')?;
    Some((Version::parse(version).ok()?, name))
}
