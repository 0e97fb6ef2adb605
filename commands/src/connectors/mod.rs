//! Importing files: upload, preview, start, work in batches, resume, cancel.

mod imports;
mod preview;
mod uploads;
mod worker;

pub use imports::{RejectedRow, StartImport, StartRefusal};
pub use preview::{ImportPreview, PreviewRefusal, PreviewRow};
pub use uploads::{MOST_UPLOAD_BYTES, Upload, UploadRefusal, UploadWriter};
