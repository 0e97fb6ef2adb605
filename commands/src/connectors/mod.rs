//! Importing files: upload, preview, start, work in batches, resume, cancel.

mod forget;
mod imports;
mod preview;
mod uploads;
mod worker;

pub use forget::KEPT_DAYS;
pub use imports::{RejectedRow, SHOWN_CHARACTERS, SHOWN_FIELDS, StartImport, StartRefusal};
pub use preview::{ImportPreview, PreviewRefusal, PreviewRow};
pub use uploads::{MOST_UPLOAD_BYTES, Upload, UploadRefusal, UploadWriter};
