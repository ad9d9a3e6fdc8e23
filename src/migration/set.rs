//! All migrations of a source, ordered, with one digest.

use super::{Checksum, Dialect, Header, Kind, Problems, Script, Version};

/// A file as a source delivered it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawFile {
    /// The name that layouts read: a path with `/`, or a ConfigMap key (where `/` is written `__`).
    pub path: String,
    /// What people are shown: `orders-sql/V001__x.sql` for a ConfigMap key; the same as `path` where there is nothing to add.
    pub shown: String,
    /// UTF-8 text, as delivered.
    pub content: String,
}

impl RawFile {
    /// A file whose name has nothing to add for people.
    #[must_use]
    pub fn named(path: impl Into<String>, content: impl Into<String>) -> Self {
        let path = path.into();
        Self { shown: path.clone(), path, content: content.into() }
    }
}

/// How file names and file contents are read. `Auto` recognises the layout from the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// Recognised from the files.
    #[default]
    Auto,
    /// `V001__x.sql` with `U001__x.sql` or `V001__rollback_x.sql`, `R__x.sql`.
    Flyway,
    /// `001_x.up.sql` / `001_x.down.sql`.
    GolangMigrate,
    /// Single files with `-- +goose Up` / `-- +goose Down`; sql-migrate's `-- +migrate Up`, too.
    Goose,
    /// Single files with `-- migrate:up` / `-- migrate:down`.
    Dbmate,
    /// `version_name/up.sql`, `down.sql`, `metadata.toml`.
    Diesel,
    /// `001_x.sql`, or `001_x.up.sql`/`.down.sql`, with `-- no-transaction`.
    Sqlx,
    /// Numbered files in all their habits: `001_x.sql` with `rollbacks/001_x_rollback.sql` or `001_x.rollback.sql`, and
    /// pairs of `.up.sql` and `.down.sql`. What `Auto` takes for all files that begin with a number.
    Rollbacks,
}

/// How a set is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetOptions {
    /// The SQL dialect of the scripts.
    pub dialect: Dialect,
    /// The naming scheme.
    pub layout: Layout,
    /// Accept gaps in a plainly sequential numbering.
    pub allow_gaps: bool,
}

/// One version: up script, optional down script, header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// Its version.
    pub version: Version,
    /// From the header, else from the file name.
    pub description: String,
    /// From the header, else schema.
    pub kind: Kind,
    /// The up script's header comments.
    pub header: Header,
    /// The way up.
    pub up: Script,
    /// The way down. Comments alone are a deliberate no-op; an empty file counts as missing.
    pub down: Option<Script>,
    /// Why the down script that the source has cannot be run: `down` is `None` then. It does not stop the way up, for old
    /// histories hold such scripts; each problem is among the set's warnings too.
    pub down_refused: Option<Problems>,
}

/// A script that runs again whenever its content changes, after all versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeatable {
    /// Its name: `R__active_users.sql` is `active_users`.
    pub name: String,
    /// The script.
    pub script: Script,
}

/// All migrations of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationSet {
    /// Ascending by version, no duplicates.
    pub migrations: Vec<Migration>,
    /// Ascending by name.
    pub repeatables: Vec<Repeatable>,
    /// `sha256:` over versions, descriptions, modes and checksums in order: independent of where the files came from
    /// (inline and ConfigMap give the same), of their order and of line ends.
    pub digest: String,
    /// What its author should know but what does not stop a run (empty up script …).
    pub warnings: Vec<String>,
}

impl MigrationSet {
    /// Reads the files of a source.
    ///
    /// # Errors
    /// Everything that is wrong with the files, not only the first problem.
    pub fn read(files: &[RawFile], options: SetOptions) -> Result<Self, Problems> {
        super::assemble::read(files, options)
    }

    /// The migration of that version.
    #[must_use]
    pub fn get(&self, version: &Version) -> Option<&Migration> {
        self.migrations.binary_search_by(|m| m.version.cmp(version)).ok().and_then(|index| self.migrations.get(index))
    }

    /// The newest version.
    #[must_use]
    pub fn latest(&self) -> Option<&Version> {
        self.migrations.last().map(|migration| &migration.version)
    }

    /// `001 … 017`, for messages.
    #[must_use]
    pub fn span(&self) -> String {
        match (self.migrations.first(), self.migrations.last()) {
            (Some(first), Some(last)) if first.version == last.version => format!("version {} alone", first.version),
            (Some(first), Some(last)) => format!("{} … {}", first.version, last.version),
            _ => "no versions".to_owned(),
        }
    }

    /// The up checksum of that version.
    #[must_use]
    pub fn checksum(&self, version: &Version) -> Option<&Checksum> {
        self.get(version).map(|migration| &migration.up.checksum)
    }
}
