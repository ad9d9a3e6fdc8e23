//! Ways back of every shape: after the way up and the way down the catalog, the rows and the sequences are what they were.
//!
//! Each file in `ways_back/` is one case. Its parts begin with a line of their own: `-- base` (version 1), `-- up` and
//! `-- down` (the next version; there may be several), `-- since` (what the application does in between), `-- after` (what
//! is made undone of that before comparing), `-- told` (on each line: words of a sentence that must be told, by the plan
//! beforehand or by the run), `-- lost` (likewise of the losses for which an automatic rollback does not begin; it is then
//! let go on), `-- differs` (lines that are not as they were, by their beginning).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use futures::{StreamExt as _, stream};
use sluice::database::StopSignal;
use sluice::database::{Database as _, UndoLimits, progress, run};
use sluice::plan::{Target, make};
use sqlx::postgres::PgConnection;

use crate::support::{Database, database, execute, set, value};

/// So many cases at once.
pub const AT_ONCE: usize = 4;

/// The parts of a case, in order.
pub type Parts = Vec<(String, String)>;

pub fn parts(text: &str) -> Parts {
    const NAMES: [&str; 8] = ["base", "up", "down", "since", "after", "told", "lost", "differs"];
    let mut parts: Parts = Vec::new();
    for line in text.lines() {
        match line.strip_prefix("-- ").filter(|name| NAMES.contains(name)) {
            Some(name) => parts.push((name.to_owned(), String::new())),
            None => {
                if let Some((_, text)) = parts.last_mut() {
                    let _ = writeln!(text, "{line}");
                }
            }
        }
    }
    parts
}

fn of<'a>(parts: &'a Parts, wanted: &str) -> Vec<&'a str> {
    parts.iter().filter(|(name, _)| name == wanted).map(|(_, text)| text.as_str()).collect()
}

fn lines<'a>(parts: &'a Parts, wanted: &str) -> Vec<&'a str> {
    of(parts, wanted).iter().flat_map(|text| text.lines()).filter(|line| !line.trim().is_empty()).collect()
}

/// Everything in a database that must be as it was, line by line.
async fn everything(db: &Database, connection: &mut PgConnection) -> Vec<String> {
    const NAMES: &str = "select string_agg(format('%s %s %I.%I', c.oid, c.relkind, n.nspname, c.relname), E'\\n' order by n.nspname, c.relname)
        from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'm', 'S')
        and n.nspname not in ('sluice', 'sluice_undo', 'information_schema') and n.nspname !~ '^pg_'";
    let mut all = Vec::new();
    for name in value(connection, NAMES).await.lines() {
        let mut words = name.splitn(3, ' ');
        let (_, kind, name) = (words.next(), words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let rows = match kind {
            "S" => format!("select last_value || ' ' || is_called from {name}"),
            // Long values by their hash; the order of columns is no matter.
            _ => format!(
                "select string_agg(row, E'\\n' order by row) from (select regexp_replace(case when length(j) > 600 then left(j, 60) || md5(j) else j end,
                    E'\\n', '~', 'g') as row from (select to_jsonb(t)::text as j from {} {name} t) x) y",
                if kind == "r" { "only" } else { "" }
            ),
        };
        let rows = value(connection, &rows).await;
        all.extend(rows.lines().map(|row| format!("{name}: {row}")));
    }
    const TRIGGERS: &str =
        "select string_agg(format('%s on %s %s', tgname, tgrelid::regclass, tgenabled), E'\\n' order by 1) from (
        select tgname, tgrelid, tgenabled from pg_trigger where not tgisinternal) t";
    all.extend(value(connection, TRIGGERS).await.lines().map(|line| format!("trigger {line}")));
    all.extend(dumped(db));
    all
}

/// The schema as `pg_dump` writes it: its lines sorted, for a column that comes back stands last.
fn dumped(db: &Database) -> Vec<String> {
    let output = Command::new(Path::new(&db.server.tools).join("pg_dump"))
        .args(["--schema-only", "--exclude-schema=sluice", "--exclude-schema=sluice_undo", "-h", &db.server.host])
        .args(["-p", &db.server.port.to_string(), "-U", &db.server.user, &db.name])
        .env("PGPASSWORD", &db.server.password)
        .output()
        .expect("pg_dump");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut lines: Vec<String> = text
        .lines()
        .filter(|line| !line.starts_with("--") && !line.starts_with('\\') && !line.trim().is_empty())
        .map(|line| format!("catalog {}", line.trim_end_matches(',')))
        .collect();
    lines.sort();
    lines
}

/// What is in one list and not in the other, each as often as it is there more.
fn differences(before: &[String], after: &[String]) -> Vec<String> {
    let mut count: BTreeMap<&String, i64> = BTreeMap::new();
    before.iter().for_each(|line| *count.entry(line).or_default() += 1);
    after.iter().for_each(|line| *count.entry(line).or_default() -= 1);
    let told = count.into_iter().filter(|(_, more)| *more != 0);
    told.map(|(line, more)| format!("{} {line}", if more > 0 { "gone" } else { "new" })).collect()
}

