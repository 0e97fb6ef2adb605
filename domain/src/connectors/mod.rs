//! Where data comes from: file imports, and what is read from them.

mod columns;
mod decide;
mod events;
mod format;
mod lines;
mod read;
mod records;
mod sniff;
mod values;

pub use decide::{Import, ImportEnd, ImportRefusal, cancel, complete, fail, start, take_batch};
pub use events::*;
pub use format::*;
pub use read::*;
pub use records::{LONGEST_RECORD_BYTES, MOST_RECORD_LINES};
pub use sniff::*;
pub use values::*;
