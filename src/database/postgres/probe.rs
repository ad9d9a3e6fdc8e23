//! Looking up in the catalog what a statement did whose outcome nobody saw.
//!
//! What was seen is turned into a verdict by functions without I/O. An INVALID index never counts as done.

use serde::Deserialize;

use crate::database::DatabaseError;

use super::quote::text;
use super::recognise::{Extent, Known, Name, Shared};
use super::session::PostgresSession;

/// When the question is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Before the statement was ever sent.
    First,
    /// It was sent, and its outcome was not seen.
    Resumed,
    /// The server reported an error for it, just now.
    AfterError,
    /// The server reported success, just now.
    AfterSuccess,
}

/// What to do about a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is in effect.
    Done,
    /// It is not: run it.
    Run,
    /// Half of it is in effect: run this to complete it.
    RunInstead(String),
    /// Another session is at it right now.
    Wait(i32),
    /// Remains of an earlier attempt, as quoted index names: drop them, then ask again.
    Drop(Vec<String>),
    /// It cannot be told; why.
    Ask(String),
}

/// An index as the catalog has it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Index {
    oid: i64,
    name: String,
    quoted: String,
    valid: bool,
    builder: Option<i32>,
}

impl Index {
    /// What to do about an invalid one.
    fn remains(&self) -> Verdict {
        self.builder.map_or_else(|| Verdict::Drop(vec![self.quoted.clone()]), Verdict::Wait)
    }
}

/// The verdict on `CREATE INDEX CONCURRENTLY name`.
fn named_index(indexes: &[Index], name: &str, phase: Phase) -> Verdict {
    let Some(index) = indexes.iter().find(|index| index.name == name) else {
        return match phase {
            Phase::First | Phase::Resumed | Phase::AfterError => Verdict::Run,
            // IF NOT EXISTS is content with anything of that name.
            Phase::AfterSuccess => Verdict::Ask(format!("\"{name}\" exists, but it is not an index of that table")),
        };
    };
    match (index.valid, phase) {
        (false, _) => index.remains(),
        (true, Phase::Resumed | Phase::AfterSuccess) => Verdict::Done,
        (true, Phase::First | Phase::AfterError) => Verdict::Run,
    }
}

/// The verdict on `CREATE INDEX CONCURRENTLY ON table`: only comparing with what was there before can tell.
fn unnamed_index(indexes: &[Index], before: &[i64], phase: Phase) -> Verdict {
    let new: Vec<&Index> = indexes.iter().filter(|index| !before.contains(&index.oid)).collect();
    match (new.as_slice(), phase) {
        (_, Phase::First) | ([], Phase::Resumed | Phase::AfterError) => Verdict::Run,
        ([], Phase::AfterSuccess) => Verdict::Done,
        ([one], _) if !one.valid => one.remains(),
        ([_], Phase::Resumed | Phase::AfterSuccess) => Verdict::Done,
        ([_], Phase::AfterError) => Verdict::Run,
        (several, Phase::AfterSuccess) => {
            several.iter().find(|index| !index.valid).map_or(Verdict::Done, |index| index.remains())
        }
        (_, Phase::Resumed | Phase::AfterError) => Verdict::Ask(
            "several indexes were created on that table meanwhile; which one is its own cannot be told".to_owned(),
        ),
    }
}

/// The verdict on REINDEX: repeating it is harmless, but its copies must not pile up.
fn reindex(remains: &[Index], phase: Phase) -> Verdict {
    if let Some(builder) = remains.iter().find_map(|index| index.builder) {
        return Verdict::Wait(builder);
    }
    match phase {
        Phase::First => Verdict::Run,
        Phase::AfterSuccess if remains.is_empty() => Verdict::Done,
        Phase::Resumed | Phase::AfterError if remains.is_empty() => Verdict::Run,
        Phase::Resumed | Phase::AfterError | Phase::AfterSuccess => {
            Verdict::Drop(remains.iter().map(|index| index.quoted.clone()).collect())
        }
    }
}

/// The verdict on something that is there or not and was to be made (or to be gone).
fn presence(in_effect: bool, phase: Phase) -> Verdict {
    match phase {
        Phase::AfterSuccess => Verdict::Done,
        Phase::Resumed if in_effect => Verdict::Done,
        Phase::Resumed | Phase::First | Phase::AfterError => Verdict::Run,
    }
}

