//! What the API server itself has to watch over: who may say what in a `MigrationApproval`, and who wrote a `DatabaseMigration`.
//!
//! ValidatingAdmissionPolicies, which every API server from 1.30 on evaluates by itself: no web hook, nothing that must run. The values
//! that the API server would fill in are written out, so that what is installed can be compared with what was shipped.

use serde_json::{Value, json};

use super::v1alpha1::AUTHOR;

/// The policy that makes approvals worth something, and its binding.
pub const APPROVALS_POLICY: &str = "sluice-approvals";
/// The policy that keeps the annotation `sluice.dev/author` honest, and its binding.
pub const AUTHOR_POLICY: &str = "sluice-author";
/// The ClusterRole of those who approve.
pub const APPROVER_ROLE: &str = "sluice-approver";

/// The policies, their bindings, and the role of those who approve, in the order in which they are printed and installed.
#[must_use]
pub fn admission() -> Vec<Value> {
    vec![
        policy(APPROVALS_POLICY, approvals()),
        binding(APPROVALS_POLICY),
        policy(AUTHOR_POLICY, author()),
        binding(AUTHOR_POLICY),
        approver(),
    ]
}

/// The same as one YAML stream.
///
/// # Errors
/// Never in practice: only when one of them cannot be written as YAML.
pub fn admission_yaml() -> Result<String, serde_yaml::Error> {
    admission().iter().map(|document| Ok(format!("---\n{}", serde_yaml::to_string(document)?))).collect()
}

fn policy(name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": spec,
    })
}

fn binding(name: &str) -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    })
}

fn of(resource: &str, operations: &[&str]) -> Value {
    json!({
        "matchPolicy": "Equivalent",
        "namespaceSelector": {},
        "objectSelector": {},
        "resourceRules": [{
            "apiGroups": ["sluice.dev"], "apiVersions": ["v1alpha1"], "resources": [resource], "operations": operations, "scope": "Namespaced",
        }],
    })
}

/// Service accounts are machines: whoever can read their token or start a Pod could speak through them.
const MACHINE: &str = "request.userInfo.username.startsWith('system:serviceaccount:')";

fn approvals() -> Value {
    // What belongs to the control plane deletes what is left of a namespace, or of an owner.
    let control_plane = "request.userInfo.username.startsWith('system:serviceaccount:kube-system:') || \
                         request.userInfo.username == 'system:kube-controller-manager'";
    let may = |verb: &str, object: &str| {
        format!(
            "authorizer.group('sluice.dev').resource('databasemigrations').namespace(request.namespace)\
             .name({object}.spec.migrationRef.name).check('{verb}').allowed()"
        )
    };
    let on_create = |rule: &str| format!("request.operation != 'CREATE' || ({rule})");
    let rule = |expression: String, message: &str| json!({"expression": expression, "messageExpression": message, "reason": "Forbidden"});
    json!({
        "failurePolicy": "Fail",
        "matchConstraints": of("migrationapprovals", &["CREATE", "UPDATE", "DELETE"]),
        "validations": [
            rule(
                on_create("object.spec.user == request.userInfo.username"),
                "'spec.user must be who writes it: you are ' + request.userInfo.username + ', not ' + object.spec.user",
            ),
            rule(
                on_create(&format!("!{MACHINE}")),
                "'a service account cannot approve or deny: ' + request.userInfo.username + ' is not a person'",
            ),
            rule(
                on_create(
                    "!has(object.spec.groups) || object.spec.groups.all(group, \
                     has(request.userInfo.groups) && group in request.userInfo.groups)",
                ),
                "'spec.groups may only name groups that you are in: ' + object.spec.groups.join(', ') + ' are not all yours'",
            ),
            rule(
                on_create(&may("approve", "object")),
                "'you need the verb approve on databasemigrations.sluice.dev ' + object.spec.migrationRef.name + ' in namespace ' \
                 + request.namespace + ', as in the ClusterRole sluice-approver'",
            ),
            rule(
                "request.operation != 'UPDATE' || object.spec == oldObject.spec".to_owned(),
                "'an approval is written once: delete it and write another one'",
            ),
            rule(
                format!(
                    "request.operation != 'DELETE' || oldObject.spec.user == request.userInfo.username || {control_plane} || {}",
                    may("overrule", "oldObject")
                ),
                "'only ' + oldObject.spec.user + ' may take this back, or whoever holds the verb overrule on the DatabaseMigration'",
            ),
        ],
    })
}

fn author() -> Value {
    let annotation = |object: &str| {
        format!(
            "has({object}.metadata.annotations) && '{AUTHOR}' in {object}.metadata.annotations \
             ? {object}.metadata.annotations['{AUTHOR}'] : ''"
        )
    };
    json!({
        "failurePolicy": "Fail",
        "matchConstraints": of("databasemigrations", &["CREATE", "UPDATE"]),
        "variables": [
            {"name": "author", "expression": annotation("object")},
            {"name": "before", "expression": format!("request.operation == 'CREATE' ? '' : ({})", annotation("oldObject"))},
            {"name": "written", "expression": "request.operation == 'CREATE' || object.spec != oldObject.spec"},
        ],
        "validations": [
            {
                "expression": format!(
                    "variables.author == '' || !variables.written || (variables.author == request.userInfo.username && !{MACHINE})"
                ),
                "messageExpression": format!(
                    "'the annotation {AUTHOR} says ' + variables.author + ', but ' + request.userInfo.username + ' changes the spec: set \
                     it to your own user name, or remove it; a service account cannot vouch for anybody'"
                ),
                "reason": "Forbidden",
            },
            {
                "expression": "variables.written || variables.author == '' || variables.author == variables.before",
                "messageExpression": format!(
                    "'the annotation {AUTHOR} says who changed the spec last: it can only be set together with a change of the spec'"
                ),
                "reason": "Forbidden",
            },
        ],
    })
}

/// Bound in a namespace, it lets a team approve there. It is in no built-in role: approving is not editing.
fn approver() -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": APPROVER_ROLE},
        "rules": [
            {"apiGroups": ["sluice.dev"], "resources": ["databasemigrations"], "verbs": ["get", "list", "watch", "approve"]},
            {"apiGroups": ["sluice.dev"], "resources": ["migrationapprovals"], "verbs": ["create", "delete", "get", "list", "watch"]},
        ],
    })
}
