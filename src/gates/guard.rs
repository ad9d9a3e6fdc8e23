//! Whether the admission policies are installed as they were shipped: what they keep out is what approvals are worth.

use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding, ValidatingAdmissionPolicyBindingSpec,
    ValidatingAdmissionPolicySpec,
};
use serde_json::Value;

use crate::api::admission::{APPROVALS_POLICY, AUTHOR_POLICY, admission};

use super::Guard;

/// What approvals are worth, from the policy and the binding named [`APPROVALS_POLICY`] as the API server has them; `None` where it has
/// none. Where they cannot be read, the caller says [`Guard::Unknown`].
#[must_use]
pub fn guard(policy: Option<&ValidatingAdmissionPolicy>, binding: Option<&ValidatingAdmissionPolicyBinding>) -> Guard {
    judge(APPROVALS_POLICY, policy, binding)
}

/// What the annotation `sluice.dev/author` is worth, from the policy and the binding named [`AUTHOR_POLICY`].
#[must_use]
pub fn author_guard(
    policy: Option<&ValidatingAdmissionPolicy>,
    binding: Option<&ValidatingAdmissionPolicyBinding>,
) -> Guard {
    judge(AUTHOR_POLICY, policy, binding)
}

fn judge(
    name: &str,
    policy: Option<&ValidatingAdmissionPolicy>,
    binding: Option<&ValidatingAdmissionPolicyBinding>,
) -> Guard {
    let what = format!("the ValidatingAdmissionPolicy {name}");
    let missing = |how: &str| Guard::Missing(how.to_owned());
    let Some(policy) = policy.filter(|policy| policy.metadata.deletion_timestamp.is_none()) else {
        return missing(&format!("{what} is not installed"));
    };
    let Some(binding) = binding.filter(|binding| binding.metadata.deletion_timestamp.is_none()) else {
        return missing(&format!(
            "the ValidatingAdmissionPolicyBinding {name} is not installed, so the policy of that name does nothing"
        ));
    };
    match (shipped::<ValidatingAdmissionPolicySpec>("ValidatingAdmissionPolicy", name), &policy.spec) {
        (Some(shipped), Some(spec)) if shipped == *spec => {}
        _ => return missing(&format!("{what} was changed: it is not what this release of Sluice ships")),
    }
    match (shipped::<ValidatingAdmissionPolicyBindingSpec>("ValidatingAdmissionPolicyBinding", name), &binding.spec) {
        (Some(shipped), Some(spec)) if shipped == *spec => {
            // Whichever came last: before that nothing was kept out.
            let made = [&policy.metadata, &binding.metadata].map(|metadata| metadata.creation_timestamp.as_ref());
            match made {
                [Some(policy), Some(binding)] => Guard::Installed { since: policy.0.max(binding.0) },
                [None, _] | [_, None] => missing(&format!("{what} does not say when it was installed")),
            }
        }
        _ => missing(&format!(
            "the ValidatingAdmissionPolicyBinding {name} was changed: it must bind everything, with Deny"
        )),
    }
}

/// The spec of one of the shipped objects.
fn shipped<T: serde::de::DeserializeOwned>(kind: &str, name: &str) -> Option<T> {
    let named = |object: &&Value| {
        object.get("kind").and_then(Value::as_str) == Some(kind)
            && object.pointer("/metadata/name").and_then(Value::as_str) == Some(name)
    };
    let objects = admission();
    let spec = objects.iter().find(named)?.get("spec")?;
    serde_json::from_value(spec.clone()).ok()
}
