//! The guide's examples are checks that can be used.

use std::path::Path;

use crate::api::v1alpha1::CheckSpec;
use crate::checks::Check;

#[test]
fn every_example_of_the_guide_is_a_valid_check() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/checks.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let mut names = Vec::new();
    for block in guide.split("```yaml\n").skip(1) {
        let (yaml, _) = block.split_once("```").unwrap();
        let mut value: serde_json::Value = serde_yaml::from_str(yaml).unwrap();
        if let Some(checks) = value.pointer("/spec/verification/checks") {
            value = checks.clone();
        }
        let specs: Vec<CheckSpec> = serde_json::from_value(value).unwrap();
        names.extend(specs.iter().map(|spec| Check::of(spec).unwrap().name));
    }
    assert_eq!(names.len(), 12, "{names:?}");
}
