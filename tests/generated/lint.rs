//! The pages of the lint rules: an index by class, and one page a rule.

use sluice::lint::{About, Class, RULES};

use crate::markdown::{head, table};

/// What each class is about, for the index.
fn meaning(class: Class) -> &'static str {
    match class {
        Class::DataLoss => "Rows are destroyed.",
        Class::TableRewrite => "A table's rows are written anew under a lock that readers and writers wait for.",
        Class::BlockingLock => "Readers or writers wait for longer than a moment, or a running application fails.",
        Class::TableScan => "A table is read from end to end under a lock that writers wait for.",
        Class::Security => "More rights or reach than a migration needs.",
        Class::Environment => "The same script in another environment does something else, or nothing.",
        Class::Rerun => "A second run would fail, or what a run does depends on how it ended.",
        Class::WayBack => "The way back does not lead back.",
        Class::Opaque => "What cannot be judged from the text.",
    }
}

/// Every page with its name.
pub fn pages() -> Vec<(String, String)> {
    let rules = RULES.iter().map(|rule| rule.about());
    let pages = rules.map(|about| (format!("docs/lint/{}.md", about.name), page(about)));
    std::iter::once(("docs/lint/README.md".to_owned(), index())).chain(pages).collect()
}

fn index() -> String {
    let mut text = head("Lint rules", "the rules in src/lint");
    text.push_str(
        "What `sluice lint`, the plan and the gate `spec.gates.lint` look for; [linting](../linting.md) explains how. A class or a rule's \
         name can\nstand in `deny`, `warn` and `allow`.\n\n",
    );
    for class in Class::ALL {
        text.push_str(&format!("## {class}\n\n{}\n\n", meaning(class)));
        let rules = RULES.iter().map(|rule| rule.about()).filter(|about| about.class == class);
        text.push_str(&table(
            &["rule", "severity", "finds"],
            rules.map(|about| {
                let link = format!("[`{0}`]({0}.md)", about.name);
                vec![link, about.severity.as_str().to_owned(), about.summary.to_owned()]
            }),
        ));
    }
    text.trim_end().to_owned() + "\n"
}

fn page(about: &About) -> String {
    let About { name, class, severity, summary, why, rewrite, bad, good } = about;
    let mut text = head(&format!("`{name}`"), "what the rule says about itself");
    text.push_str(&format!("{summary}. Class {class}, severity {}.\n\n", severity.as_str()));
    text.push_str(&format!("## Why it hurts\n\n{why}\n\n"));
    if !rewrite.is_empty() {
        text.push_str(&format!("## The safe way\n\n{rewrite}\n\n"));
    }
    text.push_str(&format!("## Examples\n\nFound:\n\n```sql\n{bad}```\n\nNot found:\n\n```sql\n{good}```\n\n"));
    if !name.starts_with("ignore-") {
        text.push_str(&format!(
            "Where it is meant, say so before the statement:\n\n```sql\n-- sluice:ignore {name} why it is safe here\n```\n"
        ));
    }
    text.trim_end().to_owned() + "\n"
}
