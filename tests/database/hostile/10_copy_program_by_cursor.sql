-- Opens a cursor for a statement that is put together
-- Lint: dynamic-sql
-- Server: 42P11
DO $$ DECLARE c refcursor; BEGIN OPEN c FOR EXECUTE 'COPY (SELECT 1) TO PRO' || 'GRAM ''id'''; END $$;
