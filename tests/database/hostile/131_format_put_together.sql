-- Builds a statement with format
-- Lint: dynamic-sql
-- Server: 42501
DO $$ DECLARE q text := format('%s %s', 'COPY (SELECT 1) TO PRO' || 'GRAM', quote_literal('id')); BEGIN EXECUTE q; END $$;
