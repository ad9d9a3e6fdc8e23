//! A plan as people read it.

use std::fmt::Write;

use comfy_table::{ContentArrangement, Table, presets};

use crate::migration::Risk;
use crate::plan::Direction;

use crate::review::{self, PlanShown, ScriptShown, StepShown};

use super::rehearse;
use super::report::{DatabaseShown, Outcome, ProblemShown, Report};

/// The whole answer.
pub fn render(report: &Report) -> String {
    let mut lines: Vec<String> = Vec::new();
    // One per line and nothing around them, as compilers do it: editors jump to such lines.
    lines.extend(report.problems.iter().map(problem));
    if report.outcome == Outcome::Problems {
        lines.push(match report.problems.len() {
            1 => "one problem; nothing can run before it is mended".to_owned(),
            count => format!("{count} problems; nothing can run before they are mended"),
        });
        return lines.join("\n") + "\n";
    }
    lines.push(field("source", &source(report)));
    if let Some(shown) = &report.database {
        lines.push(field("database", &database(shown)));
    }
    lines.push(field("target", report.target.as_deref().unwrap_or_default()));
    match (&report.plan, &report.refusal) {
        (Some(plan), _) => {
            lines.push(field("plan", &summary(plan)));
            lines.push(String::new());
            lines.push(table(plan, &report.source.dir));
            lines.extend(reasons(plan, &report.source.dir));
            lines.extend(findings(plan));
            lines.extend(copies(plan));
            lines.extend(report.rehearsal.iter().flat_map(rehearse::text));
        }
        (None, Some(refusal)) => lines.push(field("refused", refusal)),
        (None, None) => lines.push(field("plan", "nothing to do: the database is where it should be")),
    }
    if !report.warnings.is_empty() {
        lines.push(String::new());
        lines.extend(report.warnings.iter().map(|warning| format!("warning: {warning}")));
    }
    lines.join("\n") + "\n"
}

/// The whole answer as Markdown.
pub fn markdown(report: &Report) -> String {
    match &report.plan {
        Some(plan) => {
            let mut text = review::markdown(plan);
            for warning in &report.warnings {
                // Writing to a String cannot fail.
                let _ok = write!(text, "\n> **Warning**: {warning}\n");
            }
            text
        }
        None => format!("```\n{}```\n", render(report)),
    }
}

fn field(name: &str, value: &str) -> String {
    format!("{name:<10}{value}")
}

fn problem(problem: &ProblemShown) -> String {
    let mut text = problem.file.clone();
    if let Some(line) = problem.line {
        // Writing to a String cannot fail.
        let _ok = write!(text, ":{line}");
    }
    format!("{text}: {}: {}", problem.what, problem.cure)
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

fn source(report: &Report) -> String {
    let newest = report.source.latest.as_ref().map(|latest| format!(", the newest is {latest}")).unwrap_or_default();
    format!("{}: {}{newest}", report.source.dir, count(report.source.versions.unwrap_or_default(), "version"))
}

fn database(database: &DatabaseShown) -> String {
    let state = match (&database.applied, database.ledger_installed) {
        (Some(applied), _) => format!("at version {applied} ({} applied)", database.applied_count),
        (None, true) => "nothing applied".to_owned(),
        (None, false) => "no ledger yet".to_owned(),
    };
    format!(
        "{} (PostgreSQL {}, ledger in schema {}): {state}",
        database.address, database.server, database.ledger_schema
    )
}

fn summary(plan: &PlanShown) -> String {
    let from = plan.from.as_deref().unwrap_or("nothing");
    let to = plan.to.as_deref().unwrap_or("nothing");
    let way = match plan.direction {
        Direction::Up if plan.from == plan.to => format!("at {to}"),
        Direction::Up => format!("up from {from} to {to}"),
        Direction::Down => format!("down from {from} to {to}"),
    };
    let mut facts = vec![
        format!("{way}: {}, {}", count(plan.steps.len(), "step"), count(plan.statements, "statement")),
        format!("risk {}", plan.risk.as_str().to_lowercase()),
    ];
    facts.extend(plan.estimate.as_ref().map(|estimate| format!("about {estimate}")));
    facts.join(", ")
}

/// A file as the folder's owner knows it: the folder itself stands above.
fn file<'a>(script: &'a ScriptShown, dir: &str) -> &'a str {
    script.file.strip_prefix(dir).map_or(script.file.as_str(), |rest| rest.trim_start_matches('/'))
}

fn table(plan: &PlanShown, dir: &str) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header([
        "STEP",
        "WHAT",
        "FILE",
        "STATEMENTS",
        "TRANSACTION",
        "RISK",
        "STRONGEST LOCK",
        "REWRITES OR SCANS",
        "ESTIMATE",
        "WAY DOWN",
    ]);
    for step in &plan.steps {
        table.add_row([
            step.step.clone(),
            what(step),
            step.script.as_ref().map(|script| file(script, dir).to_owned()).unwrap_or_default(),
            step.script.as_ref().map(statements).unwrap_or_default(),
            step.script.as_ref().map(|script| transaction(script).to_owned()).unwrap_or_default(),
            risk(step).to_owned(),
            step.strongest_lock.map(lock).unwrap_or_default().to_owned(),
            reads(step),
            estimate(step),
            way_down(step, dir),
        ]);
    }
    table.trim_fmt()
}

