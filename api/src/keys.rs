//! The master key: what every other key follows from. It is never in the database.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dyocense_commands::secrets::MasterKey;
use dyocense_eventlog::{Keyring, MasterKey as LogKey};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::settings::Secret;

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("keys.master: key {number} is not 32 bytes in base64; make one with `openssl rand -base64 32`")]
    Malformed { number: usize },
    #[error(
        "keys.master is not set. With a database of your own the key must not be lost with this machine: make one \
         with `openssl rand -base64 32`, keep it safe, and set DYOCENSE_KEYS_MASTER"
    )]
    Missing,
    #[error("the key file {}: {source}", path.display())]
    File { path: PathBuf, source: std::io::Error },
}

/// The keys of this installation.
pub struct Keys {
    /// What logins and tokens are derived from: the oldest key, so that a new one does not lock everybody out.
    pub root: MasterKey,
    /// What the keys of personal data are wrapped with: the newest wraps, all open.
    pub ring: Keyring,
}

/// Reads `keys.master`; without it, the key file in `data_dir`, which is made on the first start when `may_make`.
pub fn load(setting: Option<&Secret>, data_dir: &Path, may_make: bool) -> Result<Keys, KeyError> {
    let text = match setting {
        Some(secret) => Zeroizing::new(secret.expose().to_owned()),
        None => {
            let path = data_dir.join("master.key");
            let unreadable = |source| KeyError::File { path: path.clone(), source };
            match std::fs::read_to_string(&path) {
                Ok(text) => Zeroizing::new(text),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound && may_make => {
                    make(data_dir, &path).map_err(unreadable)?
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(KeyError::Missing),
                Err(error) => return Err(unreadable(error)),
            }
        }
    };
    parse(&text)
}

fn make(data_dir: &Path, path: &Path) -> std::io::Result<Zeroizing<String>> {
    std::fs::create_dir_all(data_dir)?;
    let text = Zeroizing::new(STANDARD.encode(LogKey::generate("").bytes()));
    // Another process may make it at the same moment: whoever is second reads the first one's.
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(mut file) => {
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            Ok(text)
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            std::fs::read_to_string(path).map(Zeroizing::new)
        }
        Err(error) => Err(error),
    }
}

fn parse(text: &str) -> Result<Keys, KeyError> {
    let mut keys = Vec::new();
    for (i, part) in text.split(',').map(str::trim).filter(|part| !part.is_empty()).enumerate() {
        let malformed = KeyError::Malformed { number: i + 1 };
        let Ok(bytes) = STANDARD.decode(part).map(Zeroizing::new) else { return Err(malformed) };
        let Ok(key) = <[u8; 32]>::try_from(bytes.as_slice()) else { return Err(malformed) };
        keys.push(key);
    }
    let Some((newest, older)) = keys.split_first() else { return Err(KeyError::Malformed { number: 1 }) };
    let root = MasterKey::new(*older.last().unwrap_or(newest));
    let ring = Keyring::new(log_key(newest), older.iter().map(log_key).collect());
    Ok(Keys { root, ring })
}

/// A key is known by the start of its hash, so that the order of keys in the setting may change.
fn log_key(key: &[u8; 32]) -> LogKey {
    let digest = Sha256::digest([b"dyocense master key id".as_slice(), key].concat());
    let id: String = digest[..6].iter().map(|byte| format!("{byte:02x}")).collect();
    LogKey::new(id, *key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_only_for_its_owner() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(load(None, dir.path(), false), Err(KeyError::Missing)));
        let first = load(None, dir.path(), true).unwrap();
        let second = load(None, dir.path(), false).unwrap();
        assert_eq!(first.ring.current().bytes(), second.ring.current().bytes());
        let mode = std::fs::metadata(dir.path().join("master.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn the_newest_key_wraps_and_the_oldest_stays_the_root() {
        let (new, old) = (STANDARD.encode([2; 32]), STANDARD.encode([1; 32]));
        let keys = parse(&format!("{new}, {old}")).unwrap();
        assert_eq!(keys.ring.current().bytes(), &[2; 32]);
        assert_eq!(keys.root.derive("x"), MasterKey::new([1; 32]).derive("x"));
    }

    #[test]
    fn a_bad_key_is_named_by_its_place_and_not_shown() {
        let error = parse(&format!("{},c2hvcnQ=", STANDARD.encode([1; 32]))).err().unwrap().to_string();
        assert!(error.contains("key 2") && !error.contains("c2hvcnQ"));
    }
}
