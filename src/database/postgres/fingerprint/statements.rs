//! The one statement that reads a catalog: each branch gives `identity, definition`. The session's `search_path` has to
//! be `pg_catalog`, so that every name comes out with its schema.

use super::super::statements::is_applications;

/// Everything, as one JSON object.
pub(super) fn catalog() -> String {
    let branches = [
        SCHEMAS,
        TABLES,
        COLUMNS,
        ORDER,
        CONSTRAINTS,
        INDEXES,
        VIEWS,
        ROUTINES,
        TRIGGERS,
        RULES,
        TYPES,
        SEQUENCES,
        POLICIES,
        EXTENSIONS,
        OTHERS,
    ];
    let spaces = SPACES.replace("APPLICATIONS", &is_applications("n"));
    let mut sql = format!("with {spaces}, found(identity, definition) as (\n");
    for (index, branch) in branches.iter().enumerate() {
        if index > 0 {
            sql.push_str("\nunion all\n");
        }
        sql.push_str(branch);
    }
    sql.push_str("\n) select coalesce(json_object_agg(identity, definition), '{}')::text from found");
    // Privileges stand in the order in which they were granted, which is no difference.
    sql.replace("SORTED[", "(select string_agg(x::text, ', ' order by x::text) from unnest(").replace("]SORTED", ") x)")
}

/// The schemas that count, and what belongs to extensions.
const SPACES: &str = "spaces as (
    select n.oid, n.nspname, n.nspowner, n.nspacl from pg_namespace n
    where APPLICATIONS
), members as (
    select classid, objid from pg_depend where deptype = 'e'
), relations as (
    select c.*, s.nspname, format('%I.%I', s.nspname, c.relname) as name
    from pg_class c join spaces s on s.oid = c.relnamespace
    where not exists (select from members m where m.classid = 'pg_class'::regclass and m.objid = c.oid)
)";

const SCHEMAS: &str = "select format('schema %I', s.nspname), json_build_object('owner', pg_get_userbyid(s.nspowner),
    'privileges', SORTED[coalesce(s.nspacl, acldefault('n', s.nspowner))]SORTED,
    'comment', obj_description(s.oid, 'pg_namespace'))
from spaces s where not exists (select from members m where m.classid = 'pg_namespace'::regclass and m.objid = s.oid)";

const TABLES: &str = "select case r.relkind when 'f' then 'foreign table ' else 'table ' end || r.name, json_build_object(
    'kind', case r.relkind when 'p' then 'partitioned' when 'f' then 'foreign' else 'plain' end,
    'persistence', r.relpersistence, 'owner', pg_get_userbyid(r.relowner),
    'privileges', SORTED[coalesce(r.relacl, acldefault('r', r.relowner))]SORTED,
    'row-level security', r.relrowsecurity::text || ' ' || r.relforcerowsecurity,
    'partition key', case when r.relkind = 'p' then pg_get_partkeydef(r.oid) end,
    'partition bounds', pg_get_expr(r.relpartbound, r.oid),
    'parents', (select string_agg(i.inhparent::regclass::text, ', ' order by i.inhseqno) from pg_inherits i where i.inhrelid = r.oid),
    'options', (select string_agg(o, ', ' order by o) from unnest(r.reloptions) o),
    'access method', (select amname from pg_am where oid = r.relam),
    'tablespace', (select spcname from pg_tablespace where oid = r.reltablespace),
    'replica identity', r.relreplident, 'of type', nullif(r.reloftype, 0)::regtype::text,
    'comment', obj_description(r.oid, 'pg_class'))
from relations r where r.relkind in ('r', 'p', 'f')";

const COLUMNS: &str = "select format('column %s.%I', r.name, a.attname), json_build_object(
    'type', format_type(a.atttypid, a.atttypmod), 'not null', a.attnotnull::text,
    'default', pg_get_expr(d.adbin, d.adrelid), 'identity', nullif(a.attidentity, ''), 'generated', nullif(a.attgenerated, ''),
    'collation', case when a.attcollation <> t.typcollation then a.attcollation::regcollation::text end,
    'storage', case when a.attstorage <> t.typstorage then a.attstorage end, 'compression', nullif(a.attcompression, ''),
    'statistics', nullif(coalesce(a.attstattarget, -1), -1)::text,
    'options', (select string_agg(o, ', ' order by o) from unnest(a.attoptions) o),
    'privileges', SORTED[a.attacl]SORTED, 'inherited', (a.attinhcount > 0)::text || ' ' || a.attislocal,
    'comment', col_description(r.oid, a.attnum))
