//! The table of runs and the memory, as stories and as models that random histories are held against.

mod bench;
mod inputs;
mod leftovers;
mod memory;
mod memory_model;
mod neighbours;
mod tasks;
mod tasks_model;
mod verify;
