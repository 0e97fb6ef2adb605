//! Sealing personal data: each person's values are encrypted under a key of their own, so that destroying the key
//! erases them from the log, its replicas and its backups, while every hash stays what it was.
//!
//! XChaCha20-Poly1305 (24-byte random nonces). The tenant and the subject are authenticated with each value: a sealed
//! value copied to another person or another business does not open.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    sync::Arc,
};

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::TenantId;

const PERSONAL: &str = "$personal";
const SEALED: &str = "$sealed";
const ERASED: &str = "$erased";
const NONCE_BYTES: usize = 24;

/// A key that wraps subjects' keys. Keep it outside the database.
#[derive(Clone)]
pub struct MasterKey {
    id: String,
    key: Zeroizing<[u8; 32]>,
}

impl MasterKey {
    /// `id` is stored beside each key it wraps, so that it can be rotated.
    pub fn new(id: impl Into<String>, key: [u8; 32]) -> Self {
        Self { id: id.into(), key: Zeroizing::new(key) }
    }

    /// A key from the operating system's randomness.
    pub fn generate(id: impl Into<String>) -> Self {
        Self::new(id, rand::random())
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn bytes(&self) -> &[u8; 32] {
        &self.key
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({:?})", self.id)
    }
}

/// The master key in use and those it replaced, which still open what they wrapped.
#[derive(Clone, Debug)]
pub struct Keyring {
    current: MasterKey,
    older: Vec<MasterKey>,
}

impl Keyring {
    pub fn new(current: MasterKey, older: Vec<MasterKey>) -> Self {
        Self { current, older }
    }

    pub fn current(&self) -> &MasterKey {
        &self.current
    }

    fn find(&self, id: &str) -> Option<&MasterKey> {
        std::iter::once(&self.current).chain(&self.older).find(|key| key.id == id)
    }

    /// Makes a subject's key and wraps it: what the database keeps.
    pub(crate) fn new_subject_key(&self, tenant: TenantId, subject: &str) -> Vec<u8> {
        let key = Zeroizing::new(rand::random::<[u8; 32]>());
        encrypt(&self.current.key, &*key, tenant, subject)
    }

    pub(crate) fn unwrap(
        &self,
        master_key: &str,
        wrapped: &[u8],
        tenant: TenantId,
        subject: &str,
    ) -> Result<SubjectKey, SealError> {
        let unopened = || SealError::Unopened { subject: subject.to_owned() };
        let master = self.find(master_key).ok_or_else(|| SealError::UnknownMasterKey { id: master_key.to_owned() })?;
        let key = Zeroizing::new(decrypt(&master.key, wrapped, tenant, subject).ok_or_else(unopened)?);
        let key: [u8; 32] = key.as_slice().try_into().map_err(|_| unopened())?;
        Ok(SubjectKey(Zeroizing::new(key)))
    }
}

/// One person's key in one tenant.
pub(crate) struct SubjectKey(Zeroizing<[u8; 32]>);

/// What is wrong with a personal or sealed value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error(
        "{{\"$personal\":…}} must hold exactly a \"subject\" (1 to 200 bytes of text) and a \"value\", and no other $personal"
    )]
    Malformed,
    #[error("the key \"$sealed\" is the log's own and cannot be in a payload")]
    Reserved,
    #[error("master key {id:?} is not in the keyring")]
    UnknownMasterKey { id: String },
    #[error("a value of {subject} does not open under its key: the stored bytes or the keyring are not what they were")]
    Unopened { subject: String },
}

/// The subjects whose keys a payload needs before it can be written.
pub(crate) fn subjects_to_seal(data: &Value) -> Result<BTreeSet<String>, SealError> {
    let mut subjects = BTreeSet::new();
    collect_personal(data, &mut subjects)?;
    Ok(subjects)
}

fn collect_personal(data: &Value, subjects: &mut BTreeSet<String>) -> Result<(), SealError> {
    match data {
        Value::Array(items) => items.iter().try_for_each(|item| collect_personal(item, subjects)),
        Value::Object(members) => {
            if members.contains_key(SEALED) {
                return Err(SealError::Reserved);
            }
            let Some(personal) = members.get(PERSONAL) else {
                return members.values().try_for_each(|member| collect_personal(member, subjects));
            };
            let (subject, value) = subject_and_value(personal).ok_or(SealError::Malformed)?;
            if members.len() != 1 || mentions(value) {
                return Err(SealError::Malformed);
            }
            subjects.insert(subject.to_owned());
            Ok(())
        }
        _ => Ok(()),
    }
}

