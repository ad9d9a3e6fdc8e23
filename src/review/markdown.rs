//! A plan as Markdown, for pull requests and for whoever is asked to approve it.

use crate::lint::Finding;
use crate::plan::Direction;

use super::{PlanShown, StatementShown, StepShown, UndoShown};

/// The plan as Markdown. Texts of scripts stand in code blocks that they cannot end.
#[must_use]
pub fn markdown(plan: &PlanShown) -> String {
    let from = plan.from.as_deref().unwrap_or("nothing");
    let to = plan.to.as_deref().unwrap_or("nothing");
    let way = match plan.direction {
        Direction::Up if plan.from == plan.to => format!("at {to}"),
        Direction::Up => format!("up from {from} to {to}"),
        Direction::Down => format!("down from {from} to {to}"),
    };
    let mut lines = vec![format!("## Plan: {way}"), String::new()];
    let mut facts = vec![format!("risk **{}**", plan.risk.as_str())];
    facts.extend(plan.strongest_lock.map(|lock| format!("strongest lock {lock}")));
    facts.extend(plan.rewrites.then(|| "rewrites a table".to_owned()));
    facts.extend(plan.scans.then(|| "scans a table while writers wait".to_owned()));
    facts.extend(plan.estimate.as_ref().map(|estimate| format!("about {estimate}")));
    facts.push(format!("{}, {}", count(plan.steps.len(), "step"), count(plan.statements, "statement")));
    lines.push(facts.join(" · "));
    lines.push(String::new());
    lines.extend(plan.risk_reasons.iter().map(|reason| format!("- {}", inline(reason))));
    if !plan.risk_reasons.is_empty() {
        lines.push(String::new());
    }
    lines.push(format!("`{}`", plan.digest));
    for step in &plan.steps {
        lines.extend(section(step));
    }
    if !plan.findings.is_empty() {
        lines.extend([String::new(), "### Findings".to_owned(), String::new()]);
        lines.extend(plan.findings.iter().flat_map(finding));
    }
    lines.join("\n") + "\n"
}

fn section(step: &StepShown) -> Vec<String> {
    let verb = match step.action {
        "revert" => "take back",
        "baseline" => "record as applied, run nothing",
        "repeat" => "run, it is new or changed",
        _ => "apply",
    };
    let file = step.script.as_ref().map(|script| format!(" (`{}`)", inline(&script.file))).unwrap_or_default();
    let mut lines = vec![
        String::new(),
        format!("### {}: {verb}: {}{file}", inline(&step.step), inline(&step.description)),
        String::new(),
    ];
    let mut facts: Vec<String> = step.risk.iter().map(|risk| format!("risk {}", risk.as_str())).collect();
    if let Some(script) = &step.script {
        facts.push(match (&script.reason, script.transactional) {
            (Some(reason), _) => format!("without a transaction: {}", inline(reason)),
            (None, true) => "one transaction".to_owned(),
            (None, false) => "without a transaction".to_owned(),
        });
    }
    facts.push(match (&step.way_down, step.reversible) {
        (Some(down), _) => format!("way down `{}`", inline(&down.file)),
        (None, true) => "can be taken back".to_owned(),
        (None, false) => "**no way down**".to_owned(),
    });
    lines.push(facts.join(" · "));
    if !step.effects.is_empty() {
        lines.push(String::new());
        lines.push("| line | statement | what it touches | risk |".to_owned());
        lines.push("|---|---|---|---|".to_owned());
        lines.extend(step.effects.iter().map(row));
    }
    for statement in &step.effects {
        if let Some(sql) = &statement.sql {
            let fence = fence(sql);
            lines.extend([String::new(), format!("{fence}sql"), sql.clone(), fence]);
        }
    }
    if !step.undo.is_empty() {
        lines.push(String::new());
        lines.extend(step.undo.iter().map(copy));
    }
    lines
}

fn row(statement: &StatementShown) -> String {
    let mut touches: Vec<String> = statement
        .touches
        .iter()
        .map(|touch| {
            let mut words = vec![format!("`{}` {}", inline(&touch.table), touch.lock)];
            words.extend(touch.rewrites.then(|| "rewritten".to_owned()));
            words.extend(touch.scans.then(|| "read from end to end".to_owned()));
            words.extend(touch.new.then(|| "new".to_owned()));
            words.join(", ")
        })
        .collect();
    touches.extend(statement.destroys.iter().map(|what| format!("**destroys {}**", inline(what))));
    touches.extend(statement.opaque.iter().map(|why| format!("cannot be told: {}", inline(why))));
    let why = statement.risk_reasons.first().map(|why| format!(": {}", inline(why))).unwrap_or_default();
    format!(
        "| {} | {} | {} | {}{why} |",
        statement.line,
        inline(&statement.kind),
        touches.join("<br>"),
        statement.risk.as_str()
    )
}

fn copy(undo: &UndoShown) -> String {
    let object = inline(&undo.object);
    match (&undo.not_copied, undo.rows) {
        (Some(why), _) => format!("- takes away {object} (line {}) without an undo copy: {}", undo.line, inline(why)),
        (None, Some(rows)) => {
            format!("- takes away {object} (line {}); about {rows} rows are copied before", undo.line)
        }
        (None, None) => format!("- takes away {object} (line {}); its rows are copied before", undo.line),
    }
}

fn finding(finding: &Finding) -> Vec<String> {
    let place = format!("`{}:{}:{}`", inline(&finding.file), finding.line, finding.column);
    let mut lines =
        vec![format!("- **{}** {place}: {}. {}", finding.rule, inline(&finding.message), inline(&finding.why))];
    if let Some(reason) = &finding.ignored {
        lines.push(format!("  - ignored: {}", inline(reason)));
    } else if let Some(rewrite) = &finding.rewrite {
        let fence = fence(rewrite);
        lines.push(format!("  {fence}sql"));
        lines.extend(rewrite.lines().map(|line| format!("  {line}")));
        lines.push(format!("  {fence}"));
    }
    lines
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// A text that stays within its line and its table cell.
fn inline(text: &str) -> String {
    let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.replace('`', "'").replace('|', "\\|").replace('<', "&lt;")
}

/// A fence that is longer than every run of backticks inside.
fn fence(text: &str) -> String {
    let mut longest = 0;
    let mut run = 0;
    for character in text.chars() {
        run = if character == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    "`".repeat(3.max(longest + 1))
}
