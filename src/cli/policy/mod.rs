//! `sluice policy`: what MigrationPolicies make of a DatabaseMigration, without a cluster.

mod documents;
mod judge;
mod report;
mod risk;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};

use crate::migration::Risk;
use crate::policy::{Fault, Policy as Rule};

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
/// its labels count. Policies with fromRisk hold for plans of that risk or a higher one: the answer is for the risk of the newest script
/// in the manifest, or for --risk, and tells what a higher one adds. What only the Secret and the database can tell (host, sslmode, role) is told and not tested.
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

    /// Risk of the plan; unless given, that of the newest script in the manifest
    #[arg(long, env = "SLUICE_RISK", value_enum, value_name = "RISK", ignore_case = true)]
    risk: Option<RiskValue>,

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

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RiskValue {
    /// Nothing that is in use changes.
    Low,
    /// What is in use changes, briefly.
    Medium,
    /// Applications may notice.
    High,
    /// Data or service may be lost.
    Critical,
}

impl From<RiskValue> for Risk {
    fn from(value: RiskValue) -> Self {
        match value {
            RiskValue::Low => Self::Low,
            RiskValue::Medium => Self::Medium,
            RiskValue::High => Self::High,
            RiskValue::Critical => Self::Critical,
        }
    }
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
    let name = |policy: &Result<Rule, Fault>| match policy {
        Ok(policy) => policy.name.clone(),
        Err(fault) => fault.policy.clone(),
    };
    let mut names = BTreeSet::new();
    if let Some(twice) = policies.iter().map(name).find(|name| !names.insert(name.clone())) {
        return Err(format!(
            "MigrationPolicy {twice} is there twice: a cluster holds one of that name; leave the other out"
        ));
    }
    let manifest = documents::manifest(&arguments.manifest)?;
    let labels: BTreeMap<String, String> = arguments.namespace_labels.iter().cloned().collect();
    let risk = arguments.risk.map(Risk::from);
    let judge = |object| judge::judge(object, &manifest, &policies, &labels, &arguments.namespace, risk);
    Ok(manifest.objects.iter().map(judge).collect())
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

    const PRODUCTION: &str = "test examples/policies/production.yaml examples/policies/production-promotion.yaml \
        examples/policies/production-high.yaml examples/production.yaml --namespace-labels environment=production";

    #[test]
    fn what_a_higher_risk_adds_is_told_by_risk() {
        let shown = |risk: &str| {
            let answers = test(&arguments(&format!("{PRODUCTION} {risk}"))).unwrap();
            (answers[0].fits, report::text(&answers).unwrap())
        };
        let (fits, low) = shown("--risk low");
        let missing = "✖ MigrationPolicy production-promotion: spec.gates.promotion is missing";
        assert!(fits, "{low}");
        for lines in [
            "  a plan of risk LOW, as --risk says\n",
            "  MigrationPolicy production-high: only for plans of risk HIGH or higher\n",
            &format!("  a plan of risk MEDIUM or higher, besides:\n    {missing}"),
            "  a plan of risk HIGH or higher, besides:\n    MigrationPolicy production-high\n      ↑ spec.gates.windows: Allow",
        ] {
            assert!(low.contains(lines), "{lines}{low}");
        }
        let (fits, high) = shown("--risk HIGH");
        assert!(
            !fits && high.contains(&format!("  {missing}")) && high.contains("    ↑ spec.gates.windows: Allow"),
            "{high}"
        );
        assert!(!high.contains("besides"), "{high}");
        let (fits, unsaid) = shown("");
        let why =
            "  a plan of risk CRITICAL, the strictest, since the manifest holds no scripts; give another with --risk\n";
        assert!(!fits && unsaid.contains(why), "{unsaid}");
    }

    #[test]
    fn the_risk_is_that_of_the_newest_script_in_the_manifest() {
        let [policy, manifest] = [(); 2].map(|()| tempfile::NamedTempFile::new().unwrap());
        let night = "apiVersion: sluice.dev/v1alpha1\nkind: MigrationPolicy\nmetadata: {name: night}\n\
            spec: {fromRisk: HIGH, gates: {deadline: 1h}}\n";
        std::fs::write(policy.path(), night).unwrap();
        let risk = |newest: &str| {
            let text = format!(
                "apiVersion: sluice.dev/v1alpha1\nkind: DatabaseMigration\nmetadata: {{name: orders}}\nspec:\n  targetVersion: Latest\n  \
                 database: {{secretRef: {{name: db}}}}\n  source:\n    inline:\n      V001__a.sql: drop table old;\n      V002__b.sql: {newest}\n"
            );
            std::fs::write(manifest.path(), text).unwrap();
            let line = format!("test {} {}", policy.path().display(), manifest.path().display());
            report::text(&test(&arguments(&line)).unwrap()).unwrap()
        };
        let low = risk("create table b (id int);");
        assert!(low.contains("  a plan of risk LOW, as for a plan of version 002 alone\n"), "{low}");
        assert!(low.contains("  a plan of risk HIGH or higher, besides:\n"), "{low}");
        let critical = risk("drop table b;");
        let told = "  a plan of risk CRITICAL, as for a plan of version 002 alone: 002 line 1: destroys";
        assert!(critical.contains(told) && critical.contains("    ↑ spec.gates.deadline: 1h"), "{critical}");
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
    fn an_address_that_no_policy_declares_is_for_the_operators_flags() {
        let asked =
            "  ? spec.verification.checks.health.http.endpoint: there is no HTTP endpoint shop (none is declared)";
        let shown = |line: &str| report::text(&test(&arguments(line)).unwrap()).unwrap();
        let other = shown("test examples/policies/development.yaml examples/production.yaml");
        assert!(other.contains(asked) && other.contains("✔ it fits"), "{other}");
        let production = shown(&format!("{EXAMPLE} --namespace-labels environment=production"));
        assert!(!production.contains("no HTTP endpoint"), "{production}");
    }

    #[test]
    fn two_policies_of_one_name_are_refused_since_a_cluster_holds_one() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let policy = |people: u8| {
            format!(
                "apiVersion: sluice.dev/v1alpha1\nkind: MigrationPolicy\nmetadata: {{name: twice}}\nspec: {{gates: {{approvals: {{required: {people}}}}}}}\n"
            )
        };
        std::fs::write(file.path(), format!("{}---\n{}", policy(1), policy(2))).unwrap();
        let refused =
            test(&arguments(&format!("test {} examples/production.yaml", file.path().display()))).unwrap_err();
        assert!(refused.starts_with("MigrationPolicy twice is there twice"), "{refused}");
    }

    #[test]
    fn labels_of_a_namespace_are_written_as_key_and_value() {
        assert_eq!(label("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert!(label("production").unwrap_err().contains("KEY=VALUE"));
    }
}
