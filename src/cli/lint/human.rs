//! Findings for people: each with its source lines, why it hurts and the safe way.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::lint::{Finding, LintVerdict, Severity};

use super::report::{Report, Told, Unreadable};

/// Longer statements are shown by their first lines.
const LINES: u32 = 8;

/// The report as text, with colours where they are wanted.
pub fn render(report: &Report, colours: bool) -> String {
    let renderer = if colours { Renderer::styled() } else { Renderer::plain() };
    let mut text = String::new();
    for problem in &report.problems {
        push(&mut text, &renderer.render(&[unreadable(report, problem)]));
    }
    for told in report.findings.iter().filter(|told| told.verdict > LintVerdict::Allowed) {
        push(&mut text, &renderer.render(&[group(report, told)]));
    }
    for Told { finding, .. } in &report.findings {
        if let Some(reason) = &finding.ignored {
            let Finding { rule, file, line, column, .. } = finding;
            text.push_str(&format!("ignored: {rule} at {file}:{line}:{column}: {reason}\n"));
        }
    }
    for warning in &report.warnings {
        text.push_str(&format!("note: {warning}\n"));
    }
    text.push_str(&summary(report));
    text
}

fn push(text: &mut String, shown: &str) {
    text.push_str(shown);
    text.push_str("\n\n");
}

fn group<'a>(report: &'a Report, told: &'a Told) -> Group<'a> {
    let finding = &told.finding;
    let level = match (told.verdict, finding.severity) {
        (LintVerdict::Denied, _) => Level::ERROR,
        (_, Severity::Note) => Level::NOTE,
        (_, Severity::Warning | Severity::Error) => Level::WARNING,
    };
    let title = level.primary_title(finding.message.as_str()).id(finding.rule);
    let last = finding.end.0.min(finding.line + LINES - 1);
    let group = match snippet(report, &finding.file, (finding.line, finding.column), last, finding.end) {
        Some(snippet) => title.element(snippet),
        None => title.element(annotate_snippets::Origin::path(finding.file.as_str())),
    };
    let group = group.element(Level::NOTE.message(finding.why.as_str()));
    match &finding.rewrite {
        Some(rewrite) => group.element(Level::HELP.message(rewrite.as_str())),
        None => group,
    }
}

fn unreadable<'a>(report: &'a Report, problem: &'a Unreadable) -> Group<'a> {
    let title = Level::ERROR.primary_title(problem.what.as_str()).id(super::report::UNREADABLE);
    let snippet = problem.line.and_then(|line| snippet(report, &problem.file, (line, 1), line, (line, u32::MAX)));
    let group = match snippet {
        Some(snippet) => title.element(snippet),
        None => title.element(annotate_snippets::Origin::path(problem.file.as_str())),
    };
    group.element(Level::HELP.message(problem.cure.as_str()))
}

/// The lines up to `last` with the part from `start` to `end` marked; `None` where the file has no such line.
fn snippet<'a>(
    report: &'a Report,
    file: &'a str,
    start: (u32, u32),
    last: u32,
    end: (u32, u32),
) -> Option<Snippet<'a, annotate_snippets::Annotation<'a>>> {
    let lines = report.lines(file, start.0, last)?;
    let first = lines.first()?;
    let from = offset(first, start.1);
    let before: usize = lines.iter().rev().skip(1).map(|line| line.len() + 1).sum();
    let whole = lines.last()?;
    let to = before + if end.0 > last { whole.len() } else { offset(whole, end.1) };
    let source = lines.join("\n");
    let span = from..to.max(from);
    Some(
        Snippet::source(source)
            .path(file)
            .line_start(usize::try_from(start.0).ok()?)
            .annotation(AnnotationKind::Primary.span(span)),
    )
}

/// The byte of a 1-based column in characters.
fn offset(line: &str, column: u32) -> usize {
    let characters = usize::try_from(column).unwrap_or(usize::MAX).saturating_sub(1);
    line.char_indices().nth(characters).map_or(line.len(), |(at, _)| at)
}

fn summary(report: &Report) -> String {
    let Report { scripts, statements, denied, warned, ignored, problems, .. } = report;
    let counted = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
    if !problems.is_empty() {
        return format!("the scripts cannot be read: {}\n", counted(problems.len(), "problem"));
    }
    let silenced = if *ignored > 0 { format!(", {ignored} ignored") } else { String::new() };
    format!(
        "{} in {}: {denied} denied, {warned} warned{silenced}\n",
        counted(*statements, "statement"),
        counted(*scripts, "script")
    )
}
