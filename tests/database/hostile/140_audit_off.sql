-- Switches off what writes down who did what
-- Lint: dangerous-setting
-- Server: 42501
SET log_statement = 'none';
SET pgaudit.log = 'none';
