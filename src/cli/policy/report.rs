//! The answer as people and tools read it.

use crate::api::v1alpha1::PolicyStatus;

use super::judge::Answer;

/// For people.
pub fn text(answers: &[Answer]) -> Result<String, String> {
    let mut texts = Vec::new();
    for answer in answers {
        texts.push(one(answer)?);
    }
    Ok(texts.join("\n"))
}

fn one(answer: &Answer) -> Result<String, String> {
    let mut lines = vec![format!("DatabaseMigration {}", answer.object)];
    if let (Some(risk), Some(because)) = (answer.risk, &answer.risk_because) {
        lines.push(format!("  a plan of risk {}, {because}", risk.as_str()));
    }
    lines.extend(answer.policies.iter().flat_map(|policy| imposed(policy, "  ")));
    if answer.policies.is_empty() && answer.faults.is_empty() {
        lines.push("  no policy selects it".to_owned());
    }
    lines.extend(answer.database.iter().chain(&answer.endpoints).map(|rule| format!("  ? {rule}")));
    lines.extend(answer.faults.iter().chain(&answer.violations).map(|problem| format!("  ✖ {problem}")));
    lines.push(match (answer.faults.len() + answer.violations.len(), &answer.spec) {
        (0, _) => "  ✔ it fits".to_owned(),
        (1, _) => "  nothing runs before that is mended".to_owned(),
        (_, _) => "  nothing runs before these are mended".to_owned(),
    });
    for higher in &answer.higher {
        lines.push(format!("  a plan of risk {} or higher, besides:", higher.from_risk.as_str()));
        lines.extend(higher.policies.iter().flat_map(|policy| imposed(policy, "    ")));
        lines.extend(higher.violations.iter().map(|problem| format!("    ✖ {problem}")));
    }
    if let Some(spec) = &answer.spec {
        lines.push("  spec:".to_owned());
        // By way of JSON: the YAML writer has its own idea of enums.
        let value = serde_json::to_value(spec).map_err(|error| unwritable(&error))?;
        let yaml = serde_yaml::to_string(&value).map_err(|error| unwritable(&error))?;
        lines.extend(yaml.lines().map(|line| format!("    {line}")));
    }
    Ok(lines.join("\n") + "\n")
}

fn imposed(policy: &PolicyStatus, indent: &str) -> Vec<String> {
    let nothing = match &policy.from_risk {
        Some(risk) => format!(": only for plans of risk {risk} or higher"),
        None if policy.imposed.is_empty() => ": asks for nothing that it does not do anyway".to_owned(),
        None => String::new(),
    };
    let first = format!("{indent}MigrationPolicy {}{nothing}", policy.name);
    std::iter::once(first).chain(policy.imposed.iter().map(|what| format!("{indent}  ↑ {what}"))).collect()
}

/// For tools.
pub fn json(answers: &[Answer]) -> Result<String, String> {
    serde_json::to_string_pretty(answers).map(|text| text + "\n").map_err(|error| unwritable(&error))
}

/// The same as YAML.
pub fn yaml(answers: &[Answer]) -> Result<String, String> {
    let value = serde_json::to_value(answers).map_err(|error| unwritable(&error))?;
    serde_yaml::to_string(&value).map_err(|error| unwritable(&error))
}

fn unwritable(error: &dyn std::fmt::Display) -> String {
    format!("the answer could not be written: {error}")
}
