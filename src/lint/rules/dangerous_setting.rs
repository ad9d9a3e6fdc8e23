//! `dangerous-setting`: a setting switches off what protects the data.

use super::super::{About, Class, Found, Rule, Severity, Subject};

/// A setting switches off what protects the data.
pub struct DangerousSetting;

static ABOUT: About = About {
    name: "dangerous-setting",
    class: Class::Security,
    severity: Severity::Error,
    summary: "A setting switches off what protects the data",
    why: "session_replication_role switches off foreign keys and triggers, row_security policies, others \
        checks of pages and system tables; preload settings run libraries. It stays so for the scripts \
        after this one.",
    rewrite: "Leave it as it is; where triggers are in the way, disable the one trigger by name.",
    bad: "SET session_replication_role = 'replica';\n",
    good: "SET LOCAL work_mem = '64MB';\n",
};

impl Rule for DangerousSetting {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let words = judged.words();
            for at in words.settings() {
                let name = words.name(at).or_else(|| words.literal(at).map(str::to_lowercase)).unwrap_or_default();
                // Those of an extension begin with its name.
                let name = name.split('.').next().unwrap_or_default();
                if PROTECTIONS.contains(&name) {
                    found.at(
                        judged,
                        words.span(at..at + 1),
                        format!("{name} is one of the settings that protect the data"),
                    );
                }
            }
        }
    }
}

const PROTECTIONS: &[&str] = &[
    "session_replication_role",
    "row_security",
    "zero_damaged_pages",
    "ignore_checksum_failure",
    "ignore_system_indexes",
    "allow_system_table_mods",
    "session_preload_libraries",
    "local_preload_libraries",
    "dynamic_library_path",
    "lo_compat_privileges",
    "log_statement",
    "log_min_error_statement",
    "log_min_messages",
    "ignore_invalid_pages",
    "jit_provider",
    "transform_null_equals",
    "standard_conforming_strings",
    "backslash_quote",
    "temp_file_limit",
    "allow_alter_system",
    "restrict_nonsystem_relation_kind",
    "fsync",
    "full_page_writes",
    "wal_consistency_checking",
    "password_encryption",
    "pgaudit",
];
