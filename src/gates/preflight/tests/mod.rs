//! Every requirement: open, closed, cannot tell.

mod docs;
mod fixture;
mod people;
mod replication;
mod requirements;
mod room;
mod server;
mod tables;
