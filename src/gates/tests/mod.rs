mod approvals;
mod calendar;
mod clocks;
mod examples;
mod fixture;
mod guard;
mod window;
