//! SQLSTATE codes: their standard names, and what each means for trying again.

/// The code of a `lock_timeout`.
pub(super) const LOCK_NOT_AVAILABLE: &str = "55P03";
/// The code of a cancelled statement: `statement_timeout`, `pg_cancel_backend`.
pub(super) const NOT_IN_PREREQUISITE_STATE: &str = "55000";
pub(super) const QUERY_CANCELED: &str = "57014";

/// What a failed statement means for another try of the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retry {
    /// Another session is in the way: try again soon, within the lock deadline.
    Soon,
    /// The server or the connection is in the way: not in this session, but later.
    Later,
    /// The same again fails again.
    Never,
}

/// Whether trying again makes sense.
pub(super) fn retry(code: &str) -> Retry {
    match code {
        LOCK_NOT_AVAILABLE | "40P01" | "40001" => Retry::Soon,
        "57P01" | "57P02" | "57P03" | "57P05" | "53300" | "25006" | "25P03" => Retry::Later,
        _ if code.starts_with("08") => Retry::Later,
        _ => Retry::Never,
    }
}

/// The condition's name in PostgreSQL's Appendix A; the name of its class where the code is a rare one.
pub(super) fn condition(code: &str) -> &'static str {
    CONDITIONS
        .iter()
        .find(|(known, _)| *known == code)
        .or_else(|| CLASSES.iter().find(|(class, _)| code.starts_with(class)))
        .map_or("unlisted_condition", |(_, name)| name)
}

const CONDITIONS: &[(&str, &str)] = &[
    ("08P01", "protocol_violation"),
    ("0A000", "feature_not_supported"),
    ("21000", "cardinality_violation"),
    ("22001", "string_data_right_truncation"),
    ("22003", "numeric_value_out_of_range"),
    ("22004", "null_value_not_allowed"),
    ("22007", "invalid_datetime_format"),
    ("22008", "datetime_field_overflow"),
    ("22012", "division_by_zero"),
    ("22021", "character_not_in_repertoire"),
    ("22023", "invalid_parameter_value"),
    ("22P02", "invalid_text_representation"),
    ("22P05", "untranslatable_character"),
    ("23502", "not_null_violation"),
    ("23503", "foreign_key_violation"),
    ("23505", "unique_violation"),
    ("23514", "check_violation"),
    ("23P01", "exclusion_violation"),
    ("25001", "active_sql_transaction"),
    ("25006", "read_only_sql_transaction"),
    ("25P01", "no_active_sql_transaction"),
    ("25P02", "in_failed_sql_transaction"),
    ("25P03", "idle_in_transaction_session_timeout"),
    ("28000", "invalid_authorization_specification"),
    ("28P01", "invalid_password"),
    ("2BP01", "dependent_objects_still_exist"),
    ("2D000", "invalid_transaction_termination"),
    ("3D000", "invalid_catalog_name"),
    ("3F000", "invalid_schema_name"),
    ("40001", "serialization_failure"),
    ("40P01", "deadlock_detected"),
    ("42501", "insufficient_privilege"),
    ("42601", "syntax_error"),
    ("42602", "invalid_name"),
    ("42611", "invalid_column_definition"),
    ("42622", "name_too_long"),
    ("42701", "duplicate_column"),
    ("42702", "ambiguous_column"),
    ("42703", "undefined_column"),
    ("42704", "undefined_object"),
    ("42710", "duplicate_object"),
    ("42712", "duplicate_alias"),
    ("42723", "duplicate_function"),
    ("42725", "ambiguous_function"),
    ("42803", "grouping_error"),
    ("42804", "datatype_mismatch"),
    ("42809", "wrong_object_type"),
    ("42830", "invalid_foreign_key"),
    ("42846", "cannot_coerce"),
    ("42883", "undefined_function"),
    ("42939", "reserved_name"),
    ("42P01", "undefined_table"),
    ("42P02", "undefined_parameter"),
    ("42P04", "duplicate_database"),
    ("42P06", "duplicate_schema"),
    ("42P07", "duplicate_table"),
    ("42P10", "invalid_column_reference"),
    ("42P16", "invalid_table_definition"),
    ("42P17", "invalid_object_definition"),
    ("42P18", "indeterminate_datatype"),
    ("53100", "disk_full"),
    ("53200", "out_of_memory"),
    ("53300", "too_many_connections"),
    ("54000", "program_limit_exceeded"),
    ("54001", "statement_too_complex"),
    ("55000", "object_not_in_prerequisite_state"),
    ("55006", "object_in_use"),
    ("55P02", "cant_change_runtime_param"),
    ("55P03", "lock_not_available"),
    ("55P04", "unsafe_new_enum_value_usage"),
    ("57014", "query_canceled"),
    ("57P01", "admin_shutdown"),
    ("57P02", "crash_shutdown"),
    ("57P03", "cannot_connect_now"),
    ("57P04", "database_dropped"),
    ("57P05", "idle_session_timeout"),
    ("58P01", "undefined_file"),
    ("P0001", "raise_exception"),
    ("P0002", "no_data_found"),
    ("P0003", "too_many_rows"),
    ("P0004", "assert_failure"),
    ("XX000", "internal_error"),
    ("XX001", "data_corrupted"),
    ("XX002", "index_corrupted"),
];

