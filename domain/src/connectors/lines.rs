//! Files as they come, made even for the record splitter: one kind of line break, and a count of what was read.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Turns `\r\n` and `\r` into `\n`, and ends the last line, so that a line's number is the number of breaks before
/// it, whichever program wrote the file.
pub(super) struct EvenLines<R> {
    source: R,
    after_return: bool,
    ended: bool,
}

impl<R: Read> EvenLines<R> {
    pub fn new(source: R) -> Self {
        Self { source, after_return: false, ended: false }
    }
}

impl<R: Read> Read for EvenLines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !self.ended && !buffer.is_empty() {
            let read = self.source.read(buffer)?;
            if read == 0 {
                self.ended = true;
                buffer[0] = b'\n';
                return Ok(1);
            }
            let mut kept = 0;
            for i in 0..read {
                let byte = buffer[i];
                if byte != b'\n' || !self.after_return {
                    buffer[kept] = if byte == b'\r' { b'\n' } else { byte };
                    kept += 1;
                }
                self.after_return = byte == b'\r';
            }
            if kept > 0 {
                return Ok(kept);
            }
        }
        Ok(0)
    }
}

/// Counts the bytes that pass.
pub(super) struct Counted<R> {
    source: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Counted<R> {
    pub fn new(source: R) -> (Self, Arc<AtomicU64>) {
        let count = Arc::new(AtomicU64::new(0));
        (Self { source, count: Arc::clone(&count) }, count)
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.count.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Hands out a few bytes at a time, as a network does.
    struct Dripping<'a>(&'a [u8], usize);

    impl Read for Dripping<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    proptest! {
        #[test]
        fn every_kind_of_line_break_becomes_one_wherever_the_reads_cut(text in "[ab\r\n]{0,40}", step in 1usize..5) {
            let mut even = String::new();
            EvenLines::new(Dripping(text.as_bytes(), step)).read_to_string(&mut even).unwrap();
            prop_assert_eq!(even, text.replace("\r\n", "\n").replace('\r', "\n") + "\n");
        }
    }
}
