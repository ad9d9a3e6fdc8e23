-- Writes a block with another sign for escapes
-- Lint: dynamic-sql
-- Server: 42501
DO U&'begin set r!006fle dba; end' UESCAPE '!';
