//! The statements that read what `pg_stat_statements` counted. Texts only.
//!
//! What is read are numbers by query id. Texts of statements are looked at on the server and do not leave it.

use crate::database::StatementsOf;

use super::quote::{list, text};
use super::readings::Part;
use super::statements::is_applications;

/// How statements of applications begin, after comments and parentheses. Commands that change schemas are none of them.
const READS_OR_WRITES: &str = "^([[:space:]]|--[^\\n]*\\n|/[*]([^*]|[*]+[^*/])*[*]+/|[(])*(select|insert|update|delete|merge|with|values|table)[^a-z0-9_]";

/// What Sluice's own measurements call what they measure.
const OWN: &str = "sluice_(row|counted)";

/// The schema that the extension is in, quoted, and whether it says when it was reset: an array of one part or none. JSON.
pub(super) const EXTENSION: &str = "select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
        'name', pg_catalog.quote_ident(n.nspname),
        'sql', case when exists (select from pg_catalog.pg_class c where c.relnamespace = n.oid and c.relname = 'pg_stat_statements_info')
            then pg_catalog.format('(select i.stats_reset::text from %I.pg_stat_statements_info i)', n.nspname) else 'null' end)), '[]')::text
    from pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid = e.extnamespace where e.extname = 'pg_stat_statements'";

/// Calls and seconds of the statements that are meant, this database's alone. JSON. `None` without the extension.
///
/// A statement is what has its text: the same text gets another query id once its tables are made anew or `*` means other
/// columns, and two roles that send the same text are counted apart.
pub(super) fn times(extension: &[Part], of: &StatementsOf) -> Option<String> {
    let Part { name: schema, sql: reset } = extension.first()?;
    let (tables, meant) = match of {
        StatementsOf::Tables { named, mentioned, most } => (tables(named, mentioned), mentioning(*most)),
        StatementsOf::These(ids) => {
            let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
            let ids = format!("'{{{}}}'::pg_catalog.int8[]", ids.join(","));
            (NO_TABLES.to_owned(), format!("select i.id from pg_catalog.unnest({ids}) i (id)"))
        }
    };
    Some(format!(
        "set local search_path = public;
        with entries as materialized (
            select s.queryid, s.query, s.calls, s.total_exec_time / 1000 as seconds from {schema}.pg_stat_statements s
            where s.dbid = (select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database())
                and (pg_catalog.to_jsonb(s) ->> 'toplevel') is distinct from 'false'
        ), tables as ({tables}), meant (id) as ({meant})
        select pg_catalog.json_build_object(
            'tables', coalesce((select pg_catalog.json_agg(distinct t.shown) from tables t), '[]'),
            'hidden', (select pg_catalog.count(*) from entries e where e.queryid is null),
            'reset', {reset},
            'statements', coalesce((select pg_catalog.json_object_agg(m.id,
                    pg_catalog.json_build_object('calls', f.calls, 'seconds', f.seconds))
                from meant m cross join lateral (
                    select pg_catalog.sum(e.calls)::int8 as calls, pg_catalog.sum(e.seconds) as seconds from entries e
                    where e.queryid = m.id or e.query in (select t.query from entries t where t.queryid = m.id)
                ) f where f.calls is not null), '{{}}'))::text"
    ))
}

const NO_TABLES: &str = "select null::pg_catalog.text as shown, null::pg_catalog.text as relname where false";

/// The tables that are meant: named ones, or those that scripts mention themselves or by an index; with a partition, the table
/// that it is of.
fn tables(named: &[String], mentioned: &[String]) -> String {
    let meant = if named.is_empty() {
        let words = list(mentioned.iter().map(String::as_str));
        format!(
            "select c.oid from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
            where c.relkind in ('r', 'p', 'm', 'v', 'f') and {} and (c.relname::text in ({words}) or exists (
                select from pg_catalog.pg_index i join pg_catalog.pg_class x on x.oid = i.indexrelid
                where i.indrelid = c.oid and x.relname::text in ({words})))",
            is_applications("n")
        )
    } else {
        let names: Vec<String> = named.iter().map(|name| format!("({})", text(name))).collect();
        format!(
            "select pg_catalog.to_regclass(t.name)::pg_catalog.oid as oid from (values {}) t (name)",
            names.join(", ")
        )
    };
    format!(
        "select pg_catalog.format('%I.%I', n.nspname, c.relname) as shown, c.relname::text as relname
        from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where c.oid in (with meant as ({meant}) select m.oid from meant m union select pg_catalog.pg_partition_root(m.oid) from meant m)"
    )
}

/// Of the statements that mention one of the tables as a word of its own, those that took the most time.
fn mentioning(most: u32) -> String {
    let plain = text("^[a-z_][a-z0-9_$]*$");
    format!(
        "select e.queryid from entries e where e.queryid is not null and e.query ~* {begins} and e.query !~ {own}
            and exists (select from tables t where case when t.relname ~ {plain}
                then e.query ~* ('(^|[^a-z0-9_$])' || pg_catalog.replace(t.relname, '$', '[$]') || '([^a-z0-9_$]|$)')
                else pg_catalog.strpos(e.query, pg_catalog.replace(t.relname, '\"', '\"\"')) > 0 end)
        group by e.queryid order by pg_catalog.sum(e.seconds) desc, e.queryid limit {most}",
        begins = text(READS_OR_WRITES),
        own = text(OWN),
    )
}
