//! Naming schemes: which file is the way up or down of which version.
//!
//! One file per layout. A new one is a file here, a line in [`REGISTRY`] and a variant of [`Layout`]. A layout reads
//! names and markers only; SQL is read by the rooms above it.

mod flyway;

use super::checksum::normalise;
use super::problem::Findings;
use super::{Layout, Problem, RawFile, Version};

/// Every layout, the most telling first: with [`Layout::Auto`], a file belongs to the first one that claims it.
const REGISTRY: &[&dyn Reader] = &[&flyway::Flyway];

/// A naming scheme.
pub(super) trait Reader: Sync {
    /// What users call it.
    fn layout(&self) -> Layout;

    /// The names it accepts, for messages.
    fn forms(&self) -> &'static str;

    /// Whether the file's name or content says that it belongs to this layout.
    fn claims(&self, file: &File<'_>) -> bool;

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
        let path = self.raw.path.trim_start_matches("./");
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
    /// The part of the file that is this script, and the line at which it begins.
    pub(super) sql: &'a str,
    pub(super) first_line: u32,
    /// The layout's own mark.
    pub(super) no_transaction: bool,
}

/// Everything that was found.
#[derive(Debug, Default)]
pub(super) struct Found<'a> {
    pub(super) scripts: Vec<FoundScript<'a>>,
    /// Name and file.
    pub(super) repeatables: Vec<(String, &'a File<'a>)>,
    pub(super) warnings: Vec<String>,
}

/// Prepares files for reading, in the order of their paths.
pub(super) fn prepare(files: &[RawFile]) -> Vec<File<'_>> {
    let mut files: Vec<File<'_>> = files.iter().map(|raw| File { raw, text: normalise(&raw.content) }).collect();
    files.sort_by(|a, b| a.raw.path.cmp(&b.raw.path));
    files
}

/// Reads files by one layout, or by the one that all of them belong to.
pub(super) fn read<'a>(files: &'a [File<'a>], layout: Layout) -> (Found<'a>, Vec<Problem>) {
    let mut found = Found::default();
    let mut problems = Vec::new();
    let mut first: Option<(&dyn Reader, &File<'_>)> = None;
    for file in files.iter().filter(|file| file.stem().is_some()) {
        let mut findings = Findings::of(&file.raw.shown);
        let mut readers = REGISTRY.iter().filter(|reader| layout == Layout::Auto || reader.layout() == layout);
        match readers.find(|reader| reader.claims(file)) {
            Some(reader) => {
                let (chosen, by) = *first.get_or_insert((*reader, file));
                if chosen.layout() == reader.layout() {
                    reader.read(file, &mut found, &mut findings);
                } else {
                    let what = format!(
                        "this is a name of the {:?} layout, but {} is one of {:?}",
                        reader.layout(),
                        by.raw.shown,
                        chosen.layout()
                    );
                    findings.add(None, what, "use one layout for all files of a source");
                }
            }
            None => findings.add(None, "this name has no version that Sluice can read", cure(layout)),
        }
        problems.append(&mut findings.into_problems());
    }
    (found, problems)
}

/// What an unreadable name should look like.
fn cure(layout: Layout) -> String {
    let forms: Vec<&str> = REGISTRY
        .iter()
        .filter(|reader| layout == Layout::Auto || reader.layout() == layout)
        .map(|reader| reader.forms())
        .collect();
    format!("name it like {}, or remove it from the source", forms.join(", or "))
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
