//! After a way down, in its transaction: refilling what it re-created from the copies of its way up.

use std::collections::HashMap;
use std::time::Duration;

use crate::database::UndoRestored;
use crate::migration::Statement;
use crate::plan::{Action, Step};

use super::super::failure::{Place, SqlError};
use super::super::record::key;
use super::super::session::PostgresSession;
use super::super::settings::ourselves;
use super::super::sqlstate::{Retry, retry};
use super::super::supervise::{Ended, Run, statement};
use super::super::unit::Attempt;
use super::copy::Noted;
use super::hand::Hand;
use super::kept::{Kept, Now, complete};
use super::statements::{committed, filled_too_soon, guise, not_restored, of_version, restored};
use super::{FORMATS, Guise};

/// What a way down finds before it begins: by it the refilling knows what the script re-created.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Refill {
    before: HashMap<i64, Option<Now>>,
    /// Rows that were put back already, because a statement of the script could do nothing without them.
    early: HashMap<i64, UndoRestored>,
    /// A way down whose statements commit one by one: the query for their transactions.
    committed: Option<String>,
}

/// When it is refilled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When<'a> {
    /// In the midst of the script: what has its place by now.
    Early,
    /// Before these statements commit, which are not the last: what they brought back, so that nobody ever sees it empty.
    Between(&'a [Statement]),
    /// At its end: everything, and what has no place is told.
    End,
}

/// A copy that was put back, or why it was not.
type Each = (Kept, Result<UndoRestored, String>);

impl PostgresSession {
    /// Before a way down: what its version took away, where it was copied. `attempt` is its number where its statements commit
    /// one by one; what those that did so already brought back was not there before.
    pub(in super::super) async fn before_way_down(
        &mut self,
        step: &Step,
        attempt: Option<i32>,
        place: &Place<'_>,
    ) -> Result<Refill, Attempt> {
        if !matches!(step.action, Action::Revert { .. }) {
            return Ok(Refill::default());
        }
        let committed = attempt.map(|attempt| committed(&self.sql.schema, &key(step), attempt));
        let kept = self.kept(step, committed.as_deref(), place).await?;
        let before = kept.into_iter().map(|kept| (kept.id, kept.now)).collect();
        Ok(Refill { before, early: HashMap::new(), committed })
    }

    /// Looked at as ourselves, and nothing is left of that.
    async fn kept(&mut self, step: &Step, unless: Option<&str>, place: &Place<'_>) -> Result<Vec<Kept>, Attempt> {
        let look = format!(
            "savepoint sluice_look; {} {}; rollback to savepoint sluice_look; release savepoint sluice_look",
            ourselves(self.other_role.as_deref()),
            of_version(&self.sql.schema, &key(step), unless)
        );
        self.asked(&look, place).await
    }

    /// One statement of a script. A way down was written for rows that are there: where a constraint fails (`SET NOT NULL`, a
    /// foreign key), what was re-created so far is refilled, and the statement is tried once more.
    pub(in super::super) async fn statement_of(
        &mut self,
        step: &Step,
        one: &Statement,
        refill: &mut Refill,
        first_look: Option<Duration>,
        place: &Place<'_>,
        run: Run<'_>,
    ) -> Result<Ended, Attempt> {
        let waits = !refill.before.is_empty();
        if waits {
            // Not released: the script may set savepoints of its own behind it.
            self.aside("savepoint sluice_statement", place).await?;
        }
        let ended = statement(&mut self.link, &mut self.side, run, &one.text, first_look).await;
        let Ended::Failed(SqlError::Server(error)) = &ended else { return Ok(ended) };
        if !waits || !error.code.starts_with("23") {
            return Ok(ended);
        }
        self.aside("rollback to savepoint sluice_statement", place).await?;
        let done = self.refilled(step, refill, When::Early, place, run).await?;
        // The script may guess at a column's values yet: it is put back once more at the end.
        let rows = done.into_iter().filter(|(kept, _)| kept.what != "column");
        refill.early.extend(rows.filter_map(|(kept, result)| Some((kept.id, result.ok()?))));
        // Where nothing helped it fails as it did.
        Ok(statement(&mut self.link, &mut self.side, run, &one.text, first_look).await)
    }

