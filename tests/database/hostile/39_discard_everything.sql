-- Drops all that a session holds
-- Lint: advisory-lock
-- Server: harmless: a session has only its own locks, and Sluice looks for its own before each commit
DISCARD ALL;
