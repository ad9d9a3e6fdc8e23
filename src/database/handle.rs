//! A database for whoever works with it for long: its password or its certificate authorities may be changed meanwhile.

use std::sync::{Arc, PoisonError, RwLock};

use super::Database;

/// Leads to a database by the login that is valid now. Clones lead to the same.
#[derive(Debug, Clone)]
pub struct Handle(Arc<RwLock<Arc<dyn Database>>>);

impl Handle {
    /// Leads to that database.
    #[must_use]
    pub fn new(database: Arc<dyn Database>) -> Self {
        Self(Arc::new(RwLock::new(database)))
    }

    /// The database, for the next piece of work.
    #[must_use]
    pub fn now(&self) -> Arc<dyn Database> {
        // Nothing that happens while it is held can panic half way.
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes over another login for the database at the same address; `false` for one that is elsewhere.
    #[must_use]
    pub fn renew(&self, database: Arc<dyn Database>) -> bool {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let same = current.address() == database.address();
        if same {
            *current = database;
        }
        same
    }
}
