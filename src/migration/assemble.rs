//! Files into a set: pairs ways up and down, reads their SQL, and checks what only the whole set shows.

use std::collections::{BTreeMap, BTreeSet};

use super::digest::digest;
use super::header_reader::HeaderRead;
use super::layouts::{self, Direction, Found, FoundScript};
use super::numbering::gaps;
use super::problem::{Findings, abridge};
use super::{
    Dialect, Migration, MigrationSet, Problem, Problems, RawFile, Repeatable, Script, SetOptions, TransactionMode,
    Version,
};

/// No version is longer, so no reference to one is read any further.
const LONGEST_REFERENCE: usize = 100;

/// See [`MigrationSet::read`].
pub(super) fn read(files: &[RawFile], options: SetOptions) -> Result<MigrationSet, Problems> {
    let files = layouts::prepare(files);
    let (found, problems) = layouts::read(&files, options.layout);
    let no_transaction = found.no_transaction.iter().map(|start| (*start).to_owned()).collect();
    let warnings = found.warnings.clone();
    let mut assembly = Assembly { dialect: options.dialect, no_transaction, problems, warnings, no_ops: Vec::new() };
    let pairs = assembly.pair(found.scripts.clone());
    let drafts: Vec<Draft<'_>> =
        pairs.into_iter().filter_map(|(version, pair)| assembly.migration(version, pair)).collect();
    if !options.allow_gaps {
        assembly.refuse_gaps(&drafts);
    }
    let migrations = assembly.resolve(drafts);
    let repeatables = assembly.repeatables(&found);
    if migrations.is_empty() && repeatables.is_empty() {
        assembly.warnings.push("the source holds no migration".to_owned());
    }
    let Assembly { mut problems, mut warnings, no_ops, .. } = assembly;
    warnings.extend(abridge(no_ops));
    if problems.is_empty() {
        let digest = digest(&migrations, &repeatables);
        Ok(MigrationSet { migrations, repeatables, digest, warnings })
    } else {
        problems.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
        Err(Problems(problems))
    }
}

/// The scripts of one version.
#[derive(Default)]
struct Pair<'a> {
    up: Option<FoundScript<'a>>,
    down: Option<FoundScript<'a>>,
}

/// A migration whose dependencies are not yet understood.
struct Draft<'a> {
    file: &'a str,
    migration: Migration,
    references: Vec<(u32, String)>,
}

struct Assembly {
    dialect: Dialect,
    /// Starts of paths whose scripts are marked by a settings file.
    no_transaction: Vec<String>,
    problems: Vec<Problem>,
    warnings: Vec<String>,
    /// Warnings about versions that do nothing.
    no_ops: Vec<String>,
}

impl Assembly {
    fn add(&mut self, file: &str, line: Option<u32>, what: impl Into<String>, cure: impl Into<String>) {
        let mut findings = Findings::of(file);
        findings.add(line, what, cure);
        self.problems.append(&mut findings.into_problems());
    }

