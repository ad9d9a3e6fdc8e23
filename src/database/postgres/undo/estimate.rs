//! What a plan would copy, by the server's estimates. Reading only, and nothing is counted.

use serde::de::DeserializeOwned;

use crate::database::{DatabaseError, UndoEstimate, UndoLimits};
use crate::migration::{StatementClass, TransactionMode};
use crate::plan::Step;

use super::super::connect::{Connector, Link};
use super::super::failure::{SqlError, lost, name};
use super::super::loss::read::{Reader, Target};
use super::items::{ALONE, Room, UNTOLD, items, targets, together, triggers};
use super::look::functions;

/// What the steps would copy before they destroy it, and what they could not.
pub(in super::super) async fn estimates(
    connector: &Connector,
    steps: &[Step],
    limits: &UndoLimits,
) -> Result<Vec<UndoEstimate>, DatabaseError> {
    let mut reader = Reader::default();
    let mut link: Option<Link> = None;
    let mut estimates = Vec::new();
    let mut copied: u64 = 0;
    for step in steps {
        let Some(script) = step.script() else { continue };
        let mut in_transaction = script.mode == TransactionMode::Transactional;
        for one in &script.statements {
            let alone = match one.class {
                StatementClass::Transactional => false,
                StatementClass::NonTransactional | StatementClass::MayCommit => !in_transaction,
                StatementClass::Begin | StatementClass::Commit | StatementClass::Rollback => {
                    in_transaction = one.class == StatementClass::Begin;
                    continue;
                }
            };
            let targets = targets(&mut reader, one);
            if targets.is_empty() {
                continue;
            }
            let link = match &mut link {
                Some(link) => link,
                none => none.insert(connector.connect("sluice/look", "").await?),
            };
            let untold = |what: String| UndoEstimate {
                label: step.label(),
                file: script.file.clone(),
                line: one.line,
                object: format!("whatever {what} does"),
                rows: None,
                bytes: None,
                not_copied: Some(if alone { ALONE } else { UNTOLD }.to_owned()),
            };
            estimates.extend(targets.unclear.iter().map(|what| untold((*what).to_owned())));
            if !targets.calls.is_empty() {
                let functions: Vec<String> = look(link, None, &functions(&targets.calls)).await?;
                estimates.extend(functions.iter().map(|name| untold(format!("function {name}"))));
            }
            for (target, path, query) in targets.known {
                let items = together(items(&target, look(link, path.as_deref(), &query).await?, true));
                let triggers = triggers(&items).into_iter();
                estimates.extend(triggers.map(|(table, trigger)| untold(format!("trigger {trigger} on {table}"))));
                for item in items {
                    let few = matches!(&target, Target::Rows { condition: Some(_), .. });
                    let limit =
                        if alone { Err(ALONE.to_owned()) } else { item.limit(limits, &Room::of(limits, copied)) };
                    copied = copied.saturating_add(if limit.is_ok() { item.takes() } else { 0 });
                    estimates.push(UndoEstimate {
                        label: step.label(),
                        file: script.file.clone(),
                        line: one.line,
                        object: item.object(),
                        rows: item.table.rows.filter(|_| !few),
                        bytes: item.bytes().filter(|_| !few),
                        not_copied: limit.err(),
                    });
                }
            }
        }
        reader.script_ends();
    }
    if let Some(link) = link {
        link.close().await;
    }
    Ok(estimates)
}

async fn look<T: DeserializeOwned>(link: &mut Link, path: Option<&str>, query: &str) -> Result<T, DatabaseError> {
    let path = path.map(|path| format!("set local search_path to {path};")).unwrap_or_default();
    let sql = format!(
        "begin read only; set local statement_timeout = '8s'; set local lock_timeout = '2s'; {path} select {query}::text; rollback"
    );
    match link.json(&sql).await {
        Ok(tables) => Ok(tables),
        Err(SqlError::Lost(why)) => Err(lost(&link.address, &why)),
        Err(SqlError::Server(error)) => Err(DatabaseError::Unreachable(format!(
            "{} does not tell for now what would be copied: {}",
            link.address,
            name(&error.code)
        ))),
    }
}