fn mentions(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(mentions),
        Value::Object(members) => {
            members.contains_key(PERSONAL) || members.contains_key(SEALED) || members.values().any(mentions)
        }
        _ => false,
    }
}

fn subject_and_value(personal: &Value) -> Option<(&str, &Value)> {
    let members = personal.as_object().filter(|members| members.len() == 2)?;
    let subject = members.get("subject")?.as_str().filter(|subject| (1..=200).contains(&subject.len()))?;
    Some((subject, members.get("value")?))
}

/// Replaces every `$personal` by its `$sealed`. `keys` holds a key for each of [`subjects_to_seal`].
pub(crate) fn seal(data: &mut Value, tenant: TenantId, keys: &HashMap<String, Arc<SubjectKey>>) {
    match data {
        Value::Array(items) => items.iter_mut().for_each(|item| seal(item, tenant, keys)),
        Value::Object(members) => {
            let sealed = members.get(PERSONAL).and_then(subject_and_value).and_then(|(subject, value)| {
                let key = keys.get(subject)?;
                let bytes = encrypt(&key.0, value.to_string().as_bytes(), tenant, subject);
                let (nonce, sealed) = bytes.split_at(NONCE_BYTES);
                Some(json!({"subject": subject, "n": STANDARD_NO_PAD.encode(nonce), "c": STANDARD_NO_PAD.encode(sealed)}))
            });
            match sealed {
                Some(sealed) => *data = json!({ SEALED: sealed }),
                None => members.values_mut().for_each(|member| seal(member, tenant, keys)),
            }
        }
        _ => {}
    }
}

/// The subjects whose keys are needed to open a stored payload.
pub(crate) fn subjects_to_open(data: &Value, subjects: &mut BTreeSet<String>) {
    match data {
        Value::Array(items) => items.iter().for_each(|item| subjects_to_open(item, subjects)),
        Value::Object(members) => match members.get(SEALED).and_then(|sealed| sealed.get("subject")?.as_str()) {
            Some(subject) => {
                subjects.insert(subject.to_owned());
            }
            None => members.values().for_each(|member| subjects_to_open(member, subjects)),
        },
        _ => {}
    }
}

