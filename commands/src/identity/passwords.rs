//! Argon2id, off the async threads and behind a bound.

use std::sync::Arc;
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::error::{CommandError, Fault};

const SHORTEST: usize = 10;
const LONGEST: usize = 200;
/// Longer than this nobody waits for a login; better to say so than to queue without end.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRefusal {
    #[error("the password has {length} characters; at least {SHORTEST} are needed")]
    TooShort { length: usize },
    #[error("the password has {length} characters; at most {LONGEST} are allowed")]
    TooLong { length: usize },
    #[error("the password is the e-mail address or part of it")]
    IsTheEmail,
}

/// Hashes and checks passwords (Argon2id, RFC 9106; 19 MiB, 2 passes, 1 lane: the OWASP minimum).
#[derive(Clone)]
pub struct Passwords {
    bound: Arc<Semaphore>,
}

impl Passwords {
    pub fn new(at_once: usize) -> Self {
        Self { bound: Arc::new(Semaphore::new(at_once.max(1))) }
    }

    /// The rules for a new password. Length, not classes of characters: NIST SP 800-63B section 5.1.1.2.
    pub fn check_rules(password: &str, email: &str) -> Result<(), PasswordRefusal> {
        let length = password.chars().count();
        let lower = password.to_lowercase();
        match length {
            ..SHORTEST => Err(PasswordRefusal::TooShort { length }),
            LONGEST.. if length > LONGEST => Err(PasswordRefusal::TooLong { length }),
            _ if email.to_lowercase().contains(&lower) => Err(PasswordRefusal::IsTheEmail),
            _ => Ok(()),
        }
    }

    pub async fn hash(&self, password: Zeroizing<String>) -> Result<String, Fault> {
        self.run(move || {
            let salt: [u8; 16] = crate::secrets::random();
            let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
            hash.map(|hash| hash.to_string()).map_err(|error| Fault::internal(error.to_string()))
        })
        .await?
    }

    /// Whether the password belongs to the hash. Without a hash it takes as long, and is false: whether an address
    /// is known cannot be read off the time.
    pub async fn verify(&self, password: Zeroizing<String>, phc: Option<String>) -> Result<bool, Fault> {
        self.run(move || match phc.as_deref().map(PasswordHash::new) {
            Some(Ok(hash)) => Ok(Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()),
            Some(Err(error)) => Err(Fault::internal(error.to_string())),
            None => {
                let _ = Argon2::default().hash_password_with_salt(password.as_bytes(), &[0; 16]);
                Ok(false)
            }
        })
        .await?
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
        let permit = tokio::time::timeout(LONGEST_WAIT, self.bound.clone().acquire_owned())
            .await
            .map_err(|_| Fault::Busy)?
            .expect("the semaphore is never closed");
        let done = tokio::task::spawn_blocking(move || {
            let answer = work();
            drop(permit);
            answer
        });
        done.await.map_err(Fault::internal)
    }
}

impl<R> From<PasswordRefusal> for CommandError<R>
where
    R: From<PasswordRefusal>,
{
    fn from(refusal: PasswordRefusal) -> Self {
        Self::Refused(refusal.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_only() {
        let passwords = Passwords::new(2);
        let phc = passwords.hash(Zeroizing::new("correct horse".into())).await.unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(passwords.verify(Zeroizing::new("correct horse".into()), Some(phc.clone())).await.unwrap());
        assert!(!passwords.verify(Zeroizing::new("wrong horse".into()), Some(phc)).await.unwrap());
        assert!(!passwords.verify(Zeroizing::new("correct horse".into()), None).await.unwrap());
    }

    #[test]
    fn rules_name_the_bound() {
        let short = Passwords::check_rules("short", "a@example.com").unwrap_err();
        assert_eq!(short.to_string(), "the password has 5 characters; at least 10 are needed");
        assert!(Passwords::check_rules(&"x".repeat(201), "a@example.com").is_err());
        assert_eq!(Passwords::check_rules("Ada@Example", "ada@example.com"), Err(PasswordRefusal::IsTheEmail));
        assert!(Passwords::check_rules("ten letters", "a@example.com").is_ok());
    }
}
