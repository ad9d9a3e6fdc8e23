//! Naming schemes: which file is the way up or down of which version.
//!
//! One file per layout. A new one is a file here, a line in [`REGISTRY`] and a variant of [`Layout`]. A layout reads
//! names and markers only; SQL is read by the rooms above it.

mod dbmate;
mod diesel;
mod flyway;
mod golang_migrate;
mod goose;
mod numbered;
mod rollbacks;
mod sections;
mod sqlx;

use std::collections::BTreeSet;

use super::checksum::normalise;
use super::problem::{Findings, abridge};
use super::{Layout, Problem, RawFile, Version};

/// Every layout, the most telling first: with [`Layout::Auto`], a file belongs to the first one that claims it.
const REGISTRY: &[&dyn Reader] = &[
    &goose::Goose,
    &dbmate::Dbmate,
    &flyway::Flyway,
    &diesel::Diesel,
    &rollbacks::Rollbacks,
    &golang_migrate::GolangMigrate,
    &sqlx::Sqlx,
];

/// A naming scheme.
pub(super) trait Reader: Sync {
    /// What users call it.
    fn layout(&self) -> Layout;

    /// The names it accepts, for messages.
    fn forms(&self) -> &'static str;

    /// Whether the file's name or content says that it belongs to this layout. A file that no layout claims is refused
    /// when it is SQL, and left alone otherwise.
    fn claims(&self, file: &File<'_>) -> bool;

    /// Why a SQL file that was not claimed is none of this layout.
    fn objection(&self, _: &File<'_>) -> String {
        "no version can be read from this name".to_owned()
    }

    /// Reads a claimed file into what it holds.
    fn read<'a>(&self, file: &'a File<'a>, found: &mut Found<'a>, findings: &mut Findings<'_>);
}

/// A file on its way through a layout.
#[derive(Debug)]
pub(super) struct File<'a> {
    pub(super) raw: &'a RawFile,
    /// The content without a byte order mark and with LF line ends.
    pub(super) text: String,
}

impl File<'_> {
    /// The directory part of the path, if any, and the file's name.
    pub(super) fn split_path(&self) -> (Option<&str>, &str) {
        let path = self.raw.path.as_str();
        path.rsplit_once('/').map_or((None, path), |(directory, name)| (Some(directory), name))
    }

    /// The file's name without `.sql`; `None` for other files.
    pub(super) fn stem(&self) -> Option<&str> {
        strip_suffix(self.split_path().1, ".sql")
    }
}

/// Up or down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Up,
    Down,
}

/// A script that a layout found, before its SQL is read.
#[derive(Debug, Clone)]
pub(super) struct FoundScript<'a> {
    pub(super) file: &'a File<'a>,
    pub(super) direction: Direction,
    pub(super) version: Version,
    /// From the file's name, with blanks for separators.
    pub(super) description: String,
    /// The comments at the head of a file that holds both directions; its header may stand there.
    pub(super) preamble: &'a str,
    /// The part of the file that is this script, and the line at which it begins.
    pub(super) sql: &'a str,
    pub(super) first_line: u32,
    /// The layout's own mark.
    pub(super) no_transaction: bool,
    /// The direction is only what words in its name suggest.
    pub(super) supposed: bool,
    /// Written for this dialect alone: it takes the place of a script for all dialects.
    pub(super) for_dialect: bool,
}

impl<'a> FoundScript<'a> {
    /// A file that is one script as a whole.
    fn whole(file: &'a File<'a>, direction: Direction, version: Version, description: String) -> Self {
        Self {
            file,
            direction,
            version,
            description,
            preamble: "",
            sql: &file.text,
            first_line: 1,
            no_transaction: false,
            supposed: false,
            for_dialect: false,
        }
    }
}

/// Everything that was found.
#[derive(Debug, Default)]
pub(super) struct Found<'a> {
    pub(super) scripts: Vec<FoundScript<'a>>,
    /// Name and file.
    pub(super) repeatables: Vec<(String, &'a File<'a>)>,
    /// Starts of paths whose scripts must not run in a transaction, as settings files beside them say.
    pub(super) no_transaction: Vec<&'a str>,
    /// Files for other databases than this one.
    pub(super) for_others: Vec<&'a File<'a>>,
    pub(super) warnings: Vec<String>,
}