    /// Sorts scripts by version and direction; two for one place are refused.
    fn pair<'a>(&mut self, scripts: Vec<FoundScript<'a>>) -> BTreeMap<Version, Pair<'a>> {
        let mut pairs: BTreeMap<Version, Pair<'a>> = BTreeMap::new();
        for script in scripts {
            let pair = pairs.entry(script.version.clone()).or_default();
            let (place, role) = match script.direction {
                Direction::Up => (&mut pair.up, "version"),
                Direction::Down => (&mut pair.down, "the way down of version"),
            };
            match place {
                // A script for this dialect takes the place of the one for all.
                Some(first) if first.for_dialect != script.for_dialect => {
                    if script.for_dialect {
                        *place = Some(script);
                    }
                }
                Some(first) => {
                    let file = script.file.raw.shown.clone();
                    let what = format!("{role} {} appears twice (also in {})", script.version, first.file.raw.shown);
                    self.add(&file, None, what, "give each version one script");
                }
                None => *place = Some(script),
            }
        }
        pairs
    }

    fn migration<'a>(&mut self, version: Version, pair: Pair<'a>) -> Option<Draft<'a>> {
        let Some(found) = pair.up else {
            if let Some(down) = pair.down {
                let what = format!("this is a way down, but version {version} has no up script");
                self.add(&down.file.raw.shown, None, what, "add the up script, or remove this one");
            }
            return None;
        };
        let (up, read, mut problems) = self.script(&found);
        self.problems.append(&mut problems);
        let (down, down_refused) = self.down(pair.down);
        let HeaderRead { header, references } = read;
        if up.statements.is_empty() {
            self.no_ops.push(format!("{}: the script holds no statement; version {version} is a no-op", up.file));
        }
        if header.rollback_available == Some(true) && down.is_none() && down_refused.is_none() {
            self.warnings.push(format!("{}: promises a rollback, but version {version} has no down script", up.file));
        }
        let migration = Migration {
            version,
            description: header.description.clone().unwrap_or(found.description),
            kind: header.kind.unwrap_or_default(),
            header,
            up,
            down,
            down_refused,
        };
        Some(Draft { file: &found.file.raw.shown, migration, references })
    }

    /// Reads a way down. One that cannot be run is a warning: it must not keep a set from going up.
    fn down(&mut self, found: Option<FoundScript<'_>>) -> (Option<Script>, Option<Problems>) {
        // An empty file is a forgotten one; comments say that doing nothing is meant.
        let Some(found) = found.filter(|down| !down.sql.trim().is_empty()) else { return (None, None) };
        let (down, _, problems) = self.script(&found);
        if problems.is_empty() {
            return (Some(down), None);
        }
        self.warnings.extend(problems.iter().map(|problem| format!("no way down: {problem}")));
        (None, Some(Problems(problems)))
    }

    /// Reads one script, header first.
    fn script(&mut self, found: &FoundScript<'_>) -> (Script, HeaderRead, Vec<Problem>) {
        let mut findings = Findings::of(&found.file.raw.shown);
        let mut read = HeaderRead::default();
        // The head of a file for both directions is told about once, with the way up.
        let mut silent = Findings::of(&found.file.raw.shown);
        let up = found.direction == Direction::Up;
        read.read(found.preamble, 1, if up { &mut findings } else { &mut silent });
        read.read(found.sql, found.first_line, &mut findings);
        let marked = read.header.no_transaction || found.no_transaction || self.is_marked(&found.file.raw.path);
        read.header.no_transaction = marked;
        let script = Script::read(self.dialect, found.first_line, found.sql, marked, &mut findings);
        if let (false, TransactionMode::NonTransactional { reason }, 2..) =
            (marked, &script.mode, script.statements.len())
        {
            self.warnings.push(format!(
                "{}: {reason}, so the script runs without a transaction and can stop half way; give that statement a \
                 script of its own, or mark this one `-- sluice:no-transaction`",
                script.file
            ));
        }
        (script, read, findings.into_problems())
    }

    /// Whether a settings file beside it forbids the transaction.
    fn is_marked(&self, path: &str) -> bool {
        self.no_transaction.iter().any(|start| path.starts_with(start.as_str()))
    }

    fn refuse_gaps(&mut self, drafts: &[Draft<'_>]) {
        for gap in gaps(drafts.iter().map(|draft| &draft.migration.version)) {
            let Some(draft) = drafts.get(gap.before) else { continue };
            let width = draft.migration.version.as_str().len();
            let what = if gap.from == gap.to {
                format!("version {:0width$} is missing before {}", gap.from, draft.migration.version)
            } else {
                format!(
                    "versions {:0width$} to {:0width$} are missing before {}",
                    gap.from, gap.to, draft.migration.version
                )
            };
            self.add(draft.file, None, what, "add what is missing, or set `source.allowGaps: true`");
        }
    }

    /// Turns what headers call a dependency into versions of this set.
    fn resolve(&mut self, drafts: Vec<Draft<'_>>) -> Vec<Migration> {
        let known: BTreeSet<Version> = drafts.iter().map(|draft| draft.migration.version.clone()).collect();
        let mut migrations = Vec::with_capacity(drafts.len());
        for Draft { file, mut migration, references } in drafts {
            for (line, reference) in references {
                match resolve(&reference, &known) {
                    Ok(version) if version < migration.version => migration.header.dependencies.push(version),
                    Ok(version) => {
                        let when = if version == migration.version { "is itself" } else { "comes later" };
                        let what = format!("version {} depends on {version}, which {when}", migration.version);
                        self.add(file, Some(line), what, "depend on earlier versions only");
                    }
                    Err(what) => {
                        self.add(file, Some(line), what, "name versions of this source, as in `001, 004`, or `none`")
                    }
                }
            }
            migrations.push(migration);
        }
        migrations
    }

    fn repeatables(&mut self, found: &Found<'_>) -> Vec<Repeatable> {
        let mut repeatables: Vec<Repeatable> = Vec::new();
        for (name, file) in &found.repeatables {
            let mut findings = Findings::of(&file.raw.shown);
            let mut read = HeaderRead::default();
            read.read(&file.text, 1, &mut findings);
            let marked = read.header.no_transaction || self.is_marked(&file.raw.path);
            let script = Script::read(self.dialect, 1, &file.text, marked, &mut findings);
            self.problems.append(&mut findings.into_problems());
            repeatables.push(Repeatable { name: name.clone(), script });
        }
        repeatables.sort_by(|a, b| a.name.cmp(&b.name));
        for (first, second) in repeatables.iter().zip(repeatables.iter().skip(1)) {
            if first.name == second.name {
                let what =
                    format!("the repeatable script {} appears twice (also in {})", first.name, first.script.file);
                self.add(&second.script.file, None, what, "give each a name of its own");
            }
        }
        repeatables
    }
}

/// The version that a reference means: `001`, `V001`, `001_create_users.sql`.
fn resolve(reference: &str, known: &BTreeSet<Version>) -> Result<Version, String> {
    let digits = reference.trim_start_matches(['v', 'V']);
    // `001_2fa.sql` is version 001, `1_2` may be version 1.2: the longest reading that exists counts.
    let is_digit = |at: usize| digits.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    let ends = (1..=digits.len().min(LONGEST_REFERENCE)).filter(|end| is_digit(end - 1) && !is_digit(*end));
    let readings: Vec<Version> = ends.filter_map(|end| Version::parse(digits.get(..end)?).ok()).collect();
    let whole = readings.last().ok_or_else(|| format!("`{reference}` is no version to depend on"))?;
    let exists = readings.iter().rev().find_map(|reading| known.get(reading));
    exists.cloned().ok_or_else(|| format!("depends on version {whole}, which is not in this source"))
}
