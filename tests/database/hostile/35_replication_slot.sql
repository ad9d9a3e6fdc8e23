-- Makes the server keep its log for ever
-- Lint: administration-function
-- Server: 42501
SELECT pg_create_physical_replication_slot('hostile', true);