    /// Before the transaction of a statement ends that is not the last of its way down, or of a block: refills what it re-created,
    /// and a column at whose values it guessed once more. What has no place yet waits for the end.
    pub(in super::super) async fn refill_between(
        &mut self,
        step: &Step,
        unit: &[Statement],
        refill: &Refill,
        place: &Place<'_>,
        run: Run<'_>,
        noted: &mut Noted,
    ) -> Result<(), Attempt> {
        if refill.before.is_empty() {
            return Ok(());
        }
        let mut back: Vec<(i64, UndoRestored)> = refill.early.iter().map(|(id, done)| (*id, done.clone())).collect();
        let mut columns = String::new();
        for (kept, result) in self.refilled(step, refill, When::Between(unit), place, run).await? {
            let Ok(done) = result else { continue };
            if kept.restored {
                // Once more over what the script guessed: those are the same rows.
                continue;
            }
            if kept.what == "column" {
                // Told at the end: deleted rows come back later, and without it.
                columns.push_str(&restored(&self.sql.schema, kept.id, &self.recorder.run, done.rows, done.left));
            } else {
                back.push((kept.id, done));
            }
        }
        for (id, done) in back {
            noted.came_back(&self.sql.schema, id, &self.recorder.run, &done);
        }
        noted.record.push_str(&columns);
        Ok(())
    }

    /// After a way down: refills what it re-created.
    pub(in super::super) async fn refill(
        &mut self,
        step: &Step,
        refill: &Refill,
        place: &Place<'_>,
        run: Run<'_>,
        noted: &mut Noted,
    ) -> Result<(), Attempt> {
        if refill.before.is_empty() {
            return Ok(());
        }
        let by = self.recorder.run.clone();
        let schema = self.sql.schema.clone();
        let mut oids = Vec::new();
        for (kept, result) in self.refilled(step, refill, When::End, place, run).await? {
            match result {
                Ok(done) => {
                    oids.extend(kept.now.as_ref().map(|now| now.oid));
                    let done = kept.with_those_before(done);
                    noted.came_back(&schema, kept.id, &by, &done);
                }
                Err(why) => {
                    noted.record.push_str(&not_restored(&schema, kept.id, &by, &why));
                    noted.told.push(format!("{}: not restored, {why}{}", kept.object, kept.cure()));
                }
            }
        }
        if oids.is_empty() { Ok(()) } else { self.fill_views(&oids, refill, place, run, noted).await }
    }

    /// A materialized view that the way down created holds what was there before the rows came back.
    async fn fill_views(
        &mut self,
        oids: &[i64],
        refill: &Refill,
        place: &Place<'_>,
        run: Run<'_>,
        noted: &mut Noted,
    ) -> Result<(), Attempt> {
        let guise = self.as_ourselves("", place).await?;
        let views: Vec<String> = self.asked(&filled_too_soon(oids, refill.committed.as_deref()), place).await?;
        for view in views {
            let mut hand = Hand { link: &mut self.link, under: Some((&mut self.side, run)) };
            match hand.fill(&view).await {
                Ok(Ok(())) => noted.told.push(format!("materialized view {view}: filled anew with the rows that came back")),
                Ok(Err(why)) => noted.told.push(format!(
                    "materialized view {view}: not filled anew, {why}; it does not show the rows that came back until it is refreshed"
                )),
                Err(ended) => return Err(self.ended_refilling(ended, place).await),
            }
        }
        self.aside(&guise.back(), place).await
    }

    /// From here on as ourselves, with these settings besides; gives back what leads the script on as it was.
    async fn as_ourselves(&mut self, settings: &str, place: &Place<'_>) -> Result<Guise, Attempt> {
        let was = self.asked(&format!("select pg_catalog.json_build_object({})::text", guise()), place).await?;
        self.aside(&format!("{} {settings}", ourselves(self.other_role.as_deref())), place).await?;
        Ok(was)
    }

