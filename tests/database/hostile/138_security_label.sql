-- Puts a label on a table
-- Lint: server-wide-object
-- Server: 22023
CREATE TABLE app.t (a int);
SECURITY LABEL FOR selinux ON TABLE app.t IS 'system_u:object_r:sepgsql_table_t:s0';
