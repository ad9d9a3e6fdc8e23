//! `sluice policy`: what MigrationPolicies make of a DatabaseMigration, without a cluster.

mod documents;
mod judge;
mod report;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};

use super::output::{self, NOT_DONE};

/// Try MigrationPolicies on manifests, without a cluster
///
/// For whoever writes policies, and for continuous integration.
#[derive(Debug, Subcommand)]
#[command(after_long_help = "Examples:\n  \
    sluice policy test policies/production.yaml orders.yaml --namespace-labels environment=production")]
pub enum Policy {
    Test(Test),
}

/// Explain what policies impose on a DatabaseMigration
///
/// Tells for each DatabaseMigration of the manifest which policies select it, what each of them imposes, what is in the way,
/// and what its spec becomes. Files may hold several YAML documents; those of other kinds are passed over, but for a Namespace:
/// its labels count. What only the Secret and the database can tell (host, sslmode, role) is told and not tested.
///
/// Exit codes: 0 the manifest fits; 1 something is in the way, or a file or policy cannot be used; 2 wrong usage.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  \
    sluice policy test policies/production.yaml orders.yaml --namespace-labels environment=production\n  \
    kubectl get dbmp -o yaml | sluice policy test - orders.yaml    with the policies of a cluster\n  \
    sluice policy test policies/*.yaml orders.yaml -o yaml         what the operator would work with")]
pub struct Test {
    /// Files with MigrationPolicies; - reads standard input
    #[arg(required = true, value_name = "POLICY")]
    policies: Vec<PathBuf>,

    /// File with DatabaseMigrations
    #[arg(value_name = "MANIFEST")]
    manifest: PathBuf,

    /// Labels of the namespace that the manifest is for
    #[arg(long, env = "SLUICE_NAMESPACE_LABELS", value_name = "KEY=VALUE", value_delimiter = ',', value_parser = label)]
    namespace_labels: Vec<(String, String)>,

    /// Namespace of a manifest that names none
    #[arg(short, long, env = "SLUICE_NAMESPACE", value_name = "NAMESPACE", default_value = "default")]
    namespace: String,

    /// How the answer is shown
    #[arg(short, long, env = "SLUICE_OUTPUT", value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    output: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// A JSON list.
    Json,
    /// The same as YAML.
    Yaml,
}

fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        Some(_) | None => Err("write KEY=VALUE, as in environment=production".to_owned()),
    }
}

/// Tries policies.
pub fn run(command: &Policy) -> ExitCode {
    let Policy::Test(arguments) = command;
    let answers = match test(arguments) {
        Ok(answers) => answers,
        Err(message) => return output::failed(&message),
    };
    let shown = match arguments.output {
        Format::Text => report::text(&answers),
        Format::Json => report::json(&answers),
        Format::Yaml => report::yaml(&answers),
    };
    let printed = match shown {
        Ok(text) => output::print(&text),
        Err(message) => return output::failed(&message),
    };
    if answers.iter().all(|answer| answer.fits) { printed } else { ExitCode::from(NOT_DONE) }
}

fn test(arguments: &Test) -> Result<Vec<judge::Answer>, String> {
    let mut policies = Vec::new();
    for file in &arguments.policies {
        policies.extend(documents::policies(file)?);
    }
    let manifest = documents::manifest(&arguments.manifest)?;
    let labels: BTreeMap<String, String> = arguments.namespace_labels.iter().cloned().collect();
    let objects = manifest.objects.iter();
    Ok(objects.map(|object| judge::judge(object, &manifest, &policies, &labels, &arguments.namespace)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Shell {
        #[command(subcommand)]
        command: Policy,
    }

    fn arguments(line: &str) -> Test {
        let root = env!("CARGO_MANIFEST_DIR");
        let words = line.split_whitespace().map(|word| match word.strip_prefix("examples/") {
            Some(file) => format!("{root}/examples/{file}"),
            None => word.to_owned(),
        });
        let Policy::Test(arguments) =
            Shell::try_parse_from(["policy".to_owned()].into_iter().chain(words)).unwrap().command;
        arguments
    }

    const EXAMPLE: &str = "test examples/policies/production.yaml examples/production.yaml";

    #[test]
    fn the_example_of_a_production_policy_fits_the_example_of_a_production_migration() {
        let answers = test(&arguments(&format!("{EXAMPLE} --namespace-labels a=b,environment=production"))).unwrap();
        let shown = report::text(&answers).unwrap();
        assert!(answers[0].fits, "{shown}");
        for line in [
            "DatabaseMigration shop/orders\n",
            "  MigrationPolicy production\n",
            "    ↑ spec.gates.approvals.required: 3 instead of 0\n",
            "    ↑ spec.gates.lint.deny: DataLoss, TableRewrite, BlockingLock, Security added\n",
            "  ? MigrationPolicy production: the host in the Secret must be one of *.prod.internal\n",
            "  ? MigrationPolicy production: sslmode in the Secret must be at least verify-full\n",
            "  ✔ it fits\n",
            "        required: 3\n",
        ] {
            assert!(shown.contains(line), "{line}{shown}");
        }
        let json: serde_json::Value = serde_json::from_str(&report::json(&answers).unwrap()).unwrap();
        assert_eq!(json[0]["spec"]["gates"]["approvals"]["required"], 3);
        let yaml: serde_json::Value = serde_yaml::from_str(&report::yaml(&answers).unwrap()).unwrap();
        assert_eq!(yaml, json);
    }

    #[test]
    fn a_policy_that_selects_something_else_imposes_nothing() {
        let answers = test(&arguments(&format!("{EXAMPLE} --namespace-labels environment=staging"))).unwrap();
        let shown = report::text(&answers).unwrap();
        assert!(answers[0].fits && shown.contains("  no policy selects it\n"), "{shown}");
    }

    #[test]
    fn what_is_in_the_way_is_said_with_the_cure() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let policies = "apiVersion: sluice.dev/v1alpha1\nkind: MigrationPolicy\nmetadata: {name: strict}\n\
            spec: {verification: {requiredChecks: [sql]}}\n";
        std::fs::write(file.path(), policies).unwrap();
        let line = format!("test {} examples/production.yaml", file.path().display());
        let shown = report::text(&test(&arguments(&line)).unwrap()).unwrap();
        assert!(shown.contains("  ✖ MigrationPolicy strict: a check of the kind sql is missing; add one"), "{shown}");
        assert!(shown.contains("  nothing runs before that is mended\n"), "{shown}");

        std::fs::write(file.path(), policies.replace("requiredChecks", "requiredCheques")).unwrap();
        let answers = test(&arguments(&line)).unwrap();
        let shown = report::text(&answers).unwrap();
        assert!(
            shown.contains("  ✖ MigrationPolicy strict: spec.verification.requiredCheques: is not known"),
            "{shown}"
        );
        assert!(!answers[0].fits && answers[0].spec.is_none(), "{shown}");
    }

    #[test]
    fn labels_of_a_namespace_are_written_as_key_and_value() {
        assert_eq!(label("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert!(label("production").unwrap_err().contains("KEY=VALUE"));
    }
}