    async fn refilled(
        &mut self,
        step: &Step,
        refill: &Refill,
        when: When<'_>,
        place: &Place<'_>,
        run: Run<'_>,
    ) -> Result<Vec<Each>, Attempt> {
        self.look_at_constraints(place).await?;
        let mut rest = self.kept(step, None, place).await?;
        complete(&mut rest);
        rest.retain(|kept| match &when {
            // A row without a column that comes later would lose what was in it.
            When::Early => kept.what == "column" || kept.has_room(),
            When::Between(unit) if kept.restored => unit.iter().any(|one| kept.is_guessed_at(one)),
            When::Between(_) => {
                let before = refill.before.get(&kept.id).and_then(Option::as_ref);
                !refill.early.contains_key(&kept.id) && kept.is_back(before)
            }
            When::End => true,
        });
        if rest.is_empty() {
            return Ok(Vec::new());
        }
        let guise = self.as_ourselves(FORMATS, place).await?;
        let mut all: Vec<Each> = Vec::new();
        // A table may wait for another one that it refers to, and what was taken away from it before waits with it.
        while !rest.is_empty() {
            let tried = rest.len();
            let mut again: Vec<(Kept, String)> = Vec::new();
            for kept in rest {
                if again.iter().any(|(newer, _)| newer.is_of_the_table_of(&kept)) {
                    again.push((kept, WAITS.to_owned()));
                    continue;
                }
                let redone =
                    all.iter().any(|(newer, _): &Each| newer.what == "column" && newer.is_of_the_table_of(&kept));
                let result = match self.refill_one(&kept, redone, refill, run).await {
                    Ok(result) => result,
                    Err(ended) => return Err(self.ended_refilling(ended, place).await),
                };
                match result {
                    Ok(_) => all.push((kept, result)),
                    Err(why) => again.push((kept, why)),
                }
            }
            if again.len() == tried {
                let stuck = again.extract_if(.., |(_, why)| why != WAITS).collect();
                self.refill_together(stuck, &mut all, place, run).await?;
            }
            rest = again.into_iter().map(|(kept, _)| kept).collect();
        }
        self.aside(&guise.back(), place).await?;
        Ok(all)
    }

    async fn refill_one(
        &mut self,
        kept: &Kept,
        redone: bool,
        refill: &Refill,
        run: Run<'_>,
    ) -> Result<Result<UndoRestored, String>, Ended> {
        if let Some(early) = refill.early.get(&kept.id) {
            // A column that is put back once more brings back what it held after these rows were changed.
            let mut hand = Hand { link: &mut self.link, under: Some((&mut self.side, run)) };
            let now = if redone { hand.put_back(kept).await? } else { Ok(early.clone()) };
            return Ok(Ok(now.ok().filter(|now| now.rows > early.rows).unwrap_or_else(|| early.clone())));
        }
        if let Some(why) = kept.not_recreated(refill.before.get(&kept.id).and_then(Option::as_ref)) {
            return Ok(Err(why));
        }
        Hand { link: &mut self.link, under: Some((&mut self.side, run)) }.put_back(kept).await
    }

    /// What is left over: those that wait for each other, and those that are refused for good.
    async fn refill_together(
        &mut self,
        rest: Vec<(Kept, String)>,
        all: &mut Vec<Each>,
        place: &Place<'_>,
        run: Run<'_>,
    ) -> Result<(), Attempt> {
        let (waiting, refused): (Vec<_>, Vec<_>) =
            rest.into_iter().partition(|(_, why)| why.starts_with(FOREIGN_KEY_VIOLATION));
        all.extend(refused.into_iter().map(|(kept, why)| (kept, Err(why))));
        let (kept, whys): (Vec<Kept>, Vec<String>) = waiting.into_iter().unzip();
        let mut hand = Hand { link: &mut self.link, under: Some((&mut self.side, run)) };
        let tried = if kept.len() > 1 { hand.put_back_together(&kept).await } else { Ok(Err(String::new())) };
        match tried {
            Ok(Ok(done)) => all.extend(kept.into_iter().zip(done.into_iter().map(Ok))),
            Ok(Err(_)) => all.extend(kept.into_iter().zip(whys.into_iter().map(Err))),
            Err(ended) => return Err(self.ended_refilling(ended, place).await),
        }
        Ok(())
    }

    /// What the script left to be looked at by the end of its transaction, while it is still the script's: a table for which
    /// something is left cannot be altered. What does not hold yet may do so with the rows that come back.
    async fn look_at_constraints(&mut self, place: &Place<'_>) -> Result<(), Attempt> {
        self.savepoint(place).await?;
        match self.link.run("set constraints all immediate").await {
            Ok(()) => self.aside("release savepoint sluice_undo", place).await,
            Err(SqlError::Server(error)) if retry(&error.code) != Retry::Soon => {
                self.back_to_savepoint(false, place).await
            }
            Err(error) => self.conclude(Ended::Failed(error), place).await.map(|_| ()),
        }
    }

    async fn ended_refilling(&mut self, ended: Ended, place: &Place<'_>) -> Attempt {
        match self.conclude(ended, place).await {
            Err(attempt) => attempt,
            Ok(_) => Attempt::Over(crate::database::DatabaseError::Ledger("a copy was put back in part".to_owned())),
        }
    }
}

const FOREIGN_KEY_VIOLATION: &str = "23503";
/// For a copy that was made after it.
const WAITS: &str = "it waits";
