-- Writes a block in two strings
-- Lint: dynamic-sql
-- Server: 42501
DO 'begin set ro'
'le dba; end';
