-- Lets a procedure run as a superuser
-- Lint: set-role
-- Server: 42501
CREATE PROCEDURE app.p() LANGUAGE sql SET role = 'dba' AS 'SELECT 1';
CALL app.p();
