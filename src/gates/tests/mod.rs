mod approvals;
mod calendar;
mod clocks;
mod dependency;
mod fixture;
mod neighbour;
mod promotion;
mod window;
