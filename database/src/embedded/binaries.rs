//! Finding the server programs that the system has installed.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The oldest major version whose features the migrations use.
pub(crate) const OLDEST_MAJOR: u32 = 14;

/// A directory with server programs of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    pub bin_dir: PathBuf,
    /// 15 of "postgres (PostgreSQL) 15.18".
    pub major: u32,
}

/// Why no server programs can be used.
#[derive(Debug, thiserror::Error)]
pub enum BinariesError {
    #[error(
        "no Postgres server {OLDEST_MAJOR} or newer found (looked for `postgres` and `initdb` in PATH, \
         /usr/lib/postgresql/*/bin, /usr/pgsql-*/bin and Homebrew's directories); install one with\n    {install}\n\
         or set DATABASE_URL to a server that runs already"
    )]
    NotFound { install: &'static str },
    #[error("{} has no usable `postgres` and `initdb`: {reason}", bin_dir.display())]
    Unusable { bin_dir: PathBuf, reason: String },
}

/// All usable installations, newest first; only `explicit` when it is given.
pub(crate) fn find(explicit: Option<&Path>) -> Result<Vec<Installation>, BinariesError> {
    if let Some(bin_dir) = explicit {
        let installation =
            inspect(bin_dir).map_err(|reason| BinariesError::Unusable { bin_dir: bin_dir.to_owned(), reason })?;
        return Ok(vec![installation]);
    }
    let mut found: Vec<Installation> = Vec::new();
    for bin_dir in candidates() {
        if let Ok(installation) = inspect(&bin_dir)
            && !found.contains(&installation)
        {
            found.push(installation);
        }
    }
    // Stable: among equals the order of the candidates decides, so PATH wins.
    found.sort_by_key(|installation| std::cmp::Reverse(installation.major));
    if found.is_empty() {
        return Err(BinariesError::NotFound {
            install: install_command(&std::fs::read_to_string("/etc/os-release").unwrap_or_default()),
        });
    }
    Ok(found)
}

fn candidates() -> Vec<PathBuf> {
    let mut directories: Vec<PathBuf> =
        std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    // Debian and Red Hat keep the server programs out of PATH.
    for (parent, prefix, suffix) in [
        ("/usr/lib/postgresql", "", "bin"),
        ("/usr", "pgsql-", "bin"),
        ("/opt/homebrew/opt", "postgresql@", "bin"),
        ("/usr/local/opt", "postgresql@", "bin"),
    ] {
        let Ok(entries) = std::fs::read_dir(parent) else {
            continue;
        };
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with(prefix) {
                directories.push(entry.path().join(suffix));
            }
        }
    }
    directories.push(PathBuf::from("/usr/local/pgsql/bin"));
    directories
}

fn inspect(bin_dir: &Path) -> Result<Installation, String> {
    let postgres = bin_dir.join("postgres");
    // /usr/local/bin/postgres may be a link: its siblings are where it points to.
    let postgres = postgres.canonicalize().map_err(|error| format!("{}: {error}", postgres.display()))?;
    let bin_dir = postgres.parent().ok_or("`postgres` has no directory")?.to_owned();
    if !bin_dir.join("initdb").is_file() {
        return Err("`initdb` is missing".to_owned());
    }
    let output = Command::new(&postgres).arg("--version").output().map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let major = parse_major(&text).ok_or_else(|| format!("unexpected version {text:?}"))?;
    if major < OLDEST_MAJOR {
        return Err(format!("version {major} is older than {OLDEST_MAJOR}"));
    }
    Ok(Installation { bin_dir, major })
}

/// The major version in "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)" or "… 18beta1".
fn parse_major(version: &str) -> Option<u32> {
    let number = version.split_whitespace().nth(2)?;
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

fn install_command(os_release: &str) -> &'static str {
    let is = |family: &str| {
        os_release.lines().any(|line| {
            let Some((key, value)) = line.split_once('=') else {
                return false;
            };
            matches!(key, "ID" | "ID_LIKE") && value.trim_matches('"').split(' ').any(|id| id == family)
        })
    };
    if is("debian") || is("ubuntu") {
        "sudo apt-get install --yes postgresql"
    } else if is("fedora") || is("rhel") {
        "sudo dnf install postgresql-server postgresql-contrib"
    } else if is("alpine") {
        "sudo apk add postgresql"
    } else if is("arch") {
        "sudo pacman -S postgresql"
    } else if cfg!(target_os = "macos") {
        "brew install postgresql@17"
    } else {
        "your system's package manager (the package is mostly called postgresql)"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_distributions_and_betas_are_read() {
        for (text, major) in [
            ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n", Some(15)),
            ("postgres (PostgreSQL) 18beta1", Some(18)),
            ("postgres (PostgreSQL) 9.6.24", Some(9)),
            ("", None),
        ] {
            assert_eq!(parse_major(text), major, "{text:?}");
        }
    }

    #[test]
    fn the_install_command_fits_the_distribution() {
        assert!(install_command("ID=debian\n").contains("apt-get"));
        assert!(install_command("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n").contains("apt-get"));
        assert!(install_command("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n").contains("dnf"));
    }

    #[test]
    fn an_explicit_directory_without_programs_is_refused_by_name() {
        let empty = tempfile::tempdir().expect("a temporary directory");
        let error = find(Some(empty.path())).expect_err("nothing is in there");
        assert!(error.to_string().contains(&*empty.path().to_string_lossy()));
    }
}
