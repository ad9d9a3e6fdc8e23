//! The risk of the next plan, as far as a manifest alone tells it.

use crate::api::v1alpha1::DatabaseMigrationSpec;
use crate::lint::{self, Catalog};
use crate::migration::{MigrationSet, RawFile, Risk};
use crate::plan::{self, Ledger, Policy, Target};
use crate::rollout::{Desired, SourceDesired};

/// A risk, and how it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guess {
    /// The risk.
    pub risk: Risk,
    /// How it is known.
    pub because: String,
}

/// That of the newest script in the manifest, taken for the only one that is not applied yet, on tables that are large and in use. Where
/// there is none to be seen: the highest, for which everything holds that holds at all.
pub fn guess(spec: &DatabaseMigrationSpec) -> Guess {
    of_newest(spec).unwrap_or_else(|why| Guess {
        risk: Risk::Critical,
        because: format!("the strictest, since {why}; give another with --risk"),
    })
}

fn of_newest(spec: &DatabaseMigrationSpec) -> Result<Guess, String> {
    let desired = Desired::of(spec).map_err(|error| error.to_string())?;
    let SourceDesired::Inline(files) = &desired.source else {
        return Err("the manifest holds no scripts".to_owned());
    };
    let files: Vec<RawFile> = files.iter().map(|(path, text)| RawFile::named(path, text)).collect();
    let mut set = MigrationSet::read(&files, desired.set_options).map_err(|problems| problems.to_string())?;
    if let Target::Version(target) = &desired.target {
        set.migrations.retain(|migration| migration.version <= *target);
    }
    let older = set.migrations.len().saturating_sub(1);
    set.migrations.drain(..older);
    let newest = set.latest().map_or_else(|| "the scripts".to_owned(), |version| format!("version {version}"));
    // Whether there is a plan at all is for those to say who see the database.
    let policy = Policy { require_down: false, ..desired.policy };
    let plan = plan::make(&set, &Ledger::default(), &Target::Latest, &policy).map_err(|refusal| refusal.to_string())?;
    let assessment = lint::assess(&plan, &Catalog::default());
    let why = assessment.reasons.first().map(|why| format!(": {why}")).unwrap_or_default();
    Ok(Guess { risk: assessment.risk, because: format!("as for a plan of {newest} alone{why}") })
}
