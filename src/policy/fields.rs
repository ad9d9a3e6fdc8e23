//! Finds what was written and not understood: a field that this Sluice does not know would be a demand that nobody looks at.

use serde_json::Value;

/// The path, below what was given, of the first field that got lost between what was written and what was read.
pub(crate) fn lost(written: &Value, read: &Value, path: &str) -> Option<String> {
    match (written, read) {
        (Value::Object(written), Value::Object(read)) => {
            written.iter().filter(|(_, value)| !value.is_null()).find_map(|(name, value)| match read.get(name) {
                Some(read) => lost(value, read, &format!("{path}.{name}")),
                None => Some(format!("{path}.{name}")),
            })
        }
        (Value::Array(written), Value::Array(read)) => {
            let mut both = written.iter().zip(read).enumerate();
            both.find_map(|(number, (written, read))| lost(written, read, &format!("{path}[{number}]")))
        }
        (_, _) => None,
    }
}
