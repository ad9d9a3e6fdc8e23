//! The core as tables: every state × every event, and the rules that hold in each.

mod aftermath;
mod fixture;
mod gates;
mod kstatus;
mod looks;
mod policies;
mod rehearsal;
mod table;
mod transitions;
mod ways_on;
