//! What `sluice lint` shows.
