//! The guide knows every field, and its examples can be used.

use std::path::Path;

use serde_json::Value;

use crate::api::v1alpha1::{PreflightSpec, SqlGateSpec};
use crate::checks::SqlGate;
use crate::gates::preflight::{REQUIREMENTS, Requirements};

fn guide() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/preflight.md")).unwrap()
}

#[test]
fn every_example_of_the_guide_can_be_used() {
    let guide = guide();
    let (mut preflights, mut queries) = (0, 0);
    for block in guide.split("```yaml\n").skip(1) {
        let (yaml, _) = block.split_once("```").unwrap();
        let value: Value = serde_yaml::from_str(yaml).unwrap();
        let gates = value.pointer("/spec/gates").unwrap();
        if let Some(preflight) = gates.get("preflight") {
            Requirements::of(&serde_json::from_value::<PreflightSpec>(preflight.clone()).unwrap()).unwrap();
            preflights += 1;
        }
        for query in gates.get("sql").and_then(Value::as_array).into_iter().flatten() {
            SqlGate::of(&serde_json::from_value::<SqlGateSpec>(query.clone()).unwrap()).unwrap();
            queries += 1;
        }
    }
    assert!(preflights >= 2 && queries >= 1, "{preflights}, {queries}");
}

#[test]
fn the_guide_describes_every_field() {
    let guide = guide();
    for (field, _) in REQUIREMENTS {
        assert!(guide.contains(&format!("### {field}\n")), "{field}");
    }
    let schema = serde_json::to_value(schemars::schema_for!(PreflightSpec)).unwrap();
    for field in schema.pointer("/properties").and_then(Value::as_object).unwrap().keys() {
        assert!(guide.contains(&format!("`{field}")) || guide.contains(&format!("### {field}\n")), "{field}");
    }
}