const CLASSES: &[(&str, &str)] = &[
    ("08", "connection_exception"),
    ("09", "triggered_action_exception"),
    ("0A", "feature_not_supported"),
    ("0B", "invalid_transaction_initiation"),
    ("0L", "invalid_grantor"),
    ("0P", "invalid_role_specification"),
    ("20", "case_not_found"),
    ("21", "cardinality_violation"),
    ("22", "data_exception"),
    ("23", "integrity_constraint_violation"),
    ("24", "invalid_cursor_state"),
    ("25", "invalid_transaction_state"),
    ("26", "invalid_sql_statement_name"),
    ("27", "triggered_data_change_violation"),
    ("28", "invalid_authorization_specification"),
    ("2B", "dependent_privilege_descriptors_still_exist"),
    ("2D", "invalid_transaction_termination"),
    ("2F", "sql_routine_exception"),
    ("34", "invalid_cursor_name"),
    ("38", "external_routine_exception"),
    ("39", "external_routine_invocation_exception"),
    ("3B", "savepoint_exception"),
    ("3D", "invalid_catalog_name"),
    ("3F", "invalid_schema_name"),
    ("40", "transaction_rollback"),
    ("42", "syntax_error_or_access_rule_violation"),
    ("44", "with_check_option_violation"),
    ("53", "insufficient_resources"),
    ("54", "program_limit_exceeded"),
    ("55", "object_not_in_prerequisite_state"),
    ("57", "operator_intervention"),
    ("58", "system_error"),
    ("F0", "config_file_error"),
    ("HV", "fdw_error"),
    ("P0", "plpgsql_error"),
    ("XX", "internal_error"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_sql_and_wrong_data_are_never_tried_again() {
        for code in ["42601", "42P07", "42501", "23505", "23503", "22012", "P0001", "XX000", "57014"] {
            assert_eq!(retry(code), Retry::Never, "{code}");
        }
    }

    #[test]
    fn locks_are_tried_again_soon_and_servers_later() {
        for code in ["55P03", "40P01", "40001"] {
            assert_eq!(retry(code), Retry::Soon, "{code}");
        }
        for code in ["57P01", "57P02", "57P03", "08006", "08P01", "53300", "25006"] {
            assert_eq!(retry(code), Retry::Later, "{code}");
        }
    }

    #[test]
    fn every_code_has_a_name() {
        assert_eq!(condition("23505"), "unique_violation");
        assert_eq!(condition("22999"), "data_exception");
        assert_eq!(condition("ZZ999"), "unlisted_condition");
    }
}
