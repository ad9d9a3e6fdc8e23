-- Puts the statement together from pieces
-- Lint: dynamic-sql
-- Server: 42501
DO $$ BEGIN EXECUTE 'CO' || 'PY (SELECT 1) TO PRO' || 'GRAM ''id'''; END $$;