/// Replaces every `$sealed` by its `$personal`, or by `$erased` where the key is gone.
pub(crate) fn open(
    data: &mut Value,
    tenant: TenantId,
    keys: &HashMap<String, Option<Arc<SubjectKey>>>,
) -> Result<(), SealError> {
    match data {
        Value::Array(items) => items.iter_mut().try_for_each(|item| open(item, tenant, keys)),
        Value::Object(members) => {
            let Some(sealed) = members.get(SEALED) else {
                return members.values_mut().try_for_each(|member| open(member, tenant, keys));
            };
            let text = |name: &str| sealed.get(name).and_then(Value::as_str).unwrap_or_default();
            let subject = text("subject");
            *data = match keys.get(subject).and_then(Option::as_ref) {
                None => json!({ ERASED: {"subject": subject} }),
                Some(key) => {
                    let unopened = || SealError::Unopened { subject: subject.to_owned() };
                    let mut bytes = STANDARD_NO_PAD.decode(text("n")).map_err(|_| unopened())?;
                    bytes.extend(STANDARD_NO_PAD.decode(text("c")).map_err(|_| unopened())?);
                    let opened = Zeroizing::new(decrypt(&key.0, &bytes, tenant, subject).ok_or_else(unopened)?);
                    let value: Value = serde_json::from_slice(&opened).map_err(|_| unopened())?;
                    json!({ PERSONAL: {"subject": subject, "value": value} })
                }
            };
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Whether a stored payload may hold a sealed value: a text search, so that most payloads are never parsed.
pub(crate) fn may_be_sealed(data: &str) -> bool {
    memchr::memmem::find(data.as_bytes(), b"\"$sealed\"").is_some()
}

fn associated_data(tenant: TenantId, subject: &str) -> Vec<u8> {
    format!("{tenant}|{subject}").into_bytes()
}

fn encrypt(key: &[u8; 32], plain: &[u8], tenant: TenantId, subject: &str) -> Vec<u8> {
    let nonce: [u8; NONCE_BYTES] = rand::random();
    let aad = associated_data(tenant, subject);
    let sealed = XChaCha20Poly1305::new(key.into())
        .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: &aad })
        .expect("a payload is far shorter than the 256 GiB that the cipher can take");
    [nonce.as_slice(), &sealed].concat()
}

fn decrypt(key: &[u8; 32], bytes: &[u8], tenant: TenantId, subject: &str) -> Option<Vec<u8>> {
    let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES)?;
    let nonce: [u8; NONCE_BYTES] = nonce.try_into().ok()?;
    let aad = associated_data(tenant, subject);
    XChaCha20Poly1305::new(key.into()).decrypt(&XNonce::from(nonce), Payload { msg: sealed, aad: &aad }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(keyring: &Keyring, tenant: TenantId, subject: &str) -> Arc<SubjectKey> {
        let wrapped = keyring.new_subject_key(tenant, subject);
        Arc::new(keyring.unwrap(keyring.current().id(), &wrapped, tenant, subject).expect("unwraps"))
    }

    fn personal(subject: &str) -> Value {
        json!({"name": {"$personal": {"subject": subject, "value": {"first": "Ada"}}}, "list": [{"$personal": {"subject": subject, "value": 7}}], "plan": "free"})
    }

    #[test]
    fn opening_undoes_sealing_and_nothing_personal_is_left_between() {
        let keyring = Keyring::new(MasterKey::generate("a"), vec![]);
        let tenant = TenantId::new();
        let key = key_of(&keyring, tenant, "user-1");
        let mut data = personal("user-1");
        assert_eq!(subjects_to_seal(&data).expect("well-formed"), BTreeSet::from(["user-1".to_owned()]));
        seal(&mut data, tenant, &HashMap::from([("user-1".to_owned(), key.clone())]));
        let stored = data.to_string();
        assert!(!stored.contains("Ada") && !stored.contains("$personal") && may_be_sealed(&stored));
        open(&mut data, tenant, &HashMap::from([("user-1".to_owned(), Some(key))])).expect("opens");
        assert_eq!(data, personal("user-1"));
    }

    #[test]
    fn without_its_key_a_value_is_erased() {
        let keyring = Keyring::new(MasterKey::generate("a"), vec![]);
        let tenant = TenantId::new();
        let mut data = personal("user-1");
        seal(&mut data, tenant, &HashMap::from([("user-1".to_owned(), key_of(&keyring, tenant, "user-1"))]));
        open(&mut data, tenant, &HashMap::new()).expect("erased");
        assert_eq!(data["name"], json!({"$erased": {"subject": "user-1"}}));
        assert_eq!(data["plan"], "free");
    }

    #[test]
    fn a_sealed_value_opens_for_no_other_tenant() {
        let keyring = Keyring::new(MasterKey::generate("a"), vec![]);
        let tenant = TenantId::new();
        let key = key_of(&keyring, tenant, "user-1");
        let mut data = personal("user-1");
        seal(&mut data, tenant, &HashMap::from([("user-1".to_owned(), key.clone())]));
        let keys = HashMap::from([("user-1".to_owned(), Some(key))]);
        assert!(matches!(open(&mut data, TenantId::new(), &keys), Err(SealError::Unopened { .. })));
    }

    #[test]
    fn a_rotated_keyring_still_unwraps_what_the_older_key_wrapped() {
        let old = MasterKey::generate("2025");
        let tenant = TenantId::new();
        let wrapped = Keyring::new(old.clone(), vec![]).new_subject_key(tenant, "user-1");
        let rotated = Keyring::new(MasterKey::generate("2026"), vec![old]);
        assert!(rotated.unwrap("2025", &wrapped, tenant, "user-1").is_ok());
        assert!(matches!(rotated.unwrap("2024", &wrapped, tenant, "user-1"), Err(SealError::UnknownMasterKey { .. })));
    }

    #[test]
    fn malformed_and_reserved_wrappers_are_refused() {
        let malformed = [
            json!({"$personal": "Ada"}),
            json!({"$personal": {"subject": "", "value": 1}}),
            json!({"$personal": {"subject": "u", "value": 1}, "more": 1}),
            json!({"$personal": {"subject": "u", "value": {"$personal": {"subject": "u", "value": 1}}}}),
        ];
        for data in malformed {
            assert_eq!(subjects_to_seal(&data), Err(SealError::Malformed), "{data}");
        }
        assert_eq!(subjects_to_seal(&json!([{"$sealed": {}}])), Err(SealError::Reserved));
    }
}
