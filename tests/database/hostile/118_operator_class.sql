-- Decides how indexes of others compare
-- Lint: server-wide-object
-- Server: 42501
CREATE FUNCTION app.cmp(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 0';
CREATE OPERATOR CLASS app.numbers FOR TYPE int USING btree AS FUNCTION 1 app.cmp(int, int);
