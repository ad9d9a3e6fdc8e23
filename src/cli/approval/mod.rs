//! `sluice approve`, `sluice deny`, `sluice withdraw`: a person's word on a plan, after it was shown.
//!
//! What is written is a MigrationApproval like any other: the API server decides whether it may be, not this program.

mod person;
mod show;
#[cfg(test)]
mod tests;

use std::io::{self, BufRead, IsTerminal, Write};
use std::process::ExitCode;

use clap::Args;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::{Api, Client, ResourceExt};
use sha2::{Digest, Sha256};

use crate::api::v1alpha1::{
    ApprovalDecision, DatabaseMigration, LocalRef, MigrationApproval, MigrationApprovalSpec, PlanStatus,
};

use super::ask::Object;
use super::status::doubt;
use super::{cluster, output};

use person::Person;

/// Names of objects end here.
const LONGEST_NAME: usize = 253;

/// Agree to the plan that a DatabaseMigration shows
///
/// Shows the plan, its risk and its gates, and asks. Then writes a MigrationApproval in your name, which is about exactly that plan: where
/// it changes before the approval is written, nothing is written. Speaks for your groups unless some are named.
///
/// Exit codes: 0 it is written; 1 it is not; 2 wrong usage.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  \
    sluice approve orders -n shop\n  \
    kubectl sluice approve orders -n shop --group dba --comment \"read it, tried it on staging\"\n  \
    sluice approve orders -n shop --digest sha256:4f1c… --yes    without a terminal\n  \
    sluice approve orders -n shop --override-windows             in an emergency")]
pub struct Approve {
    #[command(flatten)]
    word: Word,

    /// The run may begin outside of its windows; it takes as many such approvals as the plan needs, and is recorded
    #[arg(long, env = "SLUICE_OVERRIDE_WINDOWS")]
    override_windows: bool,
}

/// Forbid the plan that a DatabaseMigration shows
///
/// Shows the plan and asks. While your MigrationApproval with the decision Deny is there, that plan does not run, whoever approves it.
///
/// Exit codes: 0 it is written; 1 it is not; 2 wrong usage.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  \
    sluice deny orders -n shop --comment \"rewrites the largest table\"\n  \
    kubectl sluice deny orders -n shop")]
pub struct Deny {
    #[command(flatten)]
    word: Word,
}

/// Take back your approvals or denials of a DatabaseMigration
///
/// Deletes the MigrationApprovals that you wrote about it, of this plan and of earlier ones.
///
/// Exit codes: 0 they are gone, or there were none; 1 they are not; 2 wrong usage.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  \
    sluice withdraw orders -n shop\n  \
    kubectl sluice withdraw orders -n shop")]
pub struct Withdraw {
    #[command(flatten)]
    object: Object,
}

#[derive(Debug, Args)]
struct Word {
    #[command(flatten)]
    object: Object,

    /// The plan that is meant: its digest or the beginning of it; where another one is shown, nothing is written
    #[arg(long, env = "SLUICE_DIGEST", value_name = "DIGEST")]
    digest: Option<String>,

    /// Why, for others and for the ledger
    #[arg(long, env = "SLUICE_COMMENT", value_name = "TEXT")]
    comment: Option<String>,

    /// A group of yours that you speak for; may be given several times [default: your groups]
    #[arg(long, env = "SLUICE_GROUP", value_name = "GROUP", value_delimiter = ',')]
    group: Vec<String>,

    /// Do not ask
    #[arg(long, env = "SLUICE_YES")]
    yes: bool,
}

/// Says yes.
pub async fn approve(arguments: &Approve) -> ExitCode {
    answer(decide(&arguments.word, ApprovalDecision::Approve, arguments.override_windows).await)
}

/// Says no.
pub async fn deny(arguments: &Deny) -> ExitCode {
    answer(decide(&arguments.word, ApprovalDecision::Deny, false).await)
}

/// Takes it back.
pub async fn withdraw(arguments: &Withdraw) -> ExitCode {
    answer(take_back(&arguments.object).await)
}

