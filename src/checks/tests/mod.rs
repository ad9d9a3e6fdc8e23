//! What measurements mean, and what probes measure where no server of its own is needed.

mod assess;
mod check;
mod docs;
mod http;
