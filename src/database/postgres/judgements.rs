//! What the ledger keeps about how runs were judged and which are taken back: the statements that write it, and reading it.
//!
//! It records what was decided elsewhere, and decides nothing.

use serde::Deserialize;

use crate::database::{Conclusion, Purpose};
use crate::plan::{Judgement, Rollback, TakeBack, Trigger, Verification};

use super::quote::{optional, text};
use super::statements::Sql;

impl Sql {
    /// Records how a run was judged, unless it is taken back already. What was judged stays so until a person asks for another try or ends it:
    /// who measured on without knowing that somebody else had taken over comes too late.
    pub fn conclude(&self, conclusion: &Conclusion) -> String {
        let schema = &self.schema;
        format!(
            "update {schema}.migration_verifications v set verdict = '{verdict}', concluded_at = pg_catalog.clock_timestamp(),
                retry_token = {retry}, message = {message},
                evidence = case when '{verdict}' = 'aborted' then coalesce(v.evidence, {evidence}::jsonb) else {evidence}::jsonb end
                where v.run_id = {run} and (v.verdict is null or v.retry_token is distinct from {retry} or '{verdict}' = 'aborted')
                and not exists (select from {schema}.migration_rollbacks b where b.run_id = v.run_id);",
            verdict = conclusion.judgement.as_str(),
            retry = optional(conclusion.retry_token.as_deref()),
            message = text(&conclusion.message),
            evidence = text(&conclusion.evidence.to_string()),
            run = text(&conclusion.run.to_string()),
        )
    }

    /// Records what a run is for, in the transaction that records its beginning. Repeating it changes nothing.
    pub fn purpose(&self, run: uuid::Uuid, purpose: &Purpose) -> String {
        let schema = &self.schema;
        let run = text(&run.to_string());
        match purpose {
            Purpose::Apply => String::new(),
            Purpose::ApplyAndVerify(verify) => format!(
                "insert into {schema}.migration_verifications (run_id, spec, baseline)
                    values ({run}, {}::jsonb, {}::jsonb) on conflict (run_id) do nothing;",
                text(&verify.spec.to_string()),
                text(&verify.baseline.to_string()),
            ),
            Purpose::Rollback(back) => format!(
                "insert into {schema}.migration_rollbacks
                    (run_id, plan_digest, retry_token, request_token, trigger, message, to_version, attempt)
                    values ({of}, {digest}, {retry}, {request}, '{trigger}', {message}, {to}, {run})
                    on conflict (run_id) do update set (retry_token, request_token, trigger, message, to_version, attempt)
                    = (excluded.retry_token, excluded.request_token, excluded.trigger, excluded.message, excluded.to_version,
                    excluded.attempt);",
                of = text(&back.run.to_string()),
                digest = text(&back.plan_digest),
                retry = optional(back.retry_token.as_deref()),
                request = optional(back.request_token.as_deref()),
                trigger = back.trigger.as_str(),
                message = text(&back.message),
                to = optional(back.to.as_deref()),
            ),
        }
    }

    /// Two members of the ledger's JSON: the verifications of the newest runs, and the newest rollbacks.
    pub fn judgements(&self) -> String {
        let schema = &self.schema;
        format!(
            "'verifications', coalesce((select pg_catalog.json_agg(v) from {schema}.migration_verifications v where v.run_id in
                    (select id from {schema}.migration_runs order by ordinal desc limit 20)), '[]'),
                'rollbacks', coalesce((select pg_catalog.json_agg(b order by b.decided_at desc)
                    from (select * from {schema}.migration_rollbacks order by decided_at desc limit 100) b), '[]')"
        )
    }
}

/// A row of `migration_verifications`.
#[derive(Deserialize)]
pub(super) struct RawVerification {
    run_id: uuid::Uuid,
    spec: serde_json::Value,
    baseline: serde_json::Value,
    verdict: Option<String>,
    retry_token: Option<String>,
    message: Option<String>,
    evidence: Option<serde_json::Value>,
}

/// A row of `migration_rollbacks`.
#[derive(Deserialize)]
pub(super) struct RawRollback {
    run_id: uuid::Uuid,
    plan_digest: String,
    retry_token: Option<String>,
    request_token: Option<String>,
    trigger: String,
    message: String,
    to_version: Option<String>,
    attempt: uuid::Uuid,
}

impl RawVerification {
    /// The row in the plan's words.
    pub fn read(self) -> Result<Verification, String> {
        let judgement = match &self.verdict {
            None => None,
            Some(word) => Some(Judgement::parse(word).ok_or_else(|| format!("the verdict \"{word}\""))?),
        };
        Ok(Verification {
            run: self.run_id,
            spec: self.spec,
            baseline: self.baseline,
            judgement,
            retry_token: self.retry_token,
            message: self.message,
            evidence: self.evidence.unwrap_or_default(),
        })
    }
}

impl RawRollback {
    /// The row in the plan's words.
    pub fn read(self) -> Result<Rollback, String> {
        let trigger = Trigger::parse(&self.trigger).ok_or_else(|| format!("the trigger \"{}\"", self.trigger))?;
        let what = TakeBack {
            run: self.run_id,
            plan_digest: self.plan_digest,
            retry_token: self.retry_token,
            request_token: self.request_token,
            trigger,
            message: self.message,
            to: self.to_version,
        };
        Ok(Rollback { what, attempt: self.attempt })
    }
}
