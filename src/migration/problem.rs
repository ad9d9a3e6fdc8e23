//! What is wrong with a source, told so that its author can mend it. Never carries data of a database.

use std::fmt;

/// One thing wrong with one file: where, what, and the cure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file as its author knows it.
    pub file: String,
    /// 1-based line in that file, where there is one to point at.
    pub line: Option<u32>,
    /// What is wrong, without a full stop: `version 003 appears twice (also in V003__b.sql)`.
    pub what: String,
    /// What to do about it, as an imperative without a full stop.
    pub cure: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{}: {}: {}", self.file, line, self.what, self.cure),
            None => write!(f, "{}: {}: {}", self.file, self.what, self.cure),
        }
    }
}

/// Everything wrong with a source, in file order; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

/// Warnings of one sort that are told one by one; of more, the first stands for all, so that others are still seen.
const FEW: usize = 3;

/// Warnings of one sort, few enough to be read.
pub(super) fn abridge(mut told: Vec<String>) -> Vec<String> {
    let more = told.len().saturating_sub(1);
    if told.len() > FEW {
        told.truncate(1);
        told.iter_mut().for_each(|first| first.push_str(&format!(" (and {more} more like this)")));
    }
    told
}

/// Collects the problems of one file.
#[derive(Debug)]
pub(super) struct Findings<'a> {
    file: &'a str,
    problems: Vec<Problem>,
}

impl<'a> Findings<'a> {
    pub(super) fn of(file: &'a str) -> Self {
        Self { file, problems: Vec::new() }
    }

    pub(super) fn add(&mut self, line: Option<u32>, what: impl Into<String>, cure: impl Into<String>) {
        self.problems.push(Problem { file: self.file.to_owned(), line, what: what.into(), cure: cure.into() });
    }

    pub(super) fn file(&self) -> &'a str {
        self.file
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }
}