impl Found<'_> {
    /// `007_rollback_prices.sql` is a way down where ways down are named like that beside their ways up. Where none is,
    /// it takes back something else, and is a way up like all others.
    fn settle(&mut self) {
        let is_up = |script: &&FoundScript<'_>| !script.supposed && script.direction == Direction::Up;
        let ups: BTreeSet<Version> = self.scripts.iter().filter(is_up).map(|script| script.version.clone()).collect();
        if self.scripts.iter().any(|script| script.supposed && ups.contains(&script.version)) {
            return;
        }
        for script in self.scripts.iter_mut().filter(|script| script.supposed) {
            script.direction = Direction::Up;
            self.warnings.push(format!(
                "{}: read as the way up of version {}, because no way up in this source has a way down named like this",
                script.file.raw.shown, script.version
            ));
        }
    }
}

/// Prepares files for reading, in the order of their paths.
pub(super) fn prepare(files: &[RawFile]) -> Vec<File<'_>> {
    let mut files: Vec<File<'_>> = files.iter().map(|raw| File { raw, text: normalise(&raw.content) }).collect();
    files.sort_by(|a, b| a.raw.path.cmp(&b.raw.path));
    files
}

/// Reads files by one layout, or by the one that all of them belong to.
pub(super) fn read<'a>(files: &'a [File<'a>], layout: Layout) -> (Found<'a>, Vec<Problem>) {
    let readers: Vec<&dyn Reader> =
        REGISTRY.iter().copied().filter(|reader| layout == Layout::Auto || reader.layout() == layout).collect();
    let claims: Vec<(&File<'_>, Option<&dyn Reader>)> =
        files.iter().map(|file| (file, readers.iter().copied().find(|reader| reader.claims(file)))).collect();
    let first = claims.iter().find_map(|(file, reader)| Some((*file, (*reader)?)));
    let mut found = Found::default();
    let mut problems = Vec::new();
    let mut code = Vec::new();
    for (file, reader) in claims {
        let mut findings = Findings::of(&file.raw.shown);
        match (reader, first) {
            (Some(reader), Some((other, chosen))) if reader.layout() != chosen.layout() => {
                let (mine, others) = (reader.layout(), chosen.layout());
                let what =
                    format!("this is a file of the {mine:?} layout, but {} is one of {others:?}", other.raw.shown);
                findings.add(None, what, "use one layout for all files of a source");
            }
            (Some(reader), _) => reader.read(file, &mut found, &mut findings),
            (None, first) if file.stem().is_some() => {
                let candidates = first.map_or(readers.as_slice(), |(_, chosen)| {
                    readers.iter().position(|r| r.layout() == chosen.layout()).map_or(&[], |n| &readers[n..=n])
                });
                let objection = match candidates {
                    [reader] => reader.objection(file),
                    _ => "no version can be read from this name".to_owned(),
                };
                findings.add(None, objection, cure(candidates));
            }
            (None, _) => code.extend(looks_like_code(file)),
        }
        problems.append(&mut findings.into_problems());
    }
    found.warnings.extend(abridge(code));
    found.settle();
    if let Some(first) = found.for_others.first() {
        let (count, name) = (found.for_others.len(), &first.raw.shown);
        found.warnings.push(format!("{count} files are for other databases and are not run ({name} is the first)"));
    }
    (found, problems)
}

/// What an unreadable name should look like.
fn cure(readers: &[&dyn Reader]) -> String {
    let forms: Vec<&str> = readers.iter().map(|reader| reader.forms()).collect();
    format!("name it like {}, or take it out of the source", forms.join(", or "))
}

/// Migrations in a programming language are none that Sluice can run.
fn looks_like_code(file: &File<'_>) -> Option<String> {
    let (stem, extension) = file.split_path().1.rsplit_once('.')?;
    let code = matches!(extension, "go" | "java" | "kt" | "groovy" | "py" | "rb" | "js" | "ts" | "php" | "sh");
    let versioned = numbered::Name::read(stem).is_some();
    (code && versioned).then(|| format!("{}: this migration is not SQL and is not run", file.raw.shown))
}

/// `text` without `suffix`, whatever its case.
fn strip_suffix<'t>(text: &'t str, suffix: &str) -> Option<&'t str> {
    let (head, tail) = text.split_at_checked(text.len().checked_sub(suffix.len())?)?;
    tail.eq_ignore_ascii_case(suffix).then_some(head)
}

/// `text` without `prefix`, whatever its case.
fn strip_prefix<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let (head, tail) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(tail)
}

/// A name's words with blanks between them.
fn words(name: &str) -> String {
    name.split(['_', '-', ' ', '.']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}
