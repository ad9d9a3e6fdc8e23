//! Which objects a policy is about.

use serde_json::{Value, json};

use super::super::{Labels, raise};
use super::{orders, policy, spec};

/// Whether a policy with these selectors is about the object.
fn selects(object: &Labels, selectors: Value) -> bool {
    !raise(&spec(json!({})), object, &[policy("a", selectors)]).unwrap().strictest().imposed.is_empty()
}

#[test]
fn selectors_are_read_as_kubernetes_reads_them() {
    let by = |operator: &str, key: &str, values: &[&str]| {
        let mut expression = json!({"key": key, "operator": operator});
        if !values.is_empty() {
            expression["values"] = json!(values);
        }
        json!({"selector": {"matchExpressions": [expression]}})
    };
    for (selectors, fits) in [
        (json!({}), true),
        (json!({"selector": {}, "namespaceSelector": {}}), true),
        (json!({"selector": {"matchLabels": {"team": "sales"}}}), true),
        (json!({"selector": {"matchLabels": {"team": "sales", "tier": "1"}}}), false),
        (json!({"namespaceSelector": {"matchLabels": {"environment": "production"}}}), true),
        (json!({"namespaceSelector": {"matchLabels": {"environment": "staging"}}}), false),
        (json!({"namespaceSelector": {"matchLabels": {"team": "sales"}}}), false),
        (by("In", "team", &["sales", "stock"]), true),
        (by("In", "team", &["stock"]), false),
        (by("In", "tier", &["1"]), false),
        (by("NotIn", "team", &["stock"]), true),
        (by("NotIn", "team", &["sales"]), false),
        (by("NotIn", "tier", &["1"]), true),
        (by("Exists", "team", &[]), true),
        (by("Exists", "tier", &[]), false),
        (by("DoesNotExist", "tier", &[]), true),
        (by("DoesNotExist", "team", &[]), false),
    ] {
        assert_eq!(selects(&orders(), selectors.clone()), fits, "{selectors}");
    }
}

#[test]
fn where_the_labels_of_the_namespace_are_not_known_a_policy_that_asks_for_them_closes() {
    let unknown = Labels { namespace_labels: None, ..orders() };
    let by_namespace = json!({"namespaceSelector": {"matchLabels": {"environment": "staging"}}});
    let error = raise(&spec(json!({})), &unknown, &[policy("a", by_namespace.clone())]).unwrap_err().to_string();
    assert!(error.contains("MigrationPolicy a: spec.namespaceSelector: the labels of namespace shop"), "{error}");
    assert!(selects(&unknown, json!({})), "one that does not ask for them is no problem");
    let elsewhere =
        json!({"namespaceSelector": by_namespace["namespaceSelector"], "selector": {"matchLabels": {"x": "y"}}});
    assert!(!selects(&unknown, elsewhere), "nor is one that is about another object anyway");
}

#[test]
fn a_label_that_there_cannot_be_closes_for_it_would_select_nothing() {
    let fault = |selectors: Value| policy("a", selectors).map(|_| ()).map_err(|fault| fault.to_string());
    for (selectors, told) in [
        (
            json!({"namespaceSelector": {"matchLabels": {"environment ": "production"}}}),
            "spec.namespaceSelector.matchLabels: `environment ` is no",
        ),
        (json!({"selector": {"matchLabels": {"team": "sales "}}}), "spec.selector.matchLabels: `sales ` is nothing"),
        (json!({"selector": {"matchLabels": {"Example.com/team": "a"}}}), "`Example.com/team` is no key"),
        (json!({"selector": {"matchLabels": {"a/b/c": "a"}}}), "`a/b/c` is no key"),
        (
            json!({"selector": {"matchExpressions": [{"key": "", "operator": "Exists"}]}}),
            "spec.selector.matchExpressions[0]: `` is no key",
        ),
        (
            json!({"selector": {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b", "-c"]}]}}),
            "`-c` is nothing",
        ),
    ] {
        let error = fault(selectors.clone()).unwrap_err();
        assert!(error.contains(told), "{selectors}: {error}");
    }
    let labels = json!({"kubernetes.io/metadata.name": "shop", "a_b": "", "c.d": "E-1_2.3"});
    assert_eq!(fault(json!({"selector": {"matchLabels": labels}})), Ok(()));
}
