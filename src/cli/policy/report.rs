//! The answer as people and tools read it.

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
    for policy in &answer.policies {
        let nothing = if policy.imposed.is_empty() { ": asks for nothing that it does not do anyway" } else { "" };
        lines.push(format!("  MigrationPolicy {}{nothing}", policy.name));
        lines.extend(policy.imposed.iter().map(|what| format!("    ↑ {what}")));
    }
    if answer.policies.is_empty() && answer.faults.is_empty() {
        lines.push("  no policy selects it".to_owned());
    }
    lines.extend(answer.database.iter().map(|rule| format!("  ? {rule}")));
    lines.extend(answer.faults.iter().chain(&answer.violations).map(|problem| format!("  ✖ {problem}")));
    lines.push(match (answer.faults.len() + answer.violations.len(), &answer.spec) {
        (0, _) => "  ✔ it fits".to_owned(),
        (1, _) => "  nothing runs before that is mended".to_owned(),
        (_, _) => "  nothing runs before these are mended".to_owned(),
    });
    if let Some(spec) = &answer.spec {
        lines.push("  spec:".to_owned());
        // By way of JSON: the YAML writer has its own idea of enums.
        let value = serde_json::to_value(spec).map_err(|error| unwritable(&error))?;
        let yaml = serde_yaml::to_string(&value).map_err(|error| unwritable(&error))?;
        lines.extend(yaml.lines().map(|line| format!("    {line}")));
    }
    Ok(lines.join("\n") + "\n")
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
