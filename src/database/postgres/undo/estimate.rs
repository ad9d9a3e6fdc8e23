//! What a plan would copy, by the server's estimates. Reading only, and nothing is counted.

use crate::database::{DatabaseError, UndoEstimate, UndoLimits};
use crate::migration::TransactionMode;
use crate::plan::Step;

use super::super::connect::{Connector, Link};
use super::super::failure::{SqlError, lost, name};
use super::super::loss::read::{Reader, Target};
use super::facts::Table;
use super::items::{items, targets, together};

/// What the steps would copy before they destroy it, and what they could not.
pub(in super::super) async fn estimates(
    connector: &Connector,
    steps: &[Step],
    limits: &UndoLimits,
) -> Result<Vec<UndoEstimate>, DatabaseError> {
    let mut reader = Reader::default();
    let mut link: Option<Link> = None;
    let mut estimates = Vec::new();
    for step in steps {
        let Some(script) = step.script() else { continue };
        let transactional = script.mode == TransactionMode::Transactional;
        for one in &script.statements {
            for (target, path, query) in targets(&mut reader, one) {
                let link = match &mut link {
                    Some(link) => link,
                    none => none.insert(connector.connect("sluice/look", "").await?),
                };
                for item in together(items(&target, look(link, path.as_deref(), &query).await?)) {
                    let few = matches!(&target, Target::Rows { condition: Some(_), .. });
                    let limit = if transactional { item.limit(limits).map(|_| ()) } else { Err(ALONE.to_owned()) };
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

/// Why a script that runs without a transaction copies nothing.
const ALONE: &str = "its script runs without a transaction";

async fn look(link: &mut Link, path: Option<&str>, query: &str) -> Result<Vec<Table>, DatabaseError> {
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
