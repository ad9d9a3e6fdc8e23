-- Drops the lock that keeps runs apart
-- Lint: advisory-lock
-- Server: harmless: a session has only its own locks, and Sluice looks for its own before each commit
SELECT pg_advisory_unlock_all();
