//! Reads what was written, to the last field: one that this Sluice does not know would be a demand that nobody looks at.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Reads a value all of whose fields are known.
///
/// # Errors
/// The first field, below `path`, that is not known or cannot be used, and why.
pub fn strictly<T: DeserializeOwned + Serialize>(written: &Value, path: &str) -> Result<T, (String, String)> {
    let read: T = serde_path_to_error::deserialize(written).map_err(|error| {
        let below = error.path().to_string();
        let field = if below == "." { path.to_owned() } else { format!("{path}.{below}") };
        (field, error.inner().to_string())
    })?;
    let again = serde_json::to_value(&read).map_err(|error| (path.to_owned(), error.to_string()))?;
    match lost(written, &again, path) {
        Some(field) => Err((field, "is not known to this Sluice; remove it, or update Sluice".to_owned())),
        None => Ok(read),
    }
}

/// The path, below what was given, of the first field that got lost between what was written and what was read.
fn lost(written: &Value, read: &Value, path: &str) -> Option<String> {
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
