//! The promises of delivery, against receivers that misbehave in every way we know.

mod hostile;
mod kit;
mod lanes;
mod signing;
