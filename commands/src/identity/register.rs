use dyocense_domain::identity::{Business, BusinessCommand, IdentityRefusal, NewUser, decide};
use dyocense_domain::ids::{BUSINESS_STREAM, CredentialId, UserId};
use dyocense_domain::text::{self, TextError};
use dyocense_eventlog::{Position, TenantId};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::email_hash;
use super::passwords::{PasswordRefusal, Passwords};
use crate::caller::{Actor, Caller};
use crate::error::{CommandError, Fault};
use crate::execute::Commands;

#[derive(Debug, Clone)]
pub struct RegisterBusiness {
    pub name: String,
    pub time_zone: String,
    pub currency: String,
    pub owner_name: String,
    pub email: String,
    pub password: Zeroizing<String>,
}

#[derive(Debug, Clone)]
pub struct Registered {
    pub tenant: TenantId,
    pub user_id: UserId,
    pub position: Position,
}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RegisterRefusal {
    #[error(transparent)]
    Identity(#[from] IdentityRefusal),
    #[error(transparent)]
    Password(#[from] PasswordRefusal),
}

impl From<TextError> for RegisterRefusal {
    fn from(error: TextError) -> Self {
        Self::Identity(error.into())
    }
}

impl Commands {
    /// Registers a new business with its first owner, and the metrics that follow from its sales.
    pub async fn register_business(
        &self,
        input: RegisterBusiness,
    ) -> Result<Registered, CommandError<RegisterRefusal>> {
        let tenant = TenantId::from(Uuid::now_v7());
        let user_id = UserId::from(Uuid::now_v7());
        let credential_id = CredentialId::from(Uuid::now_v7());
        let email = text::email(&input.email).map_err(|error| CommandError::Refused(error.into()))?;
        Passwords::check_rules(&input.password, &email)?;

        let command = BusinessCommand::Register {
            name: input.name,
            time_zone: input.time_zone,
            currency: input.currency,
            owner: NewUser { user_id, email: email.clone(), name: input.owner_name, credential_id },
        };
        // Refuse before anything is stored.
        decide(&Business::default(), command.clone(), self.now())
            .map_err(|refusal| CommandError::Refused(refusal.into()))?;

        let phc = self.passwords.hash(input.password).await?;
        self.store_credential(tenant, user_id, credential_id, &phc).await?;
        self.store_login(tenant, user_id, &email).await?;

        let caller = Caller::new(tenant, Actor::System("registration"));
        let outcome = self
            .execute::<Business, _>(&caller, BUSINESS_STREAM.to_owned(), "RegisterBusiness", |business| {
                decide(business, command.clone(), self.now())
            })
            .await
            .map_err(|error| error.map_refusal(RegisterRefusal::from))?;
        let position = self.define_sales_metrics(&caller).await?;
        Ok(Registered { tenant, user_id, position: position.max(outcome.position) })
    }

    pub(crate) async fn store_credential(
        &self,
        tenant: TenantId,
        user_id: UserId,
        credential_id: CredentialId,
        phc: &str,
    ) -> Result<(), Fault> {
        let mut tx = self.vault.of(tenant).await?;
        sqlx::query("insert into vault.credentials (tenant_id, credential_id, user_id, phc) values ($1, $2, $3, $4)")
            .bind(Uuid::from(tenant))
            .bind(Uuid::from(credential_id))
            .bind(Uuid::from(user_id))
            .bind(phc)
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }

    pub(crate) async fn store_login(&self, tenant: TenantId, user_id: UserId, email: &str) -> Result<(), Fault> {
        sqlx::query(
            "insert into vault.logins (email_hash, tenant_id, user_id) values ($1, $2, $3)
             on conflict (email_hash, tenant_id) do nothing",
        )
        .bind(email_hash(&self.master_key, email).as_slice())
        .bind(Uuid::from(tenant))
        .bind(Uuid::from(user_id))
        .execute(self.vault.across_tenants())
        .await?;
        Ok(())
    }
}