impl PostgresSession {
    /// What to do about a statement. `before` is what [`Self::snapshot`] gave before it was first sent.
    pub(super) async fn verdict(
        &mut self,
        known: &Known,
        before: Option<&str>,
        phase: Phase,
    ) -> Result<Verdict, DatabaseError> {
        match known {
            Known::CreateIndex { name, table } => {
                let indexes = self.indexes_of(table).await?;
                let before: Vec<i64> = before.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
                Ok(match name {
                    Some(name) => named_index(&indexes, name, phase),
                    None => unnamed_index(&indexes, &before, phase),
                })
            }
            Known::DropIndex { name } => {
                let there: bool = self
                    .ask(&format!("select (pg_catalog.to_regclass({}) is not null)::text", text(&name.quoted())))
                    .await?;
                Ok(presence(!there, phase))
            }
            Known::Reindex { concurrently: false, .. } | Known::Repeatable { .. } => Ok(presence(false, phase)),
            Known::Reindex { extent, concurrently: true } => {
                let remains = self.remains_of_reindex(extent).await?;
                if let (Extent::Index(name), Phase::AfterSuccess) = (extent, phase)
                    && !self.is_valid(name).await?
                {
                    return Ok(Verdict::Ask("the server reported success, but the index is still INVALID".to_owned()));
                }
                Ok(reindex(&remains, phase))
            }
            Known::Detach { parent, partition } => {
                let pending: Option<bool> = self
                    .ask(&format!(
                        "select coalesce((select pg_catalog.to_json(inhdetachpending) from pg_catalog.pg_inherits
                            where inhparent = pg_catalog.to_regclass({}) and inhrelid = pg_catalog.to_regclass({})), 'null')::text",
                        text(&parent.quoted()),
                        text(&partition.quoted())
                    ))
                    .await?;
                if pending == Some(true) {
                    let sql =
                        format!("alter table {} detach partition {} finalize", parent.quoted(), partition.quoted());
                    return Ok(Verdict::RunInstead(sql));
                }
                Ok(presence(pending.is_none(), phase))
            }
            Known::Create { what, name } => Ok(presence(self.is_listed(*what, name).await?, phase)),
            Known::Drop { what, name } => Ok(presence(!self.is_listed(*what, name).await?, phase)),
            Known::Opaque => Ok(match phase {
                Phase::First | Phase::AfterError => Verdict::Run,
                Phase::AfterSuccess => Verdict::Done,
                Phase::Resumed => Verdict::Ask("what such a statement did cannot be looked up".to_owned()),
            }),
        }
    }

    /// What has to be known before a statement is sent, so that its effect can be told afterwards.
    pub(super) async fn snapshot(&mut self, known: &Known) -> Result<Option<String>, DatabaseError> {
        match known {
            Known::CreateIndex { name: None, table } => {
                let oids: Vec<i64> = self.indexes_of(table).await?.iter().map(|index| index.oid).collect();
                Ok(Some(format!("{oids:?}")))
            }
            Known::CreateIndex { name: Some(_), .. }
            | Known::DropIndex { .. }
            | Known::Reindex { .. }
            | Known::Detach { .. }
            | Known::Create { .. }
            | Known::Drop { .. }
            | Known::Repeatable { .. }
            | Known::Opaque => Ok(None),
        }
    }

    /// Asks in the session's own transaction state and search path, as the statement itself would look names up.
    async fn ask<T: serde::de::DeserializeOwned>(&mut self, sql: &str) -> Result<T, DatabaseError> {
        self.link.json(sql).await.map_err(|error| self.own_error(&error))
    }

    async fn indexes_of(&mut self, table: &Name) -> Result<Vec<Index>, DatabaseError> {
        self.ask(&indexes(&format!("i.indrelid = pg_catalog.to_regclass({})", text(&table.quoted())))).await
    }

    async fn remains_of_reindex(&mut self, extent: &Extent) -> Result<Vec<Index>, DatabaseError> {
        let within = match extent {
            Extent::Index(name) => format!(
                "i.indrelid in (select indrelid from pg_catalog.pg_index where indexrelid = pg_catalog.to_regclass({}))",
                text(&name.quoted())
            ),
            Extent::Table(name) => format!(
                "(i.indrelid = pg_catalog.to_regclass({table})
                    or i.indrelid in (select relid from pg_catalog.pg_partition_tree(pg_catalog.to_regclass({table}))))",
                table = text(&name.quoted())
            ),
            Extent::Schema(name) => format!("n.nspname = {}", text(name.last())),
            Extent::Everything => "n.nspname !~ '^pg_'".to_owned(),
        };
        self.ask(&indexes(&format!("{within} and not i.indisvalid and c.relname ~ '_cc(new|old)[0-9]*$'"))).await
    }

    async fn is_valid(&mut self, index: &Name) -> Result<bool, DatabaseError> {
        self.ask(&format!(
            "select coalesce((select indisvalid from pg_catalog.pg_index where indexrelid = pg_catalog.to_regclass({})), true)::text",
            text(&index.quoted())
        ))
        .await
    }

    async fn is_listed(&mut self, what: Shared, name: &str) -> Result<bool, DatabaseError> {
        let (catalog, column) = match what {
            Shared::Database => ("pg_database", "datname"),
            Shared::Tablespace => ("pg_tablespace", "spcname"),
            Shared::Subscription => ("pg_subscription", "subname"),
        };
        self.ask(&format!("select exists (select from pg_catalog.{catalog} where {column} = {})::text", text(name)))
            .await
    }
}

