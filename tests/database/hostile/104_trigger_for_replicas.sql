-- Switches a trigger off without the word DISABLE
-- Lint: disable-trigger
-- Server: 42501
ALTER TABLE victim.accounts ENABLE REPLICA TRIGGER audit;
