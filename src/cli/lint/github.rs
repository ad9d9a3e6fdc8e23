//! Findings as annotations of a GitHub workflow: `::error file=…,line=…::message`.

use crate::lint::{LintVerdict, Severity};

use super::report::{Report, Told, UNREADABLE, Unreadable};

/// One command a line.
pub fn render(report: &Report) -> String {
    let problems = report.problems.iter().map(|Unreadable { file, line, what, cure }| {
        let line = line.map(|line| format!(",line={line}")).unwrap_or_default();
        format!("::error file={}{line},title={UNREADABLE}::{}\n", property(file), data(&format!("{what}: {cure}")))
    });
    let told = report.findings.iter().filter(|told| told.verdict > LintVerdict::Allowed);
    problems.chain(told.map(annotation)).collect()
}

fn annotation(told: &Told) -> String {
    let finding = &told.finding;
    let command = match (told.verdict, finding.severity) {
        (LintVerdict::Denied, _) => "error",
        (_, Severity::Note) => "notice",
        (_, Severity::Warning | Severity::Error) => "warning",
    };
    let mut place = format!("line={}", finding.line);
    // Columns are understood only within one line.
    if finding.end.0 == finding.line {
        place.push_str(&format!(",col={},endColumn={}", finding.column, finding.end.1));
    } else {
        place.push_str(&format!(",endLine={}", finding.end.0));
    }
    let rewrite = finding.rewrite.as_ref().map(|rewrite| format!("\n\n{rewrite}")).unwrap_or_default();
    let message = format!("{}\n\n{}{rewrite}", finding.message, finding.why);
    let file = property(&finding.file);
    format!("::{command} file={file},{place},title={}::{}\n", property(finding.rule), data(&message))
}

/// Escapes the text behind `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes the value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_runner_reads_as_syntax_is_escaped() {
        assert_eq!(data("100 %\r\nnext: a, b"), "100 %25%0D%0Anext: a, b");
        assert_eq!(property("a:b,c%d\ne"), "a%3Ab%2Cc%25d%0Ae");
    }
}
