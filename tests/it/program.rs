//! The program as its user meets it: the binary is started, told wrong things, stopped and started again.

mod calls;
mod delivery;
mod operating;
mod reference;
mod refusals;
mod setting_up;
mod starts;
