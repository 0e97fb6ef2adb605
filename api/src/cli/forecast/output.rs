//! Where answers are written: a file is there whole or not at all.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// The standard output, or a file.
pub struct Output {
    path: Option<PathBuf>,
}

impl Output {
    /// Finds out before any work whether the file can be written, and that it is none of `inputs`.
    pub fn to(path: Option<&Path>, inputs: &[Option<&Path>]) -> anyhow::Result<Output> {
        let Some(path) = path else { return Ok(Output { path: None }) };
        let named = || format!("cannot write {}", path.display());
        if path.is_dir() {
            bail!("{}: it is a directory", named());
        }
        // What exists is written where it is, behind a link too.
        let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
        for input in inputs.iter().flatten() {
            if std::fs::canonicalize(input).is_ok_and(|input| input == path) {
                bail!("{}: it is read too", named());
            }
        }
        let output = Output { path: Some(path.clone()) };
        if path.exists() {
            OpenOptions::new().append(true).open(&path).with_context(named)?;
        }
        if is_replaced(&path) {
            let draft = draft(&path);
            File::create(&draft).with_context(named)?;
            std::fs::remove_file(&draft).with_context(named)?;
        }
        Ok(output)
    }

    /// Writes all of it. A file is replaced at the end: what interrupts the writing leaves it as it was.
    pub fn write(&self, content: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let Some(path) = &self.path else { return content(&mut std::io::stdout().lock()) };
        let named = || format!("cannot write {}", path.display());
        if !is_replaced(path) {
            let mut file = OpenOptions::new().write(true).open(path).with_context(named)?;
            return content(&mut file).with_context(named);
        }
        let draft = draft(path);
        let written = File::create(&draft)
            .map_err(anyhow::Error::from)
            .and_then(|mut file| content(&mut file))
            .and_then(|()| Ok(std::fs::rename(&draft, path)?));
        if written.is_err() {
            // It may never have been there.
            let _ = std::fs::remove_file(&draft);
        }
        written.with_context(named)
    }
}

/// Whether a file takes the place of what is there: not of a pipe or a device.
fn is_replaced(path: &Path) -> bool {
    std::fs::metadata(path).map_or(true, |found| found.is_file())
}

/// Beside the file, so that taking its place is one step.
fn draft(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.part", std::process::id()))
}
