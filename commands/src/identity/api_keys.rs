use dyocense_domain::identity::{BusinessCommand, BusinessEvent, Role};
use dyocense_domain::ids::ApiKeyId;
use dyocense_eventlog::{Position, TenantId};
use jiff::Timestamp;
use uuid::Uuid;

use super::API_KEY_PREFIX;
use super::people::{PersonRefusal, person};
use crate::caller::Caller;
use crate::error::{CommandError, Fault};
use crate::execute::{Commands, Outcome};
use crate::secrets::Token;

/// A key for a machine, as made. The key itself is shown once.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    pub api_key_id: ApiKeyId,
    /// None when the answer is a replay: the key was shown the first time.
    pub key: Option<Token>,
    pub position: Position,
}

/// How much of a key people see in lists: the end, as the start names the business.
const SHOWN: usize = 6;

impl Commands {
    pub async fn create_api_key(
        &self,
        caller: &Caller,
        name: &str,
        role: Role,
        expires_at: Option<Timestamp>,
    ) -> Result<NewApiKey, CommandError<PersonRefusal>> {
        let by = person(caller)?;
        let api_key_id = ApiKeyId::from(Uuid::now_v7());
        let key = Token::generate(API_KEY_PREFIX, caller.tenant);
        let shown = &key.expose()[key.expose().len() - SHOWN..];
        let prefix = format!("{API_KEY_PREFIX}_…{shown}");
        let command = BusinessCommand::CreateApiKey { api_key_id, name: name.to_owned(), role, prefix, expires_at, by };
        let outcome = self.change_business(caller, "CreateApiKey", command).await?;
        let created = outcome.events.iter().find_map(|event| match event {
            BusinessEvent::ApiKeyCreated(created) => Some(created.api_key_id),
            _ => None,
        });
        let created = created.ok_or_else(|| Fault::internal("an API key without its event"))?;
        if outcome.replayed {
            return Ok(NewApiKey { api_key_id: created, key: None, position: outcome.position });
        }
        let mut tx = self.vault.of(caller.tenant).await?;
        sqlx::query("insert into vault.api_keys (tenant_id, key_hash, api_key_id) values ($1, $2, $3)")
            .bind(Uuid::from(caller.tenant))
            .bind(key.hash().as_slice())
            .bind(Uuid::from(api_key_id))
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(NewApiKey { api_key_id, key: Some(key), position: outcome.position })
    }

    pub async fn revoke_api_key(
        &self,
        caller: &Caller,
        api_key_id: ApiKeyId,
    ) -> Result<Outcome<BusinessEvent>, CommandError<PersonRefusal>> {
        let by = person(caller)?;
        let outcome =
            self.change_business(caller, "RevokeApiKey", BusinessCommand::RevokeApiKey { api_key_id, by }).await?;
        self.drop_keys(caller.tenant, &[api_key_id]).await?;
        Ok(outcome)
    }

    /// Forgets the hashes of revoked keys.
    pub(super) async fn drop_keys(&self, tenant: TenantId, revoked: &[ApiKeyId]) -> Result<(), Fault> {
        if revoked.is_empty() {
            return Ok(());
        }
        let ids: Vec<Uuid> = revoked.iter().copied().map(Uuid::from).collect();
        let mut tx = self.vault.of(tenant).await?;
        sqlx::query("delete from vault.api_keys where tenant_id = $1 and api_key_id = any($2)")
            .bind(Uuid::from(tenant))
            .bind(ids)
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }
}
