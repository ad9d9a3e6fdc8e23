mod approvals;
mod calendar;
mod clocks;
mod fixture;
mod window;
