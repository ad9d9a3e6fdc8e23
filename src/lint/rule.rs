//! What a rule is: what it says about itself, and what it finds.

use std::ops::Range;

use super::{Class, Finding, Judged, Severity, Subject};

/// What a rule says about itself. The pages of the documentation are made of it.
#[derive(Debug, PartialEq, Eq)]
pub struct About {
    /// Its name in findings, in comments that silence it and in `spec.gates.lint`: `drop-table`.
    pub name: &'static str,
    /// What it is about.
    pub class: Class,
    /// How bad what it finds is, where it does not say otherwise itself.
    pub severity: Severity,
    /// One line.
    pub summary: &'static str,
    /// Why it hurts: which lock, who waits.
    pub why: &'static str,
    /// The safe way in words, or in lines of SQL; empty where there is none.
    pub rewrite: &'static str,
    /// SQL that it finds. A test.
    pub bad: &'static str,
    /// SQL that does the same and that it does not find. A test.
    pub good: &'static str,
}

/// A rule: pure, and the same answer for the same subject.
pub trait Rule: Sync {
    /// What it says about itself.
    fn about(&self) -> &'static About;

    /// Looks at one script.
    fn check(&self, subject: &Subject<'_>, found: &mut Found);
}

/// What rules find in one script.
#[derive(Debug)]
pub struct Found {
    file: String,
    about: &'static About,
    findings: Vec<Finding>,
}

impl Found {
    /// Lets one rule look at a script.
    #[must_use]
    pub fn by(rule: &dyn Rule, subject: &Subject<'_>) -> Vec<Finding> {
        let mut found = Self { file: subject.script.file.clone(), about: rule.about(), findings: Vec::new() };
        rule.check(subject, &mut found);
        found.findings
    }

    /// Something at a byte range of a statement (`node.text_range()`). The message is a sentence with object names and no
    /// literal of the script; what the rule says about itself can be changed in what comes back.
    pub fn at(
        &mut self,
        judged: &Judged<'_>,
        range: impl Into<Range<usize>>,
        message: impl Into<String>,
    ) -> &mut Finding {
        let ((line, column), end) = judged.place(range);
        let about = self.about;
        self.findings.push_mut(Finding {
            rule: about.name,
            class: about.class,
            severity: about.severity,
            file: self.file.clone(),
            line,
            column,
            end,
            message: message.into(),
            why: about.why.to_owned(),
            rewrite: (!about.rewrite.is_empty()).then(|| about.rewrite.to_owned()),
            ignored: None,
        })
    }

    /// Something about a whole statement.
    pub fn statement(&mut self, judged: &Judged<'_>, message: impl Into<String>) -> &mut Finding {
        self.at(judged, judged.whole(), message)
    }

    /// Something about the whole script; it is shown at its first statement, or at its first line.
    pub fn script(&mut self, subject: &Subject<'_>, message: impl Into<String>) -> &mut Finding {
        let about = self.about;
        let (line, column) = subject
            .statements
            .first()
            .map_or((subject.script.first_line, 1), |judged| (judged.statement.line, judged.statement.column));
        self.findings.push_mut(Finding {
            rule: about.name,
            class: about.class,
            severity: about.severity,
            file: self.file.clone(),
            line,
            column,
            end: (line, column),
            message: message.into(),
            why: about.why.to_owned(),
            rewrite: (!about.rewrite.is_empty()).then(|| about.rewrite.to_owned()),
            ignored: None,
        })
    }
}
