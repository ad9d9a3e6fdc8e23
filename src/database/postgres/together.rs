//! What of a script without a transaction can run in one: a statement that does not mind, and a block of the script's own.
//!
//! Each commits together with its rows in the journal, with the copies of what it takes away and with what it brings back on
//! a way down, and takes effect exactly once: of a transaction whose outcome was not seen the journal tells it.

use crate::database::DatabaseError;
use crate::migration::{Statement, StatementClass};

use super::journaled::{Along, Journaled, left_behind};
use super::patience::Patience;
use super::quote::millis;
use super::session::PostgresSession;
use super::settings::ourselves;
use super::supervise::{Run, statement, supervised};
use super::undo::Noted;
use super::unit::Attempt;

impl PostgresSession {
    /// A statement that commits together with its row in the journal.
    pub(super) async fn together(
        &mut self,
        script: &Journaled<'_>,
        one: &Statement,
        along: &mut Along,
        run: Run<'_>,
    ) -> Result<(), DatabaseError> {
        let mut patience = Patience::of(&self.settings);
        let left = left_behind(one);
        loop {
            match self.try_together(script, one, along, &patience, run).await {
                Ok(()) => return Ok(()),
                Err(Attempt::Again(failure)) => self.wait(*failure, &left, &mut patience, run).await?,
                Err(error) => return Err(self.refused(script, one, error).await?),
            }
        }
    }

    async fn try_together(
        &mut self,
        script: &Journaled<'_>,
        one: &Statement,
        along: &mut Along,
        patience: &Patience,
        run: Run<'_>,
    ) -> Result<(), Attempt> {
        let left = left_behind(one);
        let place = script.place(one, &left);
        let timeout = self.lock_timeout(script, "set local", patience);
        let opened = self.begin(std::slice::from_ref(script.step), "", &timeout, &place).await?;
        let (mut noted, mut refill) = (Noted::default(), script.refill.clone());
        let taken = self.copy_before(script.step, one, &along.before, &place, run, &mut noted).await?;
        let ended = self.statement_of(script.step, one, &mut refill, patience.first_look(), &place, run).await?;
        let rows = self.conclude(ended, &place).await?;
        self.settle_copies(taken, rows, &place, run, &mut noted).await?;
        self.refill_between(script.step, std::slice::from_ref(one), &refill, &place, run, &mut noted).await?;
        let record = self.recorder.executed(&script.of, one, Some(rows)) + &noted.record;
        self.commit(&opened.transaction, &record, false, &place, run).await?;
        along.before.transactions.extend(short(&opened.transaction));
        along.told.extend(noted.told);
        Ok(())
    }

    /// A block between the user's own BEGIN and COMMIT.
    pub(super) async fn block(
        &mut self,
        script: &Journaled<'_>,
        unit: &[Statement],
        along: &mut Along,
        run: Run<'_>,
    ) -> Result<(), DatabaseError> {
        let mut patience = Patience::of(&self.settings);
        let left = unit.first().map(left_behind).unwrap_or_default();
        loop {
            let mut at = unit.first();
            match self.try_block(script, unit, along, &mut at, &patience, run).await {
                Ok(()) => return Ok(()),
                Err(Attempt::Again(failure)) => self.wait(*failure, &left, &mut patience, run).await?,
                Err(error) => {
                    let Some(one) = at else { return Err(error.into_error()) };
                    return Err(self.refused(script, one, error).await?);
                }
            }
        }
    }

    async fn try_block<'a>(
        &mut self,
        script: &Journaled<'_>,
        unit: &'a [Statement],
        along: &mut Along,
        at: &mut Option<&'a Statement>,
        patience: &Patience,
        run: Run<'_>,
    ) -> Result<(), Attempt> {
        let (Some(first), Some((last, inner))) = (unit.first(), unit.split_last()) else { return Ok(()) };
        let left = left_behind(first);
        // The lock and the ledger are looked at before: in the block itself a query of ours could come before the user's
        // SET TRANSACTION.
        let timeout = self.lock_timeout(script, "set", patience);
        self.in_own_transaction(script.step, &timeout, &script.place(first, &left), run).await?;
        let (mut noted, mut before) = (Noted::default(), along.before.clone());
        for one in inner {
            *at = Some(one);
            let place = script.place(one, &left);
            let taken = self.copy_before(script.step, one, &before, &place, run, &mut noted).await?;
            let ended = statement(&mut self.link, &mut self.side, run, &one.text, patience.first_look()).await;
            let rows = self.conclude(ended, &place).await?;
            self.settle_copies(taken, rows, &place, run, &mut noted).await?;
            before.names.read(one);
        }
        *at = Some(last);
        let place = script.place(last, &left);
        let record: String = unit.iter().map(|one| self.recorder.executed(&script.of, one, None)).collect();
        if last.class == StatementClass::Rollback {
            let ended = supervised(&mut self.link, &mut self.side, run, &last.text, None).await;
            self.conclude(ended, &place).await?;
            return self.in_own_transaction(script.step, &record, &place, run).await.map_err(Attempt::Over);
        }
        self.refill_between(script.step, unit, &script.refill, &place, run, &mut noted).await?;
        let record = record + &noted.record;
        let text = format!("{} {} {record} commit", ourselves(self.other_role.as_deref()), self.durability(false));
        let ended = supervised(&mut self.link, &mut self.side, run, &text, None).await;
        self.conclude(ended, &place).await?;
        along.told.extend(noted.told);
        Ok(())
    }

    /// How long the next try may wait for table locks, unless the script says so itself.
    fn lock_timeout(&self, script: &Journaled<'_>, set: &str, patience: &Patience) -> String {
        if script.own_lock_timeout {
            return String::new();
        }
        format!("{set} lock_timeout = {};", millis(patience.lock_timeout()))
    }
}

/// The number of a transaction as rows have it.
fn short(transaction: &str) -> Option<u32> {
    u32::try_from(transaction.parse::<u64>().ok()? % (1 << 32)).ok()
}
