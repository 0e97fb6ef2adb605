//! What a server writes of itself into its data directory.

use std::path::{Path, PathBuf};

/// What the server says about itself in `postmaster.pid`.
pub(super) struct PostmasterFile {
    pub pid: i32,
    pub socket_dir: Option<PathBuf>,
    pub ready: bool,
}

impl PostmasterFile {
    /// Reads the file. It is written in steps, so later lines may be missing.
    pub fn read(pgdata: &Path) -> Option<PostmasterFile> {
        let text = std::fs::read_to_string(pgdata.join("postmaster.pid")).ok()?;
        let mut lines = text.lines();
        let pid = lines.next()?.trim().parse().ok()?;
        // Lines: pid, data directory, start time, port, socket directory, listen address, shared memory, status.
        let socket_dir = lines.nth(3).filter(|line| !line.is_empty());
        let ready = lines.nth(2).is_some_and(|status| status.trim() == "ready");
        Some(PostmasterFile { pid, socket_dir: socket_dir.map(PathBuf::from), ready })
    }
}