fn what(step: &StepShown) -> String {
    match step.action {
        "revert" => format!("take back: {}", step.description),
        "baseline" => format!("record as applied, run nothing: {}", step.description),
        "repeat" => format!("run, it is new or changed: {}", step.description),
        _ => step.description.clone(),
    }
}

fn statements(script: &ScriptShown) -> String {
    if script.statements == 0 { "no-op".to_owned() } else { script.statements.to_string() }
}

fn transaction(script: &ScriptShown) -> &'static str {
    if script.transactional { "yes" } else { "no" }
}

fn risk(step: &StepShown) -> &'static str {
    match step.risk {
        Some(Risk::Low) => "low",
        Some(Risk::Medium) => "medium",
        Some(Risk::High) => "high",
        Some(Risk::Critical) => "critical",
        None => "",
    }
}

/// `AccessExclusive`: the column says that it is a lock.
fn lock(lock: &'static str) -> &'static str {
    lock.strip_suffix("Lock").unwrap_or(lock)
}

/// `orders (rewrite), users`
fn reads(step: &StepShown) -> String {
    let rewritten = step.rewrites.iter().map(|table| format!("{table} (rewrite)"));
    rewritten.chain(step.scans.iter().cloned()).collect::<Vec<_>>().join(", ")
}

/// What the author says, or else what the sizes of tables say.
fn estimate(step: &StepShown) -> String {
    match (&step.estimated_duration, &step.estimate, &step.script) {
        (Some(said), _, _) => format!("{said} (header)"),
        (None, Some(estimate), _) if estimate == "0s" => "a moment".to_owned(),
        (None, Some(estimate), _) => format!("about {estimate}"),
        (None, None, Some(_)) => "cannot be told".to_owned(),
        (None, None, None) => String::new(),
    }
}

fn way_down(step: &StepShown, dir: &str) -> String {
    match (&step.way_down, step.action) {
        (Some(script), _) if script.statements == 0 => format!("{} (no-op)", file(script, dir)),
        (Some(script), _) => file(script, dir).to_owned(),
        (None, "revert" | "repeat") => String::new(),
        (None, _) => "none".to_owned(),
    }
}

/// What the linter found, as compilers tell it: editors jump to such lines.
fn findings(plan: &PlanShown) -> Vec<String> {
    let mut lines = Vec::new();
    for finding in &plan.findings {
        let place = format!("{}:{}:{}", finding.file, finding.line, finding.column);
        let told = format!("{place}: {}[{}]: {}", finding.severity.as_str(), finding.rule, finding.message);
        match (&finding.ignored, &finding.rewrite) {
            (Some(reason), _) => lines.push(format!("{told}; ignored: {reason}")),
            (None, Some(rewrite)) => {
                lines.push(told);
                lines.push("    write instead:".to_owned());
                lines.extend(rewrite.lines().map(|line| format!("        {line}")));
            }
            (None, None) => lines.push(told),
        }
    }
    if !lines.is_empty() {
        lines.insert(0, String::new());
    }
    lines
}

/// What is taken away, and what of it would be copied before.
fn copies(plan: &PlanShown) -> Vec<String> {
    let mut lines = Vec::new();
    for step in &plan.steps {
        for undo in &step.undo {
            let size = match (undo.rows, undo.bytes) {
                (Some(rows), Some(bytes)) => format!("about {} of {} KiB in all", rows_of(rows), bytes.div_ceil(1024)),
                (Some(rows), None) => format!("about {}", rows_of(rows)),
                (None, _) => "as many rows as there are then".to_owned(),
            };
            let line = undo.line;
            lines.push(match &undo.not_copied {
                None => {
                    format!("{} takes away {} (line {line}); an undo copy would hold {size}", step.step, undo.object)
                }
                Some(why) => {
                    format!("{} takes away {} (line {line}) without an undo copy: {why}", step.step, undo.object)
                }
            });
        }
    }
    if !lines.is_empty() {
        lines.insert(0, String::new());
    }
    lines
}

fn rows_of(rows: u64) -> String {
    if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") }
}

/// Why scripts run without a transaction: what a failure in their middle leaves behind depends on it.
fn reasons(plan: &PlanShown, dir: &str) -> Vec<String> {
    let scripts = plan.steps.iter().filter_map(|step| step.script.as_ref());
    let mut lines: Vec<String> = scripts
        .filter_map(|script| {
            let reason = script.reason.as_ref()?;
            Some(format!("{} runs without a transaction, statement by statement: {reason}", file(script, dir)))
        })
        .collect();
    if !lines.is_empty() {
        lines.insert(0, String::new());
    }
    lines
}
