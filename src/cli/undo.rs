//! `sluice undo`: the copies of rows that migrations took away, and how they come back.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::json;

use crate::database::{Database, UndoCopy};

use super::{output, target_database};

/// Show and restore the copies of rows that migrations took away
///
/// Where spec.execution.undo says so, rows are copied to the schema sluice_undo before a statement drops, deletes or changes
/// them. A way down is refilled from its copies by itself; this is for everything else.
#[derive(Debug, Subcommand)]
#[command(after_long_help = "Examples:\n  \
    sluice undo list --database-url postgres://app:secret@localhost/shop\n  \
    SLUICE_DATABASE_URL=postgres://… sluice undo restore 7")]
pub enum Undo {
    List(List),
    Restore(Restore),
}

/// List the copies, newest first
///
/// Each with the version and line that took the rows away, how many they are, where they are and when they expire. What
/// could not be copied is listed, too, with the reason.
///
/// Exit codes: 0 the list was shown; 1 the database cannot be read; 2 wrong usage.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  \
    sluice undo list --database-url postgres://app:secret@localhost/shop\n  \
    SLUICE_DATABASE_URL=postgres://… sluice undo list -o json | jq '.[].object'")]
pub struct List {
    #[command(flatten)]
    database: Where,

    /// How the list is shown
    #[arg(short, long, env = "SLUICE_OUTPUT", value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    output: Format,
}

/// Restore the rows of one copy
///
/// In one transaction, under the migration lock. The table, and for a column the column, have to be there again; rows
/// are not overwritten that were written since. Where something does not fit nothing is changed.
///
/// Exit codes: 0 the rows are back; 1 they are not; 2 wrong usage.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  \
    sluice undo restore 7 --database-url postgres://app:secret@localhost/shop\n  \
    SLUICE_DATABASE_URL=postgres://… sluice undo restore 7")]
pub struct Restore {
    /// Number of the copy, as `sluice undo list` shows it
    id: i64,

    #[command(flatten)]
    database: Where,
}

#[derive(Debug, Args)]
struct Where {
    /// Database: postgres://USER:PASSWORD@HOST:PORT/DATABASE; best given as the variable
    #[arg(long, env = "SLUICE_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    database_url: String,

    /// File with certificate authorities (PEM) that the server's certificate is checked against
    #[arg(long, env = "SLUICE_CA_FILE", value_name = "FILE")]
    ca_file: Option<PathBuf>,

    /// Schema that holds the ledger
    #[arg(long, env = "SLUICE_LEDGER_SCHEMA", value_name = "SCHEMA", default_value = "sluice")]
    ledger_schema: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// An array of JSON objects.
    Json,
}

/// Lists or restores.
pub async fn run(command: &Undo) -> ExitCode {
    let done = match command {
        Undo::List(list) => show(list).await,
        Undo::Restore(restore) => put_back(restore).await,
    };
    match done {
        Ok(text) => output::print(&text),
        Err(message) => output::failed(&message),
    }
}

fn open(database: &Where) -> Result<Arc<dyn Database>, String> {
    target_database::open(&database.database_url, database.ca_file.as_deref(), &database.ledger_schema)
}

async fn show(list: &List) -> Result<String, String> {
    let copies = open(&list.database)?.undo_copies().await.map_err(|error| error.to_string())?;
    match list.output {
        Format::Text => Ok(text(&copies)),
        Format::Json => {
            let copies: Vec<serde_json::Value> = copies.iter().map(object).collect();
            let json = serde_json::to_string_pretty(&copies);
            json.map(|json| json + "\n").map_err(|error| format!("the list could not be written as JSON: {error}"))
        }
    }
}

async fn put_back(restore: &Restore) -> Result<String, String> {
    let restored = open(&restore.database)?.undo_restore(restore.id).await;
    restored.map(|restored| format!("{restored}\n")).map_err(|error| error.to_string())
}

fn text(copies: &[UndoCopy]) -> String {
    if copies.is_empty() {
        return "no copies: nothing was taken away since they are made\n".to_owned();
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["ID", "STEP", "TAKEN AWAY", "BY", "ROWS", "STATE", "EXPIRES", "NOTE"]);
    for copy in copies {
        table.add_row([
            copy.id.to_string(),
            format!("{} {}", copy.label, copy.direction.as_str()),
            copy.object.clone(),
            format!("{}:{}", copy.file, copy.line),
            copy.rows.map(|rows| rows.to_string()).unwrap_or_default(),
            copy.state.as_str().to_owned(),
            copy.table.as_ref().map(|_| format!("{:.0}", copy.expires_at)).unwrap_or_default(),
            copy.note.clone().unwrap_or_default(),
        ]);
    }
    table.trim_fmt() + "\n"
}

fn object(copy: &UndoCopy) -> serde_json::Value {
    json!({
        "id": copy.id,
        "step": copy.label,
        "direction": copy.direction.as_str(),
        "file": copy.file,
        "line": copy.line,
        "object": copy.object,
        "table": copy.table.as_ref().map(|table| format!("sluice_undo.{table}")),
        "rows": copy.rows,
        "bytes": copy.bytes,
        "createdAt": copy.created_at.to_string(),
        "expiresAt": copy.expires_at.to_string(),
        "state": copy.state.as_str(),
        "note": copy.note,
        "restoreSql": copy.restore_sql,
    })
}