fn answer(done: Result<String, String>) -> ExitCode {
    match done {
        Ok(text) => output::print(&text),
        Err(message) => output::failed(&message),
    }
}

async fn decide(word: &Word, decision: ApprovalDecision, override_windows: bool) -> Result<String, String> {
    let (client, namespace) = word.object.place.connect().await?;
    let name = &word.object.name;
    let objects = Api::<DatabaseMigration>::namespaced(client.clone(), &namespace);
    let object = cluster::migration(&objects, &namespace, name).await?;
    let plan = waiting(&object)?;
    if let Some(meant) = &word.digest {
        same(meant, &plan.digest)?;
    }
    let person = Person::find(&client).await?;
    person.may_approve(&client, &namespace, name).await?;
    let groups = person.groups(&word.group, wanted_groups(&object))?;
    let full = in_full(&client, &namespace, plan).await;
    let verb = match decision {
        ApprovalDecision::Approve if override_windows => "approve, also outside of its windows,",
        ApprovalDecision::Approve => "approve",
        ApprovalDecision::Deny => "deny",
    };
    if !word.yes {
        eprint!("{}", show::plan(&object, plan, &full));
        let question =
            format!("{} ({}): {verb} {} of {namespace}/{name}?", person.user, groups.join(", "), plan.digest);
        confirmed(&question)?;
    }
    // Somebody may have changed it while it was read.
    let now = cluster::migration(&objects, &namespace, name).await?;
    same(&plan.digest, &waiting(&now)?.digest)?;

    let mut approval = MigrationApproval::new(
        &name_of(name, &plan.digest, &person.user),
        MigrationApprovalSpec {
            migration_ref: LocalRef { name: name.clone() },
            plan_digest: plan.digest.clone(),
            user: person.user.clone(),
            groups: (!groups.is_empty()).then_some(groups),
            decision,
            override_windows: override_windows.then_some(true),
            comment: word.comment.clone(),
        },
    );
    approval.metadata.namespace = Some(namespace.clone());
    let there = word.object.place.flags(&namespace);
    let written = write(&client, &namespace, &approval, &there).await?;
    let done = match decision {
        ApprovalDecision::Approve => "approved",
        ApprovalDecision::Deny => "denied",
    };
    let doubt = now.status.as_ref().and_then(doubt);
    let doubt = doubt.map(|(why, cure)| format!("but as things are, it opens nothing: {why} ({cure})\n"));
    Ok(format!(
        "{done} by {}: plan {} (MigrationApproval {written}); follow it with: sluice status {name}{there}\n{}",
        person.user,
        plan.digest,
        doubt.unwrap_or_default()
    ))
}

async fn write(client: &Client, namespace: &str, approval: &MigrationApproval, there: &str) -> Result<String, String> {
    let api = Api::<MigrationApproval>::namespaced(client.clone(), namespace);
    match api.create(&PostParams::default(), approval).await {
        Ok(written) => Ok(written.name_any()),
        Err(kube::Error::Api(status)) if status.code == 409 => {
            let before = api.get(&approval.name_any()).await.ok().map_or("gave your word on", |there| {
                match there.spec.decision {
                    ApprovalDecision::Approve => "approved",
                    ApprovalDecision::Deny => "denied",
                }
            });
            let name = &approval.spec.migration_ref.name;
            Err(format!(
                "you already {before} this plan (MigrationApproval {}); take it back first with: sluice withdraw {name}{there}",
                approval.name_any()
            ))
        }
        Err(error) => Err(cluster::said(&error)),
    }
}

async fn take_back(object: &Object) -> Result<String, String> {
    let (client, namespace) = object.place.connect().await?;
    let person = Person::find(&client).await?;
    let api = Api::<MigrationApproval>::namespaced(client, &namespace);
    let all = api.list(&ListParams::default()).await.map_err(|error| cluster::said(&error))?;
    let mut text = String::new();
    let own = |approval: &&MigrationApproval| {
        approval.spec.user == person.user && approval.spec.migration_ref.name == object.name
    };
    for approval in all.items.iter().filter(own) {
        let name = approval.name_any();
        api.delete(&name, &DeleteParams::default()).await.map_err(|error| cluster::said(&error))?;
        text.push_str(&format!("taken back: MigrationApproval {name}, of plan {}\n", approval.spec.plan_digest));
    }
    if text.is_empty() {
        text = format!("{} has neither approved nor denied {} in namespace {namespace}\n", person.user, object.name);
    }
    Ok(text)
}

