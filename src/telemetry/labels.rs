//! The closed sets of label values. A value that comes from outside is mapped to one of these or to `other`.

macro_rules! labels {
    ($(#[$outer:meta])* $name:ident { $($(#[$doc:meta])+ $variant:ident = $text:literal,)+ }) => {
        $(#[$outer])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$doc])+ $variant,)+
        }

        impl $name {
            /// All values, in the order of the reference page.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The label value.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

labels! {
    /// How a run ended.
    RunResult {
        /// Everything in its plan took effect.
        Succeeded = "succeeded",
        /// A step failed for good.
        Failed = "failed",
        /// Ended early for a reason that may pass: connection lost, shutdown, suspended.
        Interrupted = "interrupted",
        /// Only a person can tell what the database holds.
        NeedsOperator = "needs_operator",
        /// Its deadline, or the one for a lock, passed.
        DeadlineExceeded = "deadline_exceeded",
        /// Not begun, because it would have destroyed rows.
        Blocked = "blocked",
        /// Ended early because a person asked for it.
        Aborted = "aborted",
    }
}

labels! {
    /// How a pass over an object ended.
    ReconcileResult {
        /// There was nothing to do.
        Unchanged = "unchanged",
        /// Something was done: a run was started, a status was written.
        Acted = "acted",
        /// Something that others must mend or that passes by itself stood in the way; said in the object's status.
        Blocked = "blocked",
        /// The pass itself failed, for instance because the Kubernetes API did not answer.
        Error = "error",
        /// The code panicked; a bug.
        Panic = "panic",
    }
}

labels! {
    /// What was asked of the Kubernetes API.
    ApiVerb {
        /// One object.
        Get = "get",
        /// A collection.
        List = "list",
        /// Changes of a collection.
        Watch = "watch",
        /// POST.
        Create = "create",
        /// PUT.
        Update = "update",
        /// PATCH.
        Patch = "patch",
        /// DELETE.
        Delete = "delete",
        /// Any other method.
        Other = "other",
    }
}

labels! {
    /// What kind of object a request to the Kubernetes API was about.
    ApiResource {
        /// `databasemigrations`.
        DatabaseMigrations = "databasemigrations",
        /// The `status` subresource of `databasemigrations`.
        DatabaseMigrationsStatus = "databasemigrations/status",
        /// `secrets`.
        Secrets = "secrets",
        /// `configmaps`.
        ConfigMaps = "configmaps",
        /// `events`.
        Events = "events",
        /// `leases`.
        Leases = "leases",
        /// Anything else, discovery and `/version` included.
        Other = "other",
    }
}

labels! {
    /// How the Kubernetes API answered.
    ApiOutcome {
        /// 100 to 299.
        Success = "2xx",
        /// 300 to 399.
        Redirect = "3xx",
        /// 400 to 499: refused, not found, conflict.
        Client = "4xx",
        /// 500 to 599.
        Server = "5xx",
        /// No answer in time.
        Timeout = "timeout",
        /// No connection, or it broke before an answer came.
        Unanswered = "unanswered",
    }
}