from relations r join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
    join pg_type t on t.oid = a.atttypid
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where r.relkind in ('r', 'p', 'f', 'v', 'm', 'c')";

/// The order that `select *` gives, whatever was dropped in between.
const ORDER: &str = "select format('order of columns of %s', r.name), json_build_object(
    'columns', (select string_agg(quote_ident(a.attname), ', ' order by a.attnum) from pg_attribute a
        where a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped))
from relations r where r.relkind in ('r', 'p', 'f', 'c')";

const CONSTRAINTS: &str =
    "select format('constraint %s on %s', quote_ident(k.conname), coalesce(r.name, format_type(k.contypid, null))),
    json_build_object('definition', pg_get_constraintdef(k.oid), 'validated', k.convalidated::text,
    'inherited', (k.coninhcount > 0)::text || ' ' || k.conislocal, 'comment', obj_description(k.oid, 'pg_constraint'))
from pg_constraint k left join relations r on r.oid = k.conrelid
    left join pg_type t on t.oid = k.contypid and t.typnamespace in (select oid from spaces)
        and not exists (select from members m where m.classid = 'pg_type'::regclass and m.objid = t.oid)
where k.contype <> 't' and (r.oid is not null or t.oid is not null)";

/// Those of a constraint are told by it.
const INDEXES: &str = "select 'index ' || r.name, json_build_object('definition', pg_get_indexdef(r.oid),
    'valid', (i.indisvalid and i.indisready and i.indislive)::text, 'clustered on', i.indisclustered::text,
    'replica identity', i.indisreplident::text, 'tablespace', (select spcname from pg_tablespace where oid = r.reltablespace),
    'parent', (select h.inhparent::regclass::text from pg_inherits h where h.inhrelid = r.oid),
    'comment', obj_description(r.oid, 'pg_class'))
from relations r join pg_index i on i.indexrelid = r.oid
where not exists (select from pg_constraint k where k.conindid = r.oid and k.contype in ('p', 'u', 'x'))";

const VIEWS: &str = "select case r.relkind when 'm' then 'materialized view ' else 'view ' end || r.name, json_build_object(
    'definition', pg_get_viewdef(r.oid), 'owner', pg_get_userbyid(r.relowner),
    'privileges', SORTED[coalesce(r.relacl, acldefault('r', r.relowner))]SORTED,
    'options', (select string_agg(o, ', ' order by o) from unnest(r.reloptions) o), 'comment', obj_description(r.oid, 'pg_class'))
from relations r where r.relkind in ('v', 'm')";

const ROUTINES: &str = "select case p.prokind when 'p' then 'procedure ' when 'a' then 'aggregate ' else 'function ' end
        || p.oid::regprocedure::text, json_build_object(
    'definition', case when p.prokind <> 'a' then pg_get_functiondef(p.oid) else (select concat_ws(' ', g.aggkind, g.aggnumdirectargs,
        g.aggtransfn::text, g.aggfinalfn::text, g.aggcombinefn::text, g.aggserialfn::text, g.aggdeserialfn::text, g.aggmtransfn::text,
        g.aggminvtransfn::text, g.aggmfinalfn::text, g.aggsortop::regoperator::text, format_type(g.aggtranstype, null), g.agginitval,
        g.aggfinalextra, g.aggfinalmodify, p.proparallel) from pg_aggregate g where g.aggfnoid = p.oid) end,
    'owner', pg_get_userbyid(p.proowner), 'privileges', SORTED[coalesce(p.proacl, acldefault('f', p.proowner))]SORTED,
    'comment', obj_description(p.oid, 'pg_proc'))
from pg_proc p join spaces s on s.oid = p.pronamespace
where not exists (select from members m where m.classid = 'pg_proc'::regclass and m.objid = p.oid)
    and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'i')";

