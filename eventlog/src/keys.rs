//! Where subjects' keys are kept, and how long this process remembers them.

use std::{
    collections::{BTreeSet, HashMap, hash_map::Entry},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use sqlx::PgPool;

use crate::{Keyring, SealError, TenantId, TenantTx, seal::SubjectKey};

/// How long a key is trusted without asking the database again. Erasures are also announced between processes; this
/// bounds what a lost announcement can cost.
const REMEMBERED: Duration = Duration::from_secs(30);
const MAX_REMEMBERED: usize = 50_000;

pub(crate) struct SubjectKeys {
    writer: PgPool,
    keyring: Keyring,
    remembered: Mutex<HashMap<(TenantId, String), Remembered>>,
}

struct Remembered {
    /// `None` once erased.
    key: Option<Arc<SubjectKey>>,
    since: Instant,
}

#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum KeyError {
    #[error("{subject} has been erased")]
    Erased { subject: String },
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error(transparent)]
    Database(Arc<sqlx::Error>),
}

impl From<sqlx::Error> for KeyError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(Arc::new(error))
    }
}

pub(crate) type KeysBySubject = HashMap<String, Option<Arc<SubjectKey>>>;

struct LoadedKeys {
    keys: KeysBySubject,
    /// When the database was asked.
    asked: Instant,
}

impl SubjectKeys {
    pub fn new(writer: PgPool, keyring: Keyring) -> Self {
        Self { writer, keyring, remembered: Mutex::default() }
    }

    /// The keys to seal with; made and committed here where a subject has none yet, before any event can need them.
    pub async fn to_seal(
        &self,
        tenant: TenantId,
        subjects: &BTreeSet<String>,
    ) -> Result<HashMap<String, Arc<SubjectKey>>, KeyError> {
        let (mut found, unknown) = self.recall(tenant, subjects);
        if !unknown.is_empty() {
            let mut tx = TenantTx::begin(&self.writer, tenant).await?;
            let wrapped: Vec<Vec<u8>> =
                unknown.iter().map(|subject| self.keyring.new_subject_key(tenant, subject)).collect();
            // Another process may be first: whoever's key is in the table afterwards is the key.
            sqlx::query(
                "insert into log.subject_keys (tenant_id, subject, master_key, wrapped_key)
                 select $1, k.subject, $2, k.wrapped from unnest($3::text[], $4::bytea[]) k (subject, wrapped)
                 order by k.subject on conflict do nothing",
            )
            .bind(tenant.uuid())
            .bind(self.keyring.current().id())
            .bind(&unknown)
            .bind(&wrapped)
            .execute(&mut *tx)
            .await?;
            let loaded = self.load(&mut tx, &unknown).await?;
            tx.commit().await?;
            // Only now: nothing may be sealed under a key that a rolled back transaction takes with it.
            self.remember(tenant, &loaded);
            found.extend(loaded.keys);
        }
        subjects
            .iter()
            .map(|subject| match found.remove(subject).flatten() {
                Some(key) => Ok((subject.clone(), key)),
                None => Err(KeyError::Erased { subject: subject.clone() }),
            })
            .collect()
    }

    /// The keys to open with; a subject that has been erased, or is not known, has `None`.
    pub async fn to_open(&self, tx: &mut TenantTx, subjects: &BTreeSet<String>) -> Result<KeysBySubject, KeyError> {
        let (mut found, unknown) = self.recall(tx.tenant(), subjects);
        if !unknown.is_empty() {
            let loaded = self.load(tx, &unknown).await?;
            self.remember(tx.tenant(), &loaded);
            found.extend(loaded.keys);
        }
        Ok(found)
    }

    /// Destroys a subject's key. A subject that never had one is marked too, so that none is made later.
    pub async fn erase(&self, tenant: TenantId, subject: &str) -> Result<(), sqlx::Error> {
        let mut tx = TenantTx::begin(&self.writer, tenant).await?;
        sqlx::query(
            "insert into log.subject_keys (tenant_id, subject, master_key, wrapped_key, erased_at)
             values ($1, $2, '', null, now())
             on conflict (tenant_id, subject) do update set wrapped_key = null, erased_at = now()
             where subject_keys.erased_at is null",
        )
        .bind(tenant.uuid())
        .bind(subject)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        self.forget(tenant, subject);
        Ok(())
    }

    pub fn forget(&self, tenant: TenantId, subject: &str) {
        let erased = Remembered { key: None, since: Instant::now() };
        self.memory().insert((tenant, subject.to_owned()), erased);
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, HashMap<(TenantId, String), Remembered>> {
        // A panic elsewhere cannot leave the map half-written: every use is one call.
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn recall(&self, tenant: TenantId, subjects: &BTreeSet<String>) -> (KeysBySubject, Vec<String>) {
        let memory = self.memory();
        let mut found = HashMap::new();
        let mut unknown = Vec::new();
        for subject in subjects {
            match memory.get(&(tenant, subject.clone())) {
                Some(known) if known.since.elapsed() < REMEMBERED => {
                    found.insert(subject.clone(), known.key.clone());
                }
                _ => unknown.push(subject.clone()),
            }
        }
        (found, unknown)
    }

    async fn load(&self, tx: &mut TenantTx, subjects: &[String]) -> Result<LoadedKeys, KeyError> {
        let asked = Instant::now();
        let tenant = tx.tenant();
        let rows: Vec<(String, String, Option<Vec<u8>>)> = sqlx::query_as(
            "select subject, master_key, wrapped_key from log.subject_keys where tenant_id = $1 and subject = any ($2)",
        )
        .bind(tenant.uuid())
        .bind(subjects)
        .fetch_all(&mut **tx)
        .await?;
        let mut keys = KeysBySubject::new();
        for (subject, master_key, wrapped) in rows {
            let key = match wrapped {
                Some(wrapped) => Some(Arc::new(self.keyring.unwrap(&master_key, &wrapped, tenant, &subject)?)),
                None => None,
            };
            keys.insert(subject, key);
        }
        Ok(LoadedKeys { keys, asked })
    }

    fn remember(&self, tenant: TenantId, loaded: &LoadedKeys) {
        let mut memory = self.memory();
        if memory.len() + loaded.keys.len() > MAX_REMEMBERED {
            memory.clear();
        }
        for (subject, key) in &loaded.keys {
            let entry = memory.entry((tenant, subject.clone()));
            let remembered = Remembered { key: key.clone(), since: loaded.asked };
            // What was erased since the database was asked stays forgotten.
            match entry {
                Entry::Occupied(mut known) if known.get().since <= loaded.asked => _ = known.insert(remembered),
                Entry::Occupied(_) => {}
                Entry::Vacant(unknown) => _ = unknown.insert(remembered),
            }
        }
    }
}
