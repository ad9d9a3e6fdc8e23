//! `sluice attest`: states, signed, what a DatabaseMigration of this cluster has in effect and since when that is verified, so
//! that an operator of another cluster can ask for it.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use kube::Api;

use crate::api::v1alpha1::DatabaseMigration;
use crate::attest::{self, Seen, SigningKey, Statement};
use crate::gates::Neighbour;

use super::cluster::{self, Place};
use super::output;

/// Bytes of a key file, with a wide margin: what is longer is another file.
const LONGEST_KEY: u64 = 4096;

/// State, signed, what a DatabaseMigration has in effect and since when that is verified
///
/// Reads the object with your kubeconfig and writes a statement that another cluster accepts where its
/// spec.gates.promotion.attestation names the ConfigMap that carries it and your public key. The object has to be Ready, and
/// where it has checks they must have passed. The signature is Ed25519 over a DSSE envelope.
///
/// Exit codes: 0 the statement was written; 1 there is nothing to state, or the cluster or the key cannot be read; 2 wrong usage.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_long_help = "Examples:\n  \
    sluice attest keygen staging.key\n  \
    sluice attest orders -n staging --key staging.key > attestation.json\n  \
    kubectl create configmap staging-orders -n shop --from-file=attestation.json\n  \
    jq -r .payload attestation.json | base64 -d    what it states"
)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,

    /// Name of the DatabaseMigration
    #[arg(required = true)]
    name: Option<String>,

    #[command(flatten)]
    place: Place,

    /// File with the private key (PKCS#8, PEM), as `sluice attest keygen` makes one
    #[arg(long, env = "SLUICE_KEY", value_name = "FILE", required = true)]
    key: Option<PathBuf>,

    /// What you call this cluster, for those who read the statement
    #[arg(long, env = "SLUICE_CLUSTER", value_name = "NAME", value_parser = called)]
    cluster: Option<String>,

    /// json: the signed statement; text: what it would state, unsigned
    #[arg(short, long, env = "SLUICE_OUTPUT", value_enum, value_name = "FORMAT", default_value_t = Format::Json)]
    output: Format,
}

#[derive(Debug, Subcommand)]
enum Command {
    Keygen(Keygen),
}

/// Make a key that signs statements
///
/// Writes the private key (Ed25519, PKCS#8, PEM) to a new file that only you can read, and prints the public key in base64, as
/// spec.gates.promotion.attestation.publicKeys takes it. A file that is there already is never overwritten.
///
/// Exit codes: 0 the key was made; 1 it was not; 2 wrong usage.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  \
    sluice attest keygen staging.key")]
struct Keygen {
    /// File to write the private key to
    file: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The signed statement.
    Json,
    /// For people.
    Text,
}

fn called(text: &str) -> Result<String, String> {
    let plain = (1..=100).contains(&text.len()) && text.chars().all(|each| each.is_ascii_graphic());
    if plain { Ok(text.to_owned()) } else { Err("give 1 to 100 letters, digits or signs without spaces".to_owned()) }
}

/// States, or makes a key.
pub async fn run(arguments: &Arguments) -> ExitCode {
    let done = match &arguments.command {
        Some(Command::Keygen(keygen)) => make_key(&keygen.file),
        None => state(arguments).await,
    };
    match done {
        Ok(text) => output::print(&text),
        Err(message) => output::failed(&message),
    }
}

fn make_key(file: &Path) -> Result<String, String> {
    let shown = file.display();
    let pem = SigningKey::generate().map_err(|error| error.to_string())?;
    let public = SigningKey::from_pem(&pem).map_err(|error| error.to_string())?.public();
    // Never through a link, never over another key: what that one signed would be worth nothing without it.
    let opened = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    let written = opened.and_then(|mut opened| {
        opened.write_all(pem.as_bytes())?;
        opened.sync_all()
    });
    match written {
        Ok(()) => Ok(format!("{public}\n")),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            Err(format!("{shown} is there already and is not overwritten; name a new file"))
        }
        Err(error) => Err(format!("{shown} cannot be written: {error}")),
    }
}

fn read_key(file: &Path) -> Result<SigningKey, String> {
    let shown = file.display();
    let cannot = |error: std::io::Error| format!("the key {shown} cannot be read: {error}");
    if std::fs::metadata(file).map_err(cannot)?.len() > LONGEST_KEY {
        return Err(format!("the key {shown} is too large to be one"));
    }
    let pem = std::fs::read_to_string(file).map_err(cannot)?;
    SigningKey::from_pem(&pem).map_err(|error| format!("the key {shown} cannot be used: {error}"))
}

async fn state(arguments: &Arguments) -> Result<String, String> {
    let (Some(name), Some(file)) = (&arguments.name, &arguments.key) else {
        return Err("give the name of the DatabaseMigration and --key FILE".to_owned());
    };
    let key = read_key(file)?;
    let (namespace, object) = find(name, &arguments.place).await?;
    let seen = seen(&format!("{namespace}/{name}"), &object, arguments.cluster.clone())?;
    let statement = Statement::new(seen, Timestamp::now(), &key.public());
    match arguments.output {
        Format::Text => Ok(text(&statement)),
        Format::Json => {
            let signed = attest::sign(&statement, &key);
            signed
                .map(|signed| signed + "\n")
                .map_err(|error| format!("the statement cannot be written as JSON: {error}"))
        }
    }
}