const TRIGGERS: &str = "select format('trigger %I on %s', g.tgname, r.name), json_build_object('definition', pg_get_triggerdef(g.oid),
    'enabled', g.tgenabled, 'comment', obj_description(g.oid, 'pg_trigger'))
from pg_trigger g join relations r on r.oid = g.tgrelid where not g.tgisinternal
union all
select format('event trigger %I', g.evtname), json_build_object('definition', concat_ws(' ', g.evtevent, g.evtfoid::regprocedure::text,
    (select string_agg(t, ', ' order by t) from unnest(g.evttags) t)), 'enabled', g.evtenabled, 'owner', pg_get_userbyid(g.evtowner),
    'comment', obj_description(g.oid, 'pg_event_trigger'))
from pg_event_trigger g
where not exists (select from members m where m.classid = 'pg_event_trigger'::regclass and m.objid = g.oid)";

const RULES: &str =
    "select format('rule %I on %s', w.rulename, r.name), json_build_object('definition', pg_get_ruledef(w.oid),
    'enabled', w.ev_enabled, 'comment', obj_description(w.oid, 'pg_rewrite'))
from pg_rewrite w join relations r on r.oid = w.ev_class where w.rulename <> '_RETURN'";

/// Arrays, and the row types of tables, come with what they belong to.
const TYPES: &str = "select case t.typtype when 'd' then 'domain ' when 'e' then 'enum ' else 'type ' end || format('%I.%I', s.nspname, t.typname),
    json_build_object('kind', t.typtype,
    'labels', (select string_agg(quote_literal(e.enumlabel), ', ' order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid),
    'base type', case when t.typtype = 'd' then format_type(t.typbasetype, t.typtypmod) end, 'not null', t.typnotnull::text,
    'default', t.typdefault, 'collation', nullif(t.typcollation, 0)::regcollation::text,
    'range', (select concat_ws(' ', format_type(g.rngsubtype, null), g.rngcollation::regcollation::text,
        (select oc.opcname from pg_opclass oc where oc.oid = g.rngsubopc), g.rngcanonical::text, g.rngsubdiff::text)
        from pg_range g where g.rngtypid = t.oid),
    'functions', case when t.typtype = 'b' then concat_ws(' ', t.typinput::text, t.typoutput::text, t.typlen, t.typalign) end,
    'owner', pg_get_userbyid(t.typowner), 'privileges', SORTED[coalesce(t.typacl, acldefault('T', t.typowner))]SORTED,
    'comment', obj_description(t.oid, 'pg_type'))
from pg_type t join spaces s on s.oid = t.typnamespace
where t.typtype in ('b', 'c', 'd', 'e', 'r') and not (t.typtype = 'b' and t.typcategory = 'A')
    and (t.typrelid = 0 or exists (select from pg_class c where c.oid = t.typrelid and c.relkind = 'c'))
    and not exists (select from members m where m.classid = 'pg_type'::regclass and m.objid = t.oid)";

const SEQUENCES: &str = "select 'sequence ' || r.name, json_build_object('settings', concat_ws(' ', format_type(q.seqtypid, null),
    q.seqstart, q.seqincrement, q.seqmin, q.seqmax, q.seqcache, q.seqcycle), 'persistence', r.relpersistence,
    'owned by', (select d.refobjid::regclass::text || '.' || quote_ident(a.attname) from pg_depend d
        join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
        where d.classid = 'pg_class'::regclass and d.objid = r.oid and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i')),
    'owner', pg_get_userbyid(r.relowner), 'privileges', SORTED[coalesce(r.relacl, acldefault('s', r.relowner))]SORTED,
    'comment', obj_description(r.oid, 'pg_class'))
from relations r join pg_sequence q on q.seqrelid = r.oid";

const POLICIES: &str = "select format('policy %I on %s', p.polname, r.name), json_build_object('command', p.polcmd,
    'permissive', p.polpermissive::text,
    'roles', (select string_agg(case when o = 0 then 'public' else pg_get_userbyid(o)::text end, ', ' order by 1) from unnest(p.polroles) o),
    'using', pg_get_expr(p.polqual, p.polrelid), 'with check', pg_get_expr(p.polwithcheck, p.polrelid),
    'comment', obj_description(p.oid, 'pg_policy'))