/// The plan that can be decided about.
fn waiting(object: &DatabaseMigration) -> Result<&PlanStatus, String> {
    let name = object.name_any();
    let status = object.status.as_ref();
    let current = status.is_some_and(|status| status.observed_generation == object.metadata.generation);
    match status.and_then(|status| status.plan.as_ref()) {
        Some(plan) if current => Ok(plan),
        Some(_) => {
            Err(format!("the spec of {name} was changed a moment ago and its new plan is not there yet: try again"))
        }
        None => {
            let namespace = object.namespace().unwrap_or_default();
            Err(format!(
                "{name} shows no plan: there is nothing to approve or deny (`sluice status {name} -n {namespace}` tells why)"
            ))
        }
    }
}

/// Whether the digest, or the beginning of one, that is meant is the one that is there.
fn same(meant: &str, there: &str) -> Result<(), String> {
    const FEWEST: usize = 8;
    let hex = |digest: &str| digest.trim_end_matches('…').trim_start_matches("sha256:").to_owned();
    let meant = hex(meant);
    if meant.len() < FEWEST {
        return Err(format!("`{meant}` is too short for a digest: give at least {FEWEST} of its digits"));
    }
    if hex(there).starts_with(&meant) {
        Ok(())
    } else {
        Err(format!("the plan is another one now ({there}): nothing was written; look at it and decide again"))
    }
}

fn wanted_groups(object: &DatabaseMigration) -> &[String] {
    let gates = object.spec.gates.as_ref();
    gates.and_then(|gates| gates.approvals.as_ref()?.groups.as_deref()).unwrap_or_default()
}

/// The plan in full, or why it cannot be shown.
async fn in_full(client: &Client, namespace: &str, plan: &PlanStatus) -> Result<String, String> {
    let Some(name) = &plan.config_map else { return Err("there is no ConfigMap with it".to_owned()) };
    let api = Api::<ConfigMap>::namespaced(client.clone(), namespace);
    let map = api.get(name).await.map_err(|error| format!("ConfigMap {name}: {}", cluster::said(&error)))?;
    let text = map.data.unwrap_or_default().remove("plan.md");
    match text {
        Some(text) if text.contains(&plan.digest) => Ok(text),
        Some(_) => Err(format!("ConfigMap {name} shows another plan")),
        None => Err(format!("ConfigMap {name} has no plan.md")),
    }
}

fn confirmed(question: &str) -> Result<(), String> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return Err("standard input is no terminal, so nobody can be asked: say --yes, and --digest with the plan that is meant".to_owned());
    }
    eprint!("{question} Type yes: ");
    // What cannot be shown is not asked, and the answer then is no.
    let _shown = io::stderr().flush();
    let mut line = String::new();
    stdin.lock().read_line(&mut line).map_err(|error| format!("the answer cannot be read: {error}"))?;
    if line.trim() == "yes" { Ok(()) } else { Err("nothing was written".to_owned()) }
}

/// A user as a part of an object's name: no two are the same, and names of users may hold anything.
fn short_id(user: &str) -> String {
    let mut id = hex::encode(Sha256::digest(user));
    id.truncate(10);
    id
}

/// The same for the same person and plan: whoever tries twice is told so by the API server.
fn name_of(migration: &str, digest: &str, user: &str) -> String {
    let part = |text: &str, length: usize| text.get(..length).unwrap_or(text).to_owned();
    let plan = part(digest.trim_start_matches("sha256:"), 10);
    let user = short_id(user);
    let room = LONGEST_NAME - plan.len() - user.len() - 2;
    // Names of objects are ASCII.
    let head = part(migration, room.min(migration.len()));
    format!("{}-{plan}-{user}", head.trim_end_matches(['-', '.']))
}
