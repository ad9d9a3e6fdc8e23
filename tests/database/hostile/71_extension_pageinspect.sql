-- Installs what reads pages past all permissions
-- Lint: dangerous-extension
-- Server: 42501
CREATE EXTENSION "pageinspect";