from pg_policy p join relations r on r.oid = p.polrelid";

const EXTENSIONS: &str =
    "select format('extension %I', e.extname), json_build_object('schema', e.extnamespace::regnamespace::text)
from pg_extension e where e.extname <> 'plpgsql'
union all
select format('version of extension %I', e.extname), json_build_object('version', e.extversion)
from pg_extension e where e.extname <> 'plpgsql'";

const OTHERS: &str = "select format('statistics %I.%I', s.nspname, x.stxname), json_build_object('definition', pg_get_statisticsobjdef(x.oid),
    'comment', obj_description(x.oid, 'pg_statistic_ext'))
from pg_statistic_ext x join spaces s on s.oid = x.stxnamespace
union all
select format('collation %I.%I', s.nspname, c.collname), json_build_object('definition', (to_jsonb(c) - 'oid' - 'collnamespace'
    - 'collowner' - 'collversion')::text)
from pg_collation c join spaces s on s.oid = c.collnamespace
where not exists (select from members m where m.classid = 'pg_collation'::regclass and m.objid = c.oid)
union all
select format('cast from %s to %s', format_type(c.castsource, null), format_type(c.casttarget, null)),
    json_build_object('definition', concat_ws(' ', nullif(c.castfunc, 0)::regprocedure::text, c.castcontext, c.castmethod))
from pg_cast c where c.oid >= 16384 and not exists (select from members m where m.classid = 'pg_cast'::regclass and m.objid = c.oid)
union all
select 'operator ' || o.oid::regoperator::text, json_build_object('definition', concat_ws(' ', o.oprcode::text, o.oprcanmerge,
    o.oprcanhash, nullif(o.oprcom, 0)::regoperator::text, nullif(o.oprnegate, 0)::regoperator::text, o.oprrest::text, o.oprjoin::text))
from pg_operator o join spaces s on s.oid = o.oprnamespace
where not exists (select from members m where m.classid = 'pg_operator'::regclass and m.objid = o.oid)
union all
select format('text search configuration %I.%I', s.nspname, c.cfgname), json_build_object('definition',
    (select string_agg(concat_ws(' ', m.maptokentype, m.mapseqno, m.mapdict::regdictionary::text), ', ' order by m.maptokentype, m.mapseqno)
        from pg_ts_config_map m where m.mapcfg = c.oid))
from pg_ts_config c join spaces s on s.oid = c.cfgnamespace
where not exists (select from members m where m.classid = 'pg_ts_config'::regclass and m.objid = c.oid)
union all
select format('server %I', f.srvname), json_build_object('definition', concat_ws(' ', f.srvtype, f.srvversion,
    (select fdwname from pg_foreign_data_wrapper w where w.oid = f.srvfdw)), 'options', md5(f.srvoptions::text),
    'owner', pg_get_userbyid(f.srvowner), 'privileges', SORTED[coalesce(f.srvacl, acldefault('S', f.srvowner))]SORTED)
from pg_foreign_server f
where not exists (select from members m where m.classid = 'pg_foreign_server'::regclass and m.objid = f.oid)
union all
select format('publication %I', p.pubname), json_build_object('owner', pg_get_userbyid(p.pubowner), 'all tables', p.puballtables::text,
    'actions', concat_ws(' ', p.pubinsert, p.pubupdate, p.pubdelete, p.pubtruncate, p.pubviaroot),
    'tables', (select string_agg(r.prrelid::regclass::text, ', ' order by r.prrelid::regclass::text) from pg_publication_rel r
        where r.prpubid = p.oid))
from pg_publication p
union all
select format('default privileges of %I for %s in %s', pg_get_userbyid(d.defaclrole), d.defaclobjtype,
    coalesce((select quote_ident(nspname) from pg_namespace where oid = d.defaclnamespace), 'every schema')),
    json_build_object('privileges', SORTED[d.defaclacl]SORTED)
from pg_default_acl d";
