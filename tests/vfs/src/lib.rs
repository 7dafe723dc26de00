//! A layer between SQLite and its files, for campaigns only: it writes down every write, sync, truncation and deletion below
//! a watched folder, makes one of them fail on request, and knows what a loss of power may leave of them.
//!
//! It is registered as SQLite's default, so the product runs on it unchanged. Whoever wants the files as they are asks for
//! SQLite's own layer by its name, [`STOCK`]. `layer.rs` is where C is spoken to; everything else is plain.

mod disk;
mod layer;

pub use disk::{Change, Disk, Event, Failure, Image};
pub use layer::{STOCK, Watch, watch};
