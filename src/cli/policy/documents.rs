//! From files with several YAML documents to policies and objects. Errors name the file, the document and the field.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::api::v1alpha1::DatabaseMigrationSpec;
use crate::policy::{Fault, Policy, strictly};

/// A DatabaseMigration as it was written.
#[derive(Debug)]
pub struct Object {
    /// Its name.
    pub name: String,
    /// Its namespace, where it says so.
    pub namespace: Option<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its spec.
    pub spec: DatabaseMigrationSpec,
}

/// What a manifest holds.
#[derive(Debug, Default)]
pub struct Manifest {
    /// The objects.
    pub objects: Vec<Object>,
    /// Labels of namespaces, by name.
    pub namespaces: BTreeMap<String, BTreeMap<String, String>>,
}

/// One YAML document, and where it is from.
struct Document {
    place: String,
    value: Value,
}

impl Document {
    fn kind(&self) -> &str {
        let of_sluice = |kind: &str| matches!(kind, "DatabaseMigration" | "MigrationPolicy");
        let kind = self.value["kind"].as_str().unwrap_or_default();
        let ours = self.value["apiVersion"].as_str().is_some_and(|version| version.starts_with("sluice.dev/"));
        if of_sluice(kind) && !ours { "" } else { kind }
    }

    fn name(&self) -> Result<String, String> {
        let name = self.value["metadata"]["name"].as_str().filter(|name| !name.is_empty());
        name.map(str::to_owned).ok_or_else(|| format!("{}: metadata.name: give it a name", self.place))
    }

    fn labels(&self) -> Result<BTreeMap<String, String>, String> {
        let labels = self.value["metadata"]["labels"].clone();
        let read: Option<BTreeMap<String, String>> =
            serde_json::from_value(labels).map_err(|error| format!("{}: metadata.labels: {error}", self.place))?;
        Ok(read.unwrap_or_default())
    }
}

/// The policies of a file. One that cannot be used is among them, as it is in a cluster.
pub fn policies(file: &Path) -> Result<Vec<Result<Policy, Fault>>, String> {
    let documents = read(file)?;
    let mut policies = Vec::new();
    for document in documents.iter().filter(|document| document.kind() == "MigrationPolicy") {
        policies.push(Policy::read(&document.name()?, &document.value));
    }
    if policies.is_empty() {
        return Err(format!("{}: holds no MigrationPolicy (apiVersion sluice.dev/v1alpha1)", file.display()));
    }
    Ok(policies)
}

/// What there is to be tried.
pub fn manifest(file: &Path) -> Result<Manifest, String> {
    let mut manifest = Manifest::default();
    for document in read(file)? {
        match document.kind() {
            "DatabaseMigration" => {
                let spec = strictly(&document.value["spec"], "spec")
                    .map_err(|(field, problem)| format!("{}: {field}: {problem}", document.place))?;
                manifest.objects.push(Object {
                    name: document.name()?,
                    namespace: document.value["metadata"]["namespace"].as_str().map(str::to_owned),
                    labels: document.labels()?,
                    spec,
                });
            }
            "Namespace" => {
                manifest.namespaces.insert(document.name()?, document.labels()?);
            }
            _ => {}
        }
    }
    if manifest.objects.is_empty() {
        return Err(format!("{}: holds no DatabaseMigration (apiVersion sluice.dev/v1alpha1)", file.display()));
    }
    Ok(manifest)
}

/// The documents of a file, those in a `List` each by itself.
fn read(file: &Path) -> Result<Vec<Document>, String> {
    let name = file.display();
    let mut text = String::new();
    if file == Path::new("-") {
        let read = std::io::stdin().read_to_string(&mut text);
        read.map_err(|error| format!("standard input cannot be read: {error}"))?;
    } else {
        text = std::fs::read_to_string(file).map_err(|error| format!("{name} cannot be read: {error}"))?;
    }
    let mut documents = Vec::new();
    for (number, document) in serde_yaml::Deserializer::from_str(&text).enumerate() {
        let place = format!("{name}, document {}", number + 1);
        let mut value = Value::deserialize(document).map_err(|error| format!("{place}: {error}"))?;
        let items = if value["kind"] == "List" { value["items"].as_array_mut().map(std::mem::take) } else { None };
        match items {
            Some(items) => {
                let items = items.into_iter().enumerate();
                documents.extend(
                    items.map(|(item, value)| Document { place: format!("{place}, item {}", item + 1), value }),
                );
            }
            None => documents.push(Document { place, value }),
        }
    }
    Ok(documents)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBJECT: &str = "apiVersion: sluice.dev/v1alpha1\nkind: DatabaseMigration\nmetadata: {name: orders}\n\
        spec: {targetVersion: Latest, database: {secretRef: {name: db}}, source: {inline: {001_x.sql: select 1}}";

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn several_documents_and_lists_are_read() {
        let text = format!(
            "---\nkind: ConfigMap\n---\nkind: Namespace\nmetadata: {{name: shop, labels: {{a: b}}}}\n---\n{OBJECT}}}\n---\n\
             kind: List\nitems:\n- {{kind: MigrationPolicy, apiVersion: sluice.dev/v1alpha1, metadata: {{name: a}}}}\n\
             - {{kind: MigrationPolicy, apiVersion: kyverno.io/v1, metadata: {{name: b}}}}\n"
        );
        let file = file(&text);
        let manifest = manifest(file.path()).unwrap();
        assert_eq!((manifest.objects.len(), manifest.namespaces["shop"]["a"].as_str()), (1, "b"));
        let policies = policies(file.path()).unwrap();
        assert_eq!(policies.len(), 1);
        assert_eq!(policies[0].as_ref().unwrap().name, "a");
    }

    #[test]
    fn errors_name_the_file_the_document_and_the_field() {
        let name = OBJECT.replace("{name: orders}", "{}");
        for (text, words) in [
            (format!("---\na: b\n---\n{OBJECT}, gatez: {{}}}}"), "document 2: spec.gatez: is not known"),
            (format!("{OBJECT}, gates: {{deadline: 5}}}}"), "document 1: spec.gates.deadline: invalid type"),
            (format!("{name}}}"), "document 1: metadata.name: give it a name"),
            ("a: b\n---\nc: [".to_owned(), "document 2: "),
            ("a: b".to_owned(), "holds no DatabaseMigration"),
        ] {
            let file = file(&text);
            let error = manifest(file.path()).unwrap_err();
            assert!(error.starts_with(&file.path().display().to_string()) && error.contains(words), "{text}: {error}");
        }
        assert!(policies(Path::new("/nowhere.yaml")).unwrap_err().starts_with("/nowhere.yaml cannot be read"));
        assert!(policies(file("a: b").path()).unwrap_err().contains("holds no MigrationPolicy"));
    }
}
