//! `spec.execution.undo`, validated once.
//!
//! Unless the spec says otherwise rows are copied where a run may be taken back without anybody looking: there nobody could
//! say whether what a script took away may be lost. Elsewhere copying takes time and space that nobody asked for.

use crate::api::v1alpha1::{UndoMode, UndoSpec};
use crate::database::UndoLimits;

use super::invalid::InvalidSpec;
use super::judging::Mode;

/// What is copied before it is taken away; `None`: nothing.
///
/// # Errors
/// The first field that cannot be used.
pub(super) fn limits(spec: Option<&UndoSpec>, rollback: Mode) -> Result<Option<UndoLimits>, InvalidSpec> {
    let wanted = spec.is_some() || rollback == Mode::Automatic;
    let spec = spec.cloned().unwrap_or_default();
    let defaults = UndoLimits::default();
    let limits = UndoLimits {
        max_rows: match spec.max_rows {
            None => defaults.max_rows,
            Some(rows) => u64::try_from(rows)
                .ok()
                .filter(|rows| *rows > 0)
                .ok_or_else(|| invalid("maxRows", "give at least 1; mode: Disabled copies nothing".to_owned()))?,
        },
        max_bytes: size("maxBytes", spec.max_bytes.as_deref(), defaults.max_bytes)?,
        max_total_bytes: size("maxTotalBytes", spec.max_total_bytes.as_deref(), defaults.max_total_bytes)?,
        keep: match spec.keep.as_deref() {
            None => defaults.keep,
            Some(text) => crate::duration::parse(text).map_err(|error| invalid("keep", error.to_string()))?,
        },
    };
    Ok(match spec.mode {
        None if wanted => Some(limits),
        None | Some(UndoMode::Disabled) => None,
        Some(UndoMode::Copy) => Some(limits),
    })
}

fn size(field: &str, text: Option<&str>, default: u64) -> Result<u64, InvalidSpec> {
    let Some(text) = text else { return Ok(default) };
    bytes(text).ok_or_else(|| invalid(field, format!("`{text}` is no size: write Ki, Mi or Gi, as in 32Mi")))
}

/// `32Mi` in bytes; nobody copies Ti in the transaction of a script.
fn bytes(text: &str) -> Option<u64> {
    crate::size::parse(text).filter(|bytes| *bytes > 0 && !text.ends_with("Ti"))
}

fn invalid(field: &str, problem: String) -> InvalidSpec {
    InvalidSpec { field: format!("spec.execution.undo.{field}"), problem }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn rows_are_copied_where_nobody_may_look_or_where_somebody_asks_for_it() {
        let defaults = Some(UndoLimits::default());
        assert_eq!(limits(None, Mode::Manual), Ok(None));
        assert_eq!(limits(None, Mode::Automatic), Ok(defaults));
        assert_eq!(limits(Some(&UndoSpec::default()), Mode::Disabled), Ok(defaults));
        let off = UndoSpec { mode: Some(UndoMode::Disabled), ..UndoSpec::default() };
        assert_eq!(limits(Some(&off), Mode::Automatic), Ok(None));
    }

    #[test]
    fn limits_are_read_as_people_write_them() {
        let spec = UndoSpec {
            mode: Some(UndoMode::Copy),
            max_rows: Some(5),
            max_bytes: Some("2Ki".to_owned()),
            max_total_bytes: Some("3Ki".to_owned()),
            keep: Some("1h30m".to_owned()),
        };
        let read = UndoLimits { max_rows: 5, max_bytes: 2048, max_total_bytes: 3072, keep: Duration::from_secs(5400) };
        assert_eq!(limits(Some(&spec), Mode::Manual), Ok(Some(read)));
    }

    #[test]
    fn what_cannot_be_used_is_named_with_its_field_and_the_cure() {
        let with = |change: fn(&mut UndoSpec)| {
            let mut spec = UndoSpec::default();
            change(&mut spec);
            limits(Some(&spec), Mode::Manual).unwrap_err().to_string()
        };
        assert!(with(|spec| spec.max_rows = Some(0)).starts_with("spec.execution.undo.maxRows: give at least 1"));
        for size in ["32", "32MB", "Mi", "-1Mi", "0Ki", "+1Mi", "99999999999999Gi"] {
            assert_eq!(bytes(size), None, "{size}");
        }
        assert!(with(|spec| spec.max_bytes = Some("32MB".to_owned())).contains("as in 32Mi"));
        let told = with(|spec| spec.max_total_bytes = Some("1Ti".to_owned()));
        assert!(told.starts_with("spec.execution.undo.maxTotalBytes: `1Ti` is no size"), "{told}");
        assert!(with(|spec| spec.keep = Some("a week".to_owned())).starts_with("spec.execution.undo.keep"));
    }
}
