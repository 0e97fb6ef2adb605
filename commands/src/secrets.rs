//! Keys that follow from the master key, and secrets that callers hold.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use dyocense_eventlog::TenantId;
use hmac::{Hmac, Mac};
use rand::TryRngCore;
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

/// The key that all others follow from. Never stored in the database, never printed.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; 32]>);

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(hidden)")
    }
}

#[derive(Debug, thiserror::Error)]
#[error("sealed bytes cannot be opened: another master key sealed them, or they were changed")]
pub struct CannotOpen;

impl MasterKey {
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// A key for one purpose: HMAC-SHA-256 of the purpose's name.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        keyed_hash(&self.0, &[purpose.as_bytes()])
    }

    pub fn seal(&self, purpose: &str, plain: &[u8]) -> Vec<u8> {
        let nonce: [u8; 24] = random();
        let cipher = XChaCha20Poly1305::new(&self.derive(purpose).into());
        let sealed = cipher
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: purpose.as_bytes() })
            .expect("a message this short can always be encrypted");
        [nonce.as_slice(), &sealed].concat()
    }

    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>, CannotOpen> {
        let (nonce, sealed) = sealed.split_at_checked(24).ok_or(CannotOpen)?;
        let nonce: [u8; 24] = nonce.try_into().map_err(|_| CannotOpen)?;
        let cipher = XChaCha20Poly1305::new(&self.derive(purpose).into());
        cipher.decrypt(&XNonce::from(nonce), Payload { msg: sealed, aad: purpose.as_bytes() }).map_err(|_| CannotOpen)
    }
}

/// HMAC-SHA-256 over the parts, each preceded by its length, so that no two lists of parts collide.
pub fn keyed_hash(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::rngs::OsRng.try_fill_bytes(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// A secret that a caller holds and we store only as a hash. It names its tenant, so that it can be looked up inside
/// the tenant's own transaction: `<prefix>_<tenant and 32 secret bytes, base64url>`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    tenant: TenantId,
    text: Zeroizing<String>,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(hidden)")
    }
}

impl Token {
    pub fn generate(prefix: &str, tenant: TenantId) -> Self {
        Self::new(prefix, tenant, &random())
    }

    /// The token that follows from a key and what the token is for: whoever has the key can make it again, so that it
    /// need not be kept until it is handed over.
    pub fn derive(prefix: &str, tenant: TenantId, key: &[u8; 32], purpose: &[u8]) -> Self {
        let secret = keyed_hash(key, &[prefix.as_bytes(), Uuid::from(tenant).as_bytes(), purpose]);
        Self::new(prefix, tenant, &secret)
    }

    fn new(prefix: &str, tenant: TenantId, secret: &[u8; 32]) -> Self {
        let mut bytes = [0; 48];
        bytes[..16].copy_from_slice(Uuid::from(tenant).as_bytes());
        bytes[16..].copy_from_slice(secret);
        let text = format!("{prefix}_{}", URL_SAFE_NO_PAD.encode(bytes));
        Self { tenant, text: Zeroizing::new(text) }
    }

    /// Reads a token of this prefix; None for anything else.
    pub fn parse(prefix: &str, text: &str) -> Option<Self> {
        let encoded = text.strip_prefix(prefix)?.strip_prefix('_')?;
        let bytes = URL_SAFE_NO_PAD.decode(encoded).ok().filter(|bytes| bytes.len() == 48)?;
        let tenant = Uuid::from_slice(&bytes[..16]).ok()?.into();
        Some(Self { tenant, text: Zeroizing::new(text.to_owned()) })
    }

    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    pub fn expose(&self) -> &str {
        &self.text
    }

    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.text.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_its_tenant_and_hides_itself() {
        let tenant = TenantId::from(Uuid::now_v7());
        let token = Token::generate("dyr", tenant);
        let read = Token::parse("dyr", token.expose()).unwrap();
        assert_eq!((read.tenant(), read.hash()), (tenant, token.hash()));
        assert_eq!(format!("{token:?}"), "Token(hidden)");
        assert!(Token::parse("dyk", token.expose()).is_none());
        assert!(Token::parse("dyr", "dyr_short").is_none());
    }

    #[test]
    fn a_derived_token_is_the_same_again_and_another_for_anything_else() {
        let tenant = TenantId::from(Uuid::now_v7());
        let token = Token::derive("dyi", tenant, &[7; 32], b"one");
        assert_eq!(Token::parse("dyi", token.expose()), Some(Token::derive("dyi", tenant, &[7; 32], b"one")));
        for other in [
            Token::derive("dyi", tenant, &[8; 32], b"one"),
            Token::derive("dyi", tenant, &[7; 32], b"two"),
            Token::derive("dyi", TenantId::from(Uuid::now_v7()), &[7; 32], b"one"),
        ] {
            assert!(other != token);
        }
    }

    #[test]
    fn sealed_bytes_open_under_the_same_key_and_purpose_only() {
        let key = MasterKey::new([7; 32]);
        let sealed = key.seal("a", b"secret");
        assert_eq!(key.open("a", &sealed).unwrap(), b"secret");
        assert!(key.open("b", &sealed).is_err());
        assert!(MasterKey::new([8; 32]).open("a", &sealed).is_err());
        assert!(key.open("a", &sealed[..10]).is_err());
    }
}
