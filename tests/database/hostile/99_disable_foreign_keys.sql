-- Switches the foreign keys of a table off
-- Lint: disable-trigger
-- Server: 42501
CREATE TABLE app.a (id int PRIMARY KEY);
CREATE TABLE app.b (a int REFERENCES app.a);
ALTER TABLE app.b DISABLE TRIGGER ALL;
