//! What users write and read: the custom resources, one folder per API version.
//!
//! Pure data. This room must not know how anything is carried out, and nothing here reads a clock or a client.

pub mod admission;
pub mod v1alpha1;

use serde_json::{Value, json};

/// The custom resource definitions as JSON, in the order in which they are printed and installed.
///
/// # Errors
/// Never in practice: only when a definition cannot be turned into JSON.
pub fn crds() -> Result<Vec<Value>, serde_json::Error> {
    use kube::CustomResourceExt;
    let mut migration = serde_json::to_value(v1alpha1::DatabaseMigration::crd())?;
    // kstatus takes a resource without observedGeneration for reconciled: -1 says "not seen yet" from the first moment on.
    if let Some(status) = migration
        .pointer_mut("/spec/versions/0/schema/openAPIV3Schema/properties/status")
        .and_then(Value::as_object_mut)
    {
        status.insert("default".to_owned(), json!({"observedGeneration": -1}));
        status.remove("nullable");
    }
    let approval = serde_json::to_value(v1alpha1::MigrationApproval::crd())?;
    let mut policy = serde_json::to_value(v1alpha1::MigrationPolicy::crd())?;
    for selector in ["namespaceSelector", "selector"] {
        let place = format!("/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/{selector}");
        policy.pointer_mut(&place).into_iter().for_each(labels);
    }
    let mut definitions = vec![migration, approval, policy];
    definitions.iter_mut().for_each(whole);
    Ok(definitions)
}

/// Writes into a selector's schema what labels look like: one that there cannot be selects nothing, and the policy would not hold where
/// it was meant to. The API server works out rules about keys only where there are few.
fn labels(selector: &mut Value) {
    let value = json!({"type": "string", "maxLength": 63, "pattern": v1alpha1::LABEL_VALUE});
    for (place, is) in [
        ("/properties/matchLabels", json!({"maxProperties": 16, "additionalProperties": value.clone()})),
        ("/properties/matchExpressions/items/properties/key", json!({"maxLength": 317, "pattern": v1alpha1::LABEL})),
        ("/properties/matchExpressions/items/properties/values", json!({"items": value})),
    ] {
        if let (Some(schema), Value::Object(is)) = (selector.pointer_mut(place).and_then(Value::as_object_mut), is) {
            schema.extend(is);
        }
    }
    let rule = json!({
        "rule": format!("!has(self.matchLabels) || self.matchLabels.all(key, key.matches('{}'))", v1alpha1::LABEL),
        "message": "a key of matchLabels is none that a label can have; write it as the label is written, without blanks",
    });
    selector
        .pointer_mut("/x-kubernetes-validations")
        .and_then(Value::as_array_mut)
        .into_iter()
        .for_each(|rules| rules.push(rule.clone()));
}

/// Writes bounds such as 1.0 as the API server gives them back, 1, so that tools that compare see no difference.
fn whole(value: &mut Value) {
    match value {
        Value::Number(number) => {
            #[expect(clippy::cast_possible_truncation, reason = "bounds of a schema are small whole numbers")]
            if let Some(float) =
                number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0 && float.abs() < 1e15)
            {
                *number = (float as i64).into();
            }
        }
        Value::Array(values) => values.iter_mut().for_each(whole),
        Value::Object(values) => values.values_mut().for_each(whole),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// The definitions as one YAML stream.
///
/// # Errors
/// Never in practice: only when a definition cannot be written as YAML.
pub fn crds_yaml() -> Result<String, serde_yaml::Error> {
    let documents = crds().map_err(<serde_yaml::Error as serde::de::Error>::custom)?;
    let mut text = String::new();
    for document in documents {
        text.push_str("---\n");
        text.push_str(&serde_yaml::to_string(&document)?);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                for (name, field) in fields {
                    if let ("enum", Some(values)) = (name.as_str(), field.as_array()) {
                        found.extend(values.iter().filter_map(Value::as_str).map(str::to_owned));
                    }
                    words(field, found);
                }
            }
            Value::Array(values) => values.iter().for_each(|value| words(value, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    #[test]
    fn no_value_of_a_field_is_a_word_that_yaml_takes_for_something_else() {
        let mut found = Vec::new();
        crds().unwrap().iter().for_each(|crd| words(crd, &mut found));
        assert!(found.len() > 30, "{found:?}");
        for word in found {
            let lower = word.to_lowercase();
            assert!(
                !["on", "off", "yes", "no", "y", "n", "true", "false", "null", "~"].contains(&lower.as_str()),
                "{word}"
            );
        }
    }

    #[test]
    fn bounds_are_whole_numbers() {
        let mut value = json!({"minimum": 1.0, "maximum": 0.5, "deep": [{"maxLength": 63}]});
        whole(&mut value);
        assert_eq!(value.to_string(), json!({"minimum": 1, "maximum": 0.5, "deep": [{"maxLength": 63}]}).to_string());
    }
}
