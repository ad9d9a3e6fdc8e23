//! All rules, one line each.

use super::Rule;

/// All rules.
pub const RULES: &[&dyn Rule] = &[];
