//! Findings as SARIF 2.1.0, which code scanning and editors read.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Value, json};

use crate::lint::{About, LintVerdict, RULES, Severity};

use super::report::{Report, Told, UNREADABLE, Unreadable};

/// What a path may not hold in a URI.
const PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}')
    .add(b'\\');

/// The log of one run.
pub fn render(report: &Report) -> Value {
    let abouts: Vec<&About> = RULES.iter().map(|rule| rule.about()).collect();
    let mut rules: Vec<Value> = abouts.iter().map(|about| descriptor(about)).collect();
    rules.push(json!({
        "id": UNREADABLE,
        "shortDescription": {"text": "The scripts cannot be read"},
        "defaultConfiguration": {"level": "error"},
    }));
    let problems = report.problems.iter().map(|problem| unreadable(problem, abouts.len()));
    let findings = report.findings.iter().map(|told| result(told, &abouts));
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "sluice",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": problems.chain(findings).collect::<Vec<Value>>(),
        }],
    })
}

fn descriptor(about: &About) -> Value {
    let page = format!("{}/blob/main/docs/lint/{}.md", env!("CARGO_PKG_REPOSITORY"), about.name);
    let mut help = about.why.to_owned();
    if !about.rewrite.is_empty() {
        help = format!("{help}\n\n{}", about.rewrite);
    }
    json!({
        "id": about.name,
        "shortDescription": {"text": about.summary},
        "fullDescription": {"text": about.why},
        "help": {"text": help},
        "helpUri": page,
        "defaultConfiguration": {"level": about.severity.as_str()},
        "properties": {"tags": [about.class.as_str()]},
    })
}

fn result(told: &Told, abouts: &[&About]) -> Value {
    let finding = &told.finding;
    let level = match (told.verdict, finding.severity) {
        (LintVerdict::Denied, _) => Severity::Error,
        (_, Severity::Note) => Severity::Note,
        (_, Severity::Warning | Severity::Error) => Severity::Warning,
    };
    let text = match &finding.rewrite {
        Some(rewrite) => format!("{}\n\n{}\n\n{rewrite}", finding.message, finding.why),
        None => format!("{}\n\n{}", finding.message, finding.why),
    };
    let mut result = json!({
        "ruleId": finding.rule,
        "level": level.as_str(),
        "message": {"text": text},
        "locations": [{"physicalLocation": {
            "artifactLocation": artifact(&finding.file),
            "region": {
                "startLine": finding.line,
                "startColumn": finding.column,
                "endLine": finding.end.0,
                "endColumn": finding.end.1,
            },
        }}],
    });
    if let Some(index) = abouts.iter().position(|about| about.name == finding.rule) {
        result["ruleIndex"] = json!(index);
    }
    if let Some(reason) = &finding.ignored {
        result["suppressions"] = json!([{"kind": "inSource", "justification": reason}]);
    }
    result
}

fn unreadable(problem: &Unreadable, index: usize) -> Value {
    let mut place = json!({"artifactLocation": artifact(&problem.file)});
    if let Some(line) = problem.line {
        place["region"] = json!({"startLine": line});
    }
    json!({
        "ruleId": UNREADABLE,
        "ruleIndex": index,
        "level": Severity::Error.as_str(),
        "message": {"text": format!("{}: {}", problem.what, problem.cure)},
        "locations": [{"physicalLocation": place}],
    })
}

/// A file as a URI: relative to the checkout where it was given so.
fn artifact(file: &str) -> Value {
    let path = utf8_percent_encode(file, PATH).to_string();
    match path.strip_prefix('/') {
        Some(absolute) => json!({"uri": format!("file:///{absolute}")}),
        None => json!({"uri": path.strip_prefix("./").unwrap_or(&path), "uriBaseId": "%SRCROOT%"}),
    }
}
