//! What the admission policies must be to be worth something.

use k8s_openapi::api::admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, Time};

use crate::api::admission::admission;
use crate::gates::tests::fixture::at;
use crate::gates::{Guard, author_guard, guard};

fn shipped() -> (ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding) {
    let objects = admission();
    let mut policy: ValidatingAdmissionPolicy = serde_json::from_value(objects[0].clone()).unwrap();
    let mut binding: ValidatingAdmissionPolicyBinding = serde_json::from_value(objects[1].clone()).unwrap();
    policy.metadata.creation_timestamp = Some(Time(at("2026-01-01T00:00:00Z")));
    binding.metadata.creation_timestamp = Some(Time(at("2026-01-02T00:00:00Z")));
    (policy, binding)
}

fn missing(guard: Guard) -> String {
    let Guard::Missing(how) = guard else { panic!("{guard:?}") };
    how
}

#[test]
fn as_shipped_they_are_installed_and_each_is_only_itself() {
    let (policy, binding) = shipped();
    assert_eq!(guard(Some(&policy), Some(&binding)), Guard::Installed { since: at("2026-01-02T00:00:00Z") });
    assert!(missing(author_guard(Some(&policy), Some(&binding))).contains("was changed"));
}

#[test]
fn without_either_of_them_nothing_is_guarded() {
    let (policy, binding) = shipped();
    assert_eq!(missing(guard(None, Some(&binding))), "the ValidatingAdmissionPolicy sluice-approvals is not installed");
    assert!(missing(guard(Some(&policy), None)).contains("Binding sluice-approvals is not installed"));
    let mut going = policy;
    going.metadata.deletion_timestamp = Some(serde_json::from_str("\"2026-11-26T12:00:00Z\"").unwrap());
    assert!(missing(guard(Some(&going), Some(&binding))).contains("not installed"));
}

#[test]
fn what_was_weakened_does_not_pass_for_what_was_shipped() {
    let (policy, binding) = shipped();
    let mut weak = policy.clone();
    weak.spec.as_mut().unwrap().validations.as_mut().unwrap()[0].expression = "true".to_owned();
    assert!(missing(guard(Some(&weak), Some(&binding))).contains("was changed"));
    let mut ignoring = policy.clone();
    ignoring.spec.as_mut().unwrap().failure_policy = Some("Ignore".to_owned());
    assert!(missing(guard(Some(&ignoring), Some(&binding))).contains("was changed"));
    let mut partial = policy.clone();
    let selector: LabelSelector = serde_json::from_str(r#"{"matchLabels": {"a": "b"}}"#).unwrap();
    partial.spec.as_mut().unwrap().match_constraints.as_mut().unwrap().namespace_selector = Some(selector);
    assert!(missing(guard(Some(&partial), Some(&binding))).contains("was changed"));
    let mut warning = binding.clone();
    warning.spec.as_mut().unwrap().validation_actions = Some(vec!["Warn".to_owned()]);
    assert!(missing(guard(Some(&policy), Some(&warning))).contains("with Deny"));
    let mut narrow = binding;
    narrow.spec.as_mut().unwrap().match_resources = Some(Default::default());
    assert!(missing(guard(Some(&policy), Some(&narrow))).contains("with Deny"));
}
