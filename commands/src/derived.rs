//! Ids that follow from what they name, so that two who name the same thing meet in one stream.

use dyocense_eventlog::TenantId;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The id of a tenant's thing of a kind: SHA-256 over the kind, the tenant and the words, as a UUID of version 8.
pub fn id<'w>(kind: &str, tenant: TenantId, words: impl IntoIterator<Item = &'w [u8]>) -> Uuid {
    let mut hash = Sha256::new();
    hash.update(kind.as_bytes());
    hash.update(Uuid::from(tenant).as_bytes());
    words.into_iter().for_each(|word| hash.update(word));
    let hash: [u8; 32] = hash.finalize().into();
    let [bytes @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = hash;
    Uuid::new_v8(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stay_what_they_are_in_logs_that_exist() {
        let tenant = TenantId::from(Uuid::nil());
        let words: [&[u8]; 1] = [b"revenue"];
        assert_eq!(id("metric", tenant, words).to_string(), "3fe2e7e6-d292-8686-a7c2-c4f069e6e558");
        assert_ne!(id("metric", tenant, words), id("goal", tenant, words));
    }
}
