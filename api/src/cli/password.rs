//! Passwords that commands ask for.

use std::io::{BufRead, IsTerminal, Write};

use anyhow::bail;
use zeroize::Zeroizing;

/// One line of standard input. A secret does not belong on a command line, where every process can read it.
pub fn read_password(prompt: &str) -> anyhow::Result<Zeroizing<String>> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        eprint!("{prompt}");
        std::io::stderr().flush()?;
    }
    let mut line = Zeroizing::new(String::new());
    stdin.lock().read_line(&mut line)?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        bail!("no password was given on standard input");
    }
    Ok(Zeroizing::new(password.to_owned()))
}
