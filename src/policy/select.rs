//! Which objects a policy is about: label selectors, as Kubernetes reads them.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};

/// What selectors look at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels {
    /// The object's namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The labels of its namespace; `None` where they could not be read.
    pub namespace_labels: Option<BTreeMap<String, String>>,
}

/// How sure it is that a policy is about an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Selected {
    /// It is not.
    No,
    /// It may be: the namespace's labels are not known.
    Perhaps,
    /// It is.
    Yes,
}

/// Which objects a policy is about.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reach {
    namespaces: Vec<Requirement>,
    objects: Vec<Requirement>,
}

/// One thing that labels must fulfil; all of a selector's must be.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    DoesNotExist,
}

impl Requirement {
    fn holds(&self, labels: &BTreeMap<String, String>) -> bool {
        let value = labels.get(&self.key);
        match &self.test {
            Test::In(values) => value.is_some_and(|value| values.contains(value)),
            // As Kubernetes has it: a label that is not there has none of the values.
            Test::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
            Test::Exists => value.is_some(),
            Test::DoesNotExist => value.is_none(),
        }
    }
}

impl Reach {
    /// Validates the selectors of a policy; one that is not there selects everything.
    ///
    /// # Errors
    /// The first part that cannot be read, below `spec`, and why.
    pub fn of(namespaces: Option<&LabelSelector>, objects: Option<&LabelSelector>) -> Result<Self, (String, String)> {
        Ok(Self {
            namespaces: requirements("namespaceSelector", namespaces)?,
            objects: requirements("selector", objects)?,
        })
    }

    /// Whether the object is one of them.
    pub(super) fn selects(&self, object: &Labels) -> Selected {
        if !self.objects.iter().all(|requirement| requirement.holds(&object.labels)) {
            return Selected::No;
        }
        match &object.namespace_labels {
            Some(labels) if self.namespaces.iter().all(|requirement| requirement.holds(labels)) => Selected::Yes,
            Some(_) => Selected::No,
            None if self.namespaces.is_empty() => Selected::Yes,
            None => Selected::Perhaps,
        }
    }
}

fn requirements(field: &str, selector: Option<&LabelSelector>) -> Result<Vec<Requirement>, (String, String)> {
    let Some(selector) = selector else { return Ok(Vec::new()) };
    let labels = selector.match_labels.iter().flatten();
    for (key, value) in labels.clone() {
        possible(key, [value]).map_err(|problem| (format!("{field}.matchLabels"), problem))?;
    }
    let mut requirements: Vec<Requirement> =
        labels.map(|(key, value)| Requirement { key: key.clone(), test: Test::In(vec![value.clone()]) }).collect();
    for (number, expression) in selector.match_expressions.iter().flatten().enumerate() {
        let at = |problem: String| (format!("{field}.matchExpressions[{number}]"), problem);
        let test = test(expression).map_err(|problem| at(problem.to_owned()))?;
        possible(&expression.key, expression.values.iter().flatten()).map_err(at)?;
        requirements.push(Requirement { key: expression.key.clone(), test });
    }
    Ok(requirements)
}

fn test(expression: &LabelSelectorRequirement) -> Result<Test, &'static str> {
    let values = expression.values.clone().unwrap_or_default();
    match (expression.operator.as_str(), values.is_empty()) {
        ("In", false) => Ok(Test::In(values)),
        ("NotIn", false) => Ok(Test::NotIn(values)),
        ("In" | "NotIn", true) => Err("its operator needs values; give at least one"),
        ("Exists", true) => Ok(Test::Exists),
        ("DoesNotExist", true) => Ok(Test::DoesNotExist),
        ("Exists" | "DoesNotExist", false) => Err("its operator takes no values; remove them"),
        (_, _) => Err("its operator is not known; write In, NotIn, Exists or DoesNotExist"),
    }
}

/// Whether there can be such a label. One that there cannot be would never be found, and what the policy asks for never hold.
fn possible<'a>(key: &str, values: impl IntoIterator<Item = &'a String>) -> Result<(), String> {
    let word = |text: &str| {
        let ends = text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.ends_with(|c: char| c.is_ascii_alphanumeric());
        ends && text.len() <= 63 && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    let domain = |text: &str| {
        let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        text.starts_with(letter)
            && text.ends_with(letter)
            && text.len() <= 253
            && text.chars().all(|c| letter(c) || "-.".contains(c))
    };
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    if !word(name) || !prefix.is_none_or(domain) {
        return Err(format!(
            "`{key}` is no key that a label can have; write it as the label is written, without blanks"
        ));
    }
    match values.into_iter().find(|value| !value.is_empty() && !word(value)) {
        Some(value) => Err(format!(
            "`{value}` is nothing that a label can say; write it as the label's value is written, without blanks"
        )),
        None => Ok(()),
    }
}
