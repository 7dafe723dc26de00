//! The program as its user meets it: the binary is started, told wrong things, stopped and started again.

mod backup;
mod calls;
mod delivery;
mod doctor;
mod full_disk;
mod operating;
mod reference;
mod refusals;
mod setting_up;
mod starts;
