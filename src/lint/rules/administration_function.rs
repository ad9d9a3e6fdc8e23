//! `administration-function`: a function administers the whole server.

use super::super::{About, Class, Found, Rule, Severity, Subject};

/// A function administers the whole server.
pub struct AdministrationFunction;

static ABOUT: About = About {
    name: "administration-function",
    class: Class::Security,
    severity: Severity::Error,
    summary: "A function administers the whole server",
    why: "Sessions of others are ended, replication or the write-ahead log is changed, or settings are loaded \
        anew: for every database of the server.",
    rewrite: "Leave it to whoever runs the server.",
    bad: "SELECT pg_terminate_backend(pid) FROM pg_stat_activity;\n",
    good: "SELECT count(*) FROM pg_stat_activity;\n",
};

impl Rule for AdministrationFunction {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let words = judged.words();
            for (at, name) in words.calls().filter(|(_, name)| administers(name)) {
                found.at(judged, words.span(at..at + 1), format!("{name} acts on the whole server"));
            }
        }
    }
}

fn administers(name: &str) -> bool {
    const EXACT: &[&str] = &[
        "pg_terminate_backend",
        "pg_cancel_backend",
        "pg_reload_conf",
        "pg_rotate_logfile",
        "pg_switch_wal",
        "pg_promote",
        "pg_create_restore_point",
        "pg_start_backup",
        "pg_stop_backup",
        "pg_backup_start",
        "pg_backup_stop",
        "pg_create_physical_replication_slot",
        "pg_create_logical_replication_slot",
        "pg_drop_replication_slot",
        "pg_replication_slot_advance",
        "pg_copy_physical_replication_slot",
        "pg_copy_logical_replication_slot",
        "pg_logical_emit_message",
        "pg_log_backend_memory_contexts",
        "pg_export_snapshot",
        "pg_import_system_collations",
        "pg_sync_replication_slots",
    ];
    const STARTS: &[&str] =
        &["pg_replication_origin_", "pg_wal_replay_", "pg_logical_slot_", "pg_stat_reset", "binary_upgrade_"];
    EXACT.contains(&name) || STARTS.iter().any(|start| name.starts_with(start))
}
