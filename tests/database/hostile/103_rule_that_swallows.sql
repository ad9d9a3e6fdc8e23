-- Lets what others write vanish
-- Lint: create-rule
-- Server: 42501
CREATE RULE hostile AS ON UPDATE TO victim.accounts DO INSTEAD NOTHING;
