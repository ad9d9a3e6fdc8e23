//! The core as tables: every state × every event, and the rules that hold in each.

mod earlier;
mod fixture;
mod gates;
mod half_way;
mod judgements;
mod kstatus;
mod looks;
mod open_windows;
mod other_releases;
mod policies;
mod rehearsal;
mod rollbacks;
mod table;
mod transitions;
mod ways_on;
