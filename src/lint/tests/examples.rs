//! Every rule's own examples.

use super::super::{About, RULES};
use super::{lint, rules};

/// A narrower type is also another type: the rows are cut off and written anew, which are two harms.
const TOGETHER: &[(&str, &str)] = &[("narrow-type", "change-type")];

#[test]
fn every_bad_example_is_found_by_its_rule_and_by_no_other() {
    let mut wrong = Vec::new();
    for About { name, bad, .. } in RULES.iter().map(|rule| rule.about()) {
        let mut found = rules(&lint(bad));
        found.retain(|other| !TOGETHER.contains(&(*name, *other)));
        if found != [*name] {
            wrong.push(format!("{name}: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_good_example_is_found_by_any_rule() {
    let found: Vec<String> = RULES
        .iter()
        .map(|rule| rule.about())
        .flat_map(|about| lint(about.good).into_iter().map(|found| format!("{}: {}", about.name, found.rule)))
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_rule_explains_itself_in_sentences() {
    let mut names: Vec<&str> = RULES.iter().map(|rule| rule.about().name).collect();
    for About { name, summary, why, rewrite, .. } in RULES.iter().map(|rule| rule.about()) {
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{name}");
        assert!(summary.starts_with(char::is_uppercase) && !summary.ends_with('.'), "{name}: {summary}");
        assert!(why.ends_with('.') && !rewrite.is_empty(), "{name}: {why}");
    }
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all, "two rules have one name");
}
