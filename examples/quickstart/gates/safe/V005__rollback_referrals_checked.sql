-- The constraint itself goes with version 004.
select 1;