async fn find(name: &str, place: &Place) -> Result<(String, DatabaseMigration), String> {
    let (client, namespace) = place.connect().await?;
    let object = cluster::migration(&Api::namespaced(client, &namespace), &namespace, name).await?;
    Ok((namespace, object))
}

/// What can be stated of the object, or why nothing can.
fn seen(whose: &str, object: &DatabaseMigration, cluster: Option<String>) -> Result<Seen, String> {
    let there = Neighbour::of(object);
    if !there.ready {
        return Err(format!("{whose} is not Ready, so there is nothing to state: {}", there.message));
    }
    let Some(verified_since) = there.verified_since else {
        return Err(format!(
            "{whose} is Ready, but its checks have not passed what is in effect: a run has to pass them first"
        ));
    };
    let (Some(applied_version), Some(applied_digest)) = (there.applied, there.applied_digest) else {
        return Err(format!("{whose} is Ready with no migration in effect: there is nothing to state"));
    };
    Ok(Seen {
        object: whose.to_owned(),
        set_digest: there.set_digest,
        applied_digest,
        applied_version,
        verified_since,
        cluster,
    })
}

fn text(statement: &Statement) -> String {
    let whole = match &statement.set_digest {
        Some(digest) => format!("everything of the source {digest}"),
        None => "not everything of the source".to_owned(),
    };
    format!(
        "{} has version {} in effect\n  {}\n  {whole}\n  verified since {:.0}, to be signed with key {}\n",
        statement.whose(),
        statement.applied_version,
        statement.applied_digest,
        statement.verified_since.0,
        statement.key_id
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use serde_json::{Value, json};

    use super::*;

    fn object(change: impl FnOnce(&mut Value)) -> DatabaseMigration {
        let mut object = json!({
            "apiVersion": "sluice.dev/v1alpha1", "kind": "DatabaseMigration",
            "metadata": {"name": "orders", "namespace": "staging", "generation": 1},
            "spec": {"database": {"secretRef": {"name": "db"}}, "source": {"inline": {}}, "targetVersion": "Latest"},
            "status": {
                "applied": {"version": "012", "count": 12, "digest": "sha256:applied"},
                "source": {"digest": "sha256:set", "versions": 13, "latest": "013"},
                "conditions": [{
                    "type": "Ready", "status": "True", "reason": "UpToDate", "message": "fine", "observedGeneration": 1,
                    "lastTransitionTime": "2026-11-24T09:00:00Z",
                }],
            },
        });
        change(&mut object);
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn what_is_verified_is_stated_as_it_is() {
        let seen = seen("staging/orders", &object(|_| {}), Some("eu".to_owned())).unwrap();
        assert_eq!((seen.applied_version.as_str(), seen.set_digest.as_deref()), ("012", None));
        let key = SigningKey::from_pem(&SigningKey::generate().unwrap()).unwrap();
        let shown = text(&Statement::new(seen, "2026-11-26T12:00:00Z".parse().unwrap(), &key.public()));
        assert!(
            shown.starts_with("staging/orders of cluster eu has version 012 in effect\n  sha256:applied\n"),
            "{shown}"
        );
        assert!(shown.contains("not everything of the source\n  verified since 2026-11-24T09:00:00Z"), "{shown}");
    }

    #[test]
    fn what_is_not_ready_not_verified_or_empty_cannot_be_stated() {
        let why = |change: fn(&mut Value)| seen("staging/orders", &object(change), None).unwrap_err();
        let unready = why(|object| {
            let condition = &mut object["status"]["conditions"][0];
            (condition["status"], condition["message"]) = (json!("False"), json!("applying 013"));
        });
        assert_eq!(unready, "staging/orders is not Ready, so there is nothing to state: applying 013");
        let checks = why(|object| object["spec"]["verification"] = json!({"checks": []}));
        assert!(checks.contains("checks have not passed"), "{checks}");
        let empty = why(|object| {
            object["status"].as_object_mut().unwrap().remove("applied");
        });
        assert!(empty.contains("no migration in effect"), "{empty}");
    }

    #[test]
    fn a_key_file_is_the_owners_alone_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("signing.key");
        let public = make_key(&file).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(format!("{}\n", read_key(&file).unwrap().public()), public);
        let before = std::fs::read(&file).unwrap();
        assert!(make_key(&file).unwrap_err().contains("is not overwritten"));
        assert_eq!(std::fs::read(&file).unwrap(), before);
        std::fs::write(folder.path().join("other"), "hunter2").unwrap();
        let refused = read_key(&folder.path().join("other")).unwrap_err();
        assert!(refused.contains("keygen") && !refused.contains("hunter2"), "{refused}");
        assert!(read_key(&folder.path().join("none")).unwrap_err().contains("cannot be read"));
    }

    #[test]
    fn names_of_clusters_are_plain() {
        assert!(called("staging-eu.1").is_ok());
        for text in ["", "two words", "line\nbreak", &"x".repeat(101)] {
            assert!(called(text).is_err(), "{text}");
        }
    }
}