/// Goes there and back; what is wrong.
pub async fn there_and_back(parts: &Parts) -> Vec<String> {
    let mut db = database().await;
    let limits =
        UndoLimits { max_rows: 10_000, max_bytes: 8 << 20, keep: Duration::from_secs(3600), ..UndoLimits::default() };
    db.settings.undo = Some(limits);
    let mut files: Vec<(String, String)> = vec![("V001__base.sql".to_owned(), of(parts, "base").concat())];
    for (number, (up, down)) in of(parts, "up").into_iter().zip(of(parts, "down")).enumerate() {
        files.push((format!("V{:03}__x.sql", number + 2), up.to_owned()));
        files.push((format!("U{:03}__x.sql", number + 2), down.to_owned()));
    }
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let report = db.run(&set(&files[..1]), "Latest").await;
    if let Err(error) = report.result {
        return vec![format!("base: {error}")];
    }
    let mut connection = db.connect().await;
    execute(&mut connection, "analyze").await;
    let before = everything(&db, &mut connection).await;

    let scripts = set(&files);
    let plan = make(&scripts, &db.ledger().await, &Target::Latest, &db.policy).expect("a plan");
    let estimates = db.postgres().undo_estimates(&plan.steps, &limits).await.expect("estimates");
    let mut told: Vec<String> = estimates.iter().map(|estimate| format!("plan: {estimate}")).collect();
    let up = db.run(&scripts, "Latest").await;
    told.extend(up.done.iter().flat_map(|step| step.undo.iter().map(|undo| format!("up: {undo}"))));
    if let Err(error) = up.result {
        return vec![format!("up: {error}")];
    }
    for sql in of(parts, "since") {
        execute(&mut connection, sql).await;
    }
    let mut request = db.request(&scripts, "001").await.expect("a plan back");
    request.spare_rows = true;
    let losses = db.postgres().losses(&request.plan.steps).await.expect("losses");
    let losses: Vec<String> = losses.iter().map(ToString::to_string).collect();
    let mut wrong = Vec::new();
    let expected = lines(parts, "lost");
    wrong.extend(
        expected
            .iter()
            .filter(|words| !losses.iter().any(|loss| loss.contains(*words)))
            .map(|words| format!("not counted: {words}")),
    );
    wrong.extend(
        losses
            .iter()
            .filter(|loss| !expected.iter().any(|words| loss.contains(words)))
            .map(|loss| format!("blocked: {loss}")),
    );
    request.spare_rows = false;
    let (sender, _receiver) = progress();
    let down = run(&db.postgres(), &request, &sender, &StopSignal::default()).await;
    told.extend(down.done.iter().flat_map(|step| step.undo.iter().map(|undo| format!("down: {undo}"))));
    if let Err(error) = down.result {
        return vec![format!("down: {error}"), told.join("\n      ")];
    }
    for sql in of(parts, "after") {
        execute(&mut connection, sql).await;
    }
    let differs = lines(parts, "differs");
    let different = differences(&before, &everything(&db, &mut connection).await);
    wrong.extend(
        differs
            .iter()
            .filter(|line| !different.iter().any(|seen| seen.starts_with(*line)))
            .map(|line| format!("as it was: {line}")),
    );
    wrong.extend(different.into_iter().filter(|seen| !differs.iter().any(|line| seen.starts_with(line))));
    wrong.extend(
        lines(parts, "told")
            .iter()
            .filter(|words| !told.iter().any(|told| told.contains(*words)))
            .map(|words| format!("not told: {words}")),
    );
    if !wrong.is_empty() {
        wrong.extend(told);
    }
    wrong
}

#[tokio::test]
async fn after_the_way_back_everything_is_as_it_was_or_was_told() {
    let only = std::env::var("ONLY").unwrap_or_default();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/database/ways_back");
    let mut cases: Vec<_> = std::fs::read_dir(folder)
        .expect("the cases")
        .map(|entry| entry.expect("a case").path())
        .filter(|path| path.to_string_lossy().contains(&only))
        .collect();
    cases.sort();
    let tried = stream::iter(cases).map(|path| async move {
        let parts = parts(&std::fs::read_to_string(&path).expect("a case"));
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        (name, there_and_back(&parts).await)
    });
    let mut bad = String::new();
    let mut tried = std::pin::pin!(tried.buffered(AT_ONCE));
    while let Some((name, wrong)) = tried.next().await {
        if !wrong.is_empty() {
            let _ = writeln!(bad, "  {name}\n      {}", wrong.join("\n      "));
        }
    }
    assert!(bad.is_empty(), "these ways back do not lead where they should:\n{bad}");
}
