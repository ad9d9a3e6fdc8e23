//! The policies that users copy ask for what their page says.

use rstest::rstest;

use crate::api::v1alpha1::MigrationPolicy;
use crate::gates::Gates;
use crate::migration::Risk;

#[rstest]
#[case("development", [1, 1, 1, 1], &[])]
#[case("staging", [2, 2, 2, 2], &[])]
#[case("production", [3, 3, 4, 4], &["technical-review", "data-ops"])]
#[case("production-personal-data", [1, 1, 1, 1], &["security", "business"])]
fn the_matrix_of_the_example_policies(#[case] name: &str, #[case] people: [usize; 4], #[case] groups: &[&str]) {
    let file = format!("{}/examples/policies/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(file).unwrap();
    let policy: MigrationPolicy = serde_yaml::from_str(&text).unwrap();
    assert_eq!(policy.metadata.name.as_deref(), Some(name));
    let gates = Gates::of(policy.spec.gates.as_ref()).unwrap();
    let rule = gates.approvals.unwrap();
    assert_eq!([Risk::Low, Risk::Medium, Risk::High, Risk::Critical].map(|risk| rule.people(risk)), people);
    assert_eq!(rule.groups, groups);
    assert_eq!(gates.windows.len(), if name == "production" { 2 } else { 0 });
}
