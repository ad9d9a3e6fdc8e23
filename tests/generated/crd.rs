//! The page of the custom resource: every field, from the schema that the API server gets.

use serde_json::Value;

use crate::markdown::{codes, head, table};

pub fn page(kind: &str) -> String {
    let crds = sluice::api::crds().unwrap();
    let crd = crds.iter().find(|crd| crd["spec"]["names"]["kind"] == kind).unwrap();
    let text = head(kind, "the types in src/api/v1alpha1") + &resource(crd);
    text.trim_end().to_owned() + "\n"
}

fn resource(crd: &Value) -> String {
    let names = &crd["spec"]["names"];
    let version = &crd["spec"]["versions"][0];
    let schema = &version["schema"]["openAPIV3Schema"]["properties"];
    let mut text = format!(
        "`apiVersion: {}/{}`, `kind: {}`, {}, short name {}.\n\n\
         Fields marked * must be given. Durations are texts such as `100ms`, `90s`, `15m` or `1h30m`. No field has a default in the\n\
         schema: what holds when a field is left out stands in its explanation, so that tools that compare see no drift.\n\n",
        word(&crd["spec"]["group"]),
        word(&version["name"]),
        word(&names["kind"]),
        word(&crd["spec"]["scope"]).to_lowercase(),
        codes(names["shortNames"].as_array().unwrap().iter().map(word)),
    );
    text.push_str("## Columns of `kubectl get`\n\n");
    let columns = version["additionalPrinterColumns"].as_array().unwrap();
    text.push_str(&table(
        &["column", "from", "meaning"],
        columns.iter().map(|column| {
            let wide = if column["priority"] == 1 { " (with `-o wide`)" } else { "" };
            let meaning = column["description"].as_str().unwrap_or("since when the object exists");
            vec![
                format!("{}{wide}", word(&column["name"])),
                format!("`{}`", word(&column["jsonPath"])),
                meaning.to_owned(),
            ]
        }),
    ));
    object("spec", &schema["spec"], &mut text);
    if schema["status"].is_object() {
        object("status", &schema["status"], &mut text);
    }
    text
}

/// One section for an object and, after it, one for each object in it.
fn object(path: &str, schema: &Value, text: &mut String) {
    text.push_str(&format!("## {path}\n\n{}\n\n", description(schema)));
    for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
        text.push_str(&format!("Rule: {}.\n\n", word(&rule["message"])));
    }
    let properties = schema["properties"].as_object().unwrap();
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().map(word).collect();
    text.push_str(&table(
        &["field", "type", "meaning"],
        properties.iter().map(|(name, field)| {
            let mark = if required.contains(&name.as_str()) { "*" } else { "" };
            vec![format!("`{name}`{mark}"), type_of(&format!("{path}.{name}"), field), meaning(field)]
        }),
    ));
    for (name, field) in properties {
        let path = format!("{path}.{name}");
        if has_fields(field) {
            object(&path, field, text);
        } else if has_fields(&field["items"]) && path != "status.conditions" {
            object(&format!("{path}[]"), &field["items"], text);
        }
    }
}

fn has_fields(schema: &Value) -> bool {
    schema["properties"].as_object().is_some_and(|properties| !properties.is_empty())
}

fn type_of(path: &str, field: &Value) -> String {
    let anchor = |path: &str| path.to_lowercase().replace(['.', '[', ']'], "");
    match field["type"].as_str() {
        Some("object") if has_fields(field) => format!("[object](#{})", anchor(path)),
        Some("object") => "map of texts".to_owned(),
        Some("array") if path == "status.conditions" => "list of [conditions](conditions.md)".to_owned(),
        Some("array") if has_fields(&field["items"]) => format!("list of [objects](#{})", anchor(path)),
        Some("array") => "list of texts".to_owned(),
        Some("string") if field["format"] == "date-time" => "time".to_owned(),
        Some("string") => "text".to_owned(),
        Some(other) => other.to_owned(),
        None => panic!("{path} has no type: {field}"),
    }
}

fn meaning(field: &Value) -> String {
    let mut text = description(field);
    if let Some(values) = field["enum"].as_array() {
        text.push_str(&format!(" One of {}.", codes(values.iter().filter(|value| !value.is_null()).map(word))));
    }
    for rule in field["x-kubernetes-validations"].as_array().into_iter().flatten() {
        if !has_fields(field) {
            text.push_str(&format!(" Rule: {}.", word(&rule["message"])));
        }
    }
    text
}

fn description(schema: &Value) -> String {
    schema["description"].as_str().unwrap_or_else(|| panic!("without a description: {schema}")).trim().to_owned()
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}"))
}