/// Plain indexes with a condition. JSON.
fn indexes(condition: &str) -> String {
    format!(
        "select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('oid', c.oid::int8, 'name', c.relname,
            'quoted', pg_catalog.format('%I.%I', n.nspname, c.relname), 'valid', i.indisvalid and i.indisready and i.indislive,
            'builder', (select p.pid from pg_catalog.pg_stat_progress_create_index p where p.index_relid = c.oid limit 1))
            order by c.oid), '[]')::text
        from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indexrelid
            join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where c.relkind = 'i' and {condition}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(oid: i64, name: &str, valid: bool, builder: Option<i32>) -> Index {
        Index { oid, name: name.to_owned(), quoted: format!("public.{name}"), valid, builder }
    }

    const ALL: [Phase; 4] = [Phase::First, Phase::Resumed, Phase::AfterError, Phase::AfterSuccess];

    #[test]
    fn an_invalid_index_is_never_done() {
        for phase in ALL {
            assert_eq!(
                named_index(&[index(1, "i", false, None)], "i", phase),
                Verdict::Drop(vec!["public.i".to_owned()])
            );
            assert_ne!(unnamed_index(&[index(1, "i", false, None)], &[], phase), Verdict::Done);
        }
    }

    #[test]
    fn an_index_that_somebody_builds_is_waited_for() {
        for phase in ALL {
            assert_eq!(named_index(&[index(1, "i", false, Some(7))], "i", phase), Verdict::Wait(7));
        }
    }

    #[test]
    fn a_valid_index_that_the_orphan_finished_is_done_but_a_strangers_is_the_servers_to_judge() {
        let there = [index(1, "i", true, None)];
        assert_eq!(named_index(&there, "i", Phase::Resumed), Verdict::Done);
        assert_eq!(named_index(&there, "i", Phase::First), Verdict::Run);
        assert_eq!(named_index(&[], "i", Phase::Resumed), Verdict::Run);
    }

    #[test]
    fn an_unnamed_index_is_told_by_what_was_there_before() {
        let indexes = [index(1, "t_pkey", true, None), index(2, "t_a_idx", true, None)];
        assert_eq!(unnamed_index(&indexes, &[1], Phase::Resumed), Verdict::Done);
        assert_eq!(unnamed_index(&indexes, &[1, 2], Phase::Resumed), Verdict::Run);
        assert!(matches!(unnamed_index(&indexes, &[], Phase::Resumed), Verdict::Ask(_)));
    }

    #[test]
    fn copies_that_a_reindex_left_are_dropped_before_it_is_repeated() {
        let copy = [index(1, "i_ccnew", false, None)];
        assert_eq!(reindex(&copy, Phase::Resumed), Verdict::Drop(vec!["public.i_ccnew".to_owned()]));
        assert_eq!(reindex(&[], Phase::Resumed), Verdict::Run);
        assert_eq!(reindex(&[], Phase::AfterSuccess), Verdict::Done);
    }
}
