//! Names that begin with a number: `001_x.sql`, `20240131-x.up.sql`, `V0001.x.postgres.down.sql`. Read here once for the
//! layouts that share them.

use super::{Direction, File, Found, FoundScript, strip_prefix, strip_suffix, words};
use crate::migration::Version;
use crate::migration::problem::Findings;

/// A name that begins with a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name<'a> {
    pub(super) version: Version,
    /// What stands behind the version, suffixes taken off.
    pub(super) rest: &'a str,
    /// `.up`, `.down` and their synonyms.
    pub(super) direction: Option<Direction>,
    /// `.postgres`, `.mysql` …
    pub(super) database: Option<Database>,
    /// `.autocommit`
    pub(super) autocommit: bool,
}

/// For whom a script is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Database {
    Ours,
    Another,
}

impl<'a> Name<'a> {
    /// Reads a file's name without its `.sql`.
    pub(super) fn read(stem: &'a str) -> Option<Self> {
        let (mut rest, mut direction, mut database, mut autocommit) = (stem, None, None, false);
        while let Some((head, suffix)) = rest.rsplit_once('.') {
            match suffix.to_ascii_lowercase().as_str() {
                "up" if direction.is_none() => direction = Some(Direction::Up),
                "down" | "rollback" | "undo" if direction.is_none() => direction = Some(Direction::Down),
                "postgres" | "postgresql" | "pg" if database.is_none() => database = Some(Database::Ours),
                "mysql" | "mariadb" | "sqlite" | "sqlite3" | "cockroach" | "cockroachdb" | "crdb" | "mssql"
                | "sqlserver" | "oracle" | "clickhouse"
                    if database.is_none() =>
                {
                    database = Some(Database::Another);
                }
                "autocommit" if !autocommit => autocommit = true,
                _ => break,
            }
            rest = head;
        }
        let rest = strip_prefix(rest, "V").unwrap_or(rest);
        let end = version_end(rest)?;
        let version = Version::parse(rest.get(..end)?).ok()?;
        let rest = rest.get(end..)?.trim_start_matches(['_', '-', '.', ' ']);
        Some(Self { version, rest, direction, database, autocommit })
    }

    /// `rollback_x`, `x_rollback`.
    pub(super) fn is_rollback(&self) -> bool {
        let lower = self.rest.to_ascii_lowercase().replace('-', "_");
        lower == "rollback"
            || strip_prefix(&lower, "rollback_").is_some()
            || strip_suffix(&lower, "_rollback").is_some()
    }

    /// Puts the file where its name says; a direction that is `supposed` rests on words in the name alone.
    pub(super) fn place<'f>(
        self,
        file: &'f File<'f>,
        direction: Direction,
        supposed: bool,
        found: &mut Found<'f>,
        findings: &mut Findings<'_>,
    ) {
        if let Some((line, marker)) = foreign_marker(&file.text) {
            let what = format!("`{marker}` parts two directions in one file, for a tool that Sluice does not know");
            findings.add(Some(line), what, "write an up and a down file");
        }
        if self.database == Some(Database::Another) {
            found.for_others.push(file);
            return;
        }
        let description = words(if self.rest.is_empty() { self.version.as_str() } else { self.rest });
        found.scripts.push(FoundScript {
            no_transaction: self.autocommit,
            supposed,
            for_dialect: self.database == Some(Database::Ours),
            ..FoundScript::whole(file, direction, self.version, description)
        });
    }
}

/// What parts up and down in the single files of tern, MyBatis and rambler. Read as one script, such a file would undo
/// itself.
fn foreign_marker(text: &str) -> Option<(u32, &str)> {
    (1..).zip(text.lines()).find(|(_, line)| {
        let comment = line.trim().strip_prefix("--").unwrap_or_default().trim().to_ascii_lowercase();
        comment.ends_with("create above / drop below ----") || matches!(comment.as_str(), "//@undo" | "rambler down")
    })
}

/// Where the version ends: behind the first run of digits, or behind a whole date or dotted version. `001_2fa` and
/// `001_2_step_login` are version 001.
fn version_end(text: &str) -> Option<usize> {
    let groups = groups(text);
    let lengths: Vec<usize> = groups.iter().map(|group| group.end - group.start).collect();
    let separators: Vec<char> = groups.iter().skip(1).map(|group| group.separator).collect();
    let dated = text.starts_with("19") || text.starts_with("20");
    let count = match (lengths.as_slice(), separators.as_slice()) {
        // 2024-01-31-120000-0000
        ([4, 2, 2, 6, 4, ..], ['-', '-', '-', '-', ..]) if dated => 5,
        // 2024_01_31_120000
        ([4, 2, 2, 6, ..], _) if dated => 4,
        // 2024-01-31
        ([4, 2, 2, ..], ['-', '-', ..] | ['_', '_', ..] | ['.', '.', ..]) if dated => 3,
        // 20240131_120000
        ([8, 6, ..], _) if dated => 2,
        // 1.2.3
        _ => 1 + separators.iter().take_while(|separator| **separator == '.').count(),
    };
    let end = groups.get(count - 1)?.end;
    let next = text.get(end..)?.chars().next();
    next.is_none_or(|c| matches!(c, '_' | '-' | '.' | ' ')).then_some(end)
}

/// A run of digits and the separator before it.
struct Group {
    separator: char,
    start: usize,
    end: usize,
}

/// The runs of digits at the head of a name, as long as one separator stands between two and each is followed by a
/// separator or the end.
fn groups(text: &str) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let (mut start, mut separator) = (0, '\0');
    loop {
        let rest = text.get(start..).unwrap_or_default();
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let end = start + digits;
        let next = text.get(end..).and_then(|rest| rest.chars().next());
        let complete = next.is_none_or(|c| matches!(c, '_' | '-' | '.' | ' '));
        if digits == 0 || !(complete || groups.is_empty()) {
            return groups;
        }
        groups.push(Group { separator, start, end });
        match next {
            Some(c) if complete => (start, separator) = (end + 1, c),
            _ => return groups,
        }
    }
}
