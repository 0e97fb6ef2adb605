use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use dyocense_domain::event::DomainEvent;
use dyocense_domain::identity::{BusinessEvent, SessionEvent};
use dyocense_domain::ids::UserId;
use dyocense_eventlog::{RecordedEvent, TenantTx};
use uuid::Uuid;

use super::queries::{ApiKey, Business, Invitation, InvitationStatus, Session, User};
use crate::projector::decode;
use crate::row::{Row, load, save};
use crate::{Projector, ProjectorError};

pub struct IdentityProjector;

enum Fact {
    Business(BusinessEvent),
    Session(SessionEvent),
}

/// The rows that a batch touches, as they are and as they become.
#[derive(Default)]
struct Rows {
    business: HashMap<<Business as Row>::Key, Business>,
    users: HashMap<<User as Row>::Key, User>,
    invitations: HashMap<<Invitation as Row>::Key, Invitation>,
    api_keys: HashMap<<ApiKey as Row>::Key, ApiKey>,
    sessions: HashMap<<Session as Row>::Key, Session>,
}

#[async_trait]
impl Projector for IdentityProjector {
    fn name(&self) -> &'static str {
        "identity"
    }

    fn version(&self) -> u32 {
        2
    }

    fn schema(&self) -> &'static str {
        include_str!("schema.sql")
    }

    fn handles(&self, event_type: &str) -> bool {
        BusinessEvent::belongs(event_type) || SessionEvent::belongs(event_type)
    }

    async fn apply(&self, tx: &mut TenantTx, events: &[&RecordedEvent]) -> Result<(), ProjectorError> {
        let mut facts = Vec::with_capacity(events.len());
        for event in events {
            facts.push(if BusinessEvent::belongs(&event.event_type) {
                Fact::Business(decode(event)?)
            } else {
                Fact::Session(decode(event)?)
            });
        }
        let mut rows = Rows::load(tx, &facts).await?;
        rows.load_of_erased(tx, &facts).await?;
        for (event, fact) in events.iter().zip(facts) {
            match fact {
                Fact::Business(fact) => rows.business(event, fact)?,
                Fact::Session(fact) => rows.session(event, fact)?,
            }
        }
        save(tx, rows.business.values()).await?;
        save(tx, rows.users.values()).await?;
        save(tx, rows.invitations.values()).await?;
        save(tx, rows.api_keys.values()).await?;
        save(tx, rows.sessions.values()).await?;
        Ok(())
    }
}

impl Rows {
    /// Loads what existing rows the facts change; rows that they create need no look.
    async fn load(tx: &mut TenantTx, facts: &[Fact]) -> Result<Self, sqlx::Error> {
        let mut business = false;
        let (mut users, mut invitations, mut api_keys, mut sessions) =
            (HashSet::new(), HashSet::new(), HashSet::new(), HashSet::new());
        for fact in facts {
            match fact {
                Fact::Business(BusinessEvent::BusinessRenamed(_)) => business = true,
                Fact::Business(BusinessEvent::RoleChanged(fact)) => {
                    users.insert((fact.user_id,));
                }
                Fact::Business(BusinessEvent::UserRemoved(fact)) => {
                    users.insert((fact.user_id,));
                }
                Fact::Business(BusinessEvent::InvitationAccepted(fact)) => {
                    invitations.insert((fact.invitation_id,));
                }
                Fact::Business(BusinessEvent::InvitationRevoked(fact)) => {
                    invitations.insert((fact.invitation_id,));
                }
                Fact::Business(BusinessEvent::InvitationMailed(fact)) => {
                    invitations.insert((fact.invitation_id,));
                }
                Fact::Business(BusinessEvent::InvitationNotMailed(fact)) => {
                    invitations.insert((fact.invitation_id,));
                }
                Fact::Business(BusinessEvent::ApiKeyRevoked(fact)) => {
                    api_keys.insert((fact.api_key_id,));
                }
                Fact::Session(SessionEvent::SessionEnded(fact)) => {
                    sessions.insert((fact.session_id,));
                }
                Fact::Business(_) | Fact::Session(_) => {}
            }
        }
        Ok(Self {
            business: load(tx, business.then_some((true,))).await?,
            users: load(tx, users).await?,
            invitations: load(tx, invitations).await?,
            api_keys: load(tx, api_keys).await?,
            sessions: load(tx, sessions).await?,
        })
    }

    /// What there is of people whom the batch erases.
    async fn load_of_erased(&mut self, tx: &mut TenantTx, facts: &[Fact]) -> Result<(), sqlx::Error> {
        let erased: Vec<UserId> = facts
            .iter()
            .filter_map(|fact| match fact {
                Fact::Business(BusinessEvent::SubjectErased(fact)) => Some(fact.user_id),
                _ => None,
            })
            .collect();
        if erased.is_empty() {
            return Ok(());
        }
        let people: Vec<Uuid> = erased.iter().map(|user| Uuid::from(*user)).collect();
        let tenant = tx.tenant().uuid();
        let invitations: Vec<Uuid> =
            sqlx::query_scalar("select invitation_id from invitations where tenant_id = $1 and user_id = any ($2)")
                .bind(tenant)
                .bind(&people)
                .fetch_all(&mut **tx)
                .await?;
        let sessions: Vec<Uuid> =
            sqlx::query_scalar("select session_id from sessions where tenant_id = $1 and user_id = any ($2)")
                .bind(tenant)
                .bind(&people)
                .fetch_all(&mut **tx)
                .await?;
        self.users.extend(load(tx, erased.into_iter().map(|user| (user,))).await?);
        self.invitations.extend(load(tx, invitations.into_iter().map(|id| (id.into(),))).await?);
        self.sessions.extend(load(tx, sessions.into_iter().map(|id| (id.into(),))).await?);
        Ok(())
    }

    fn business(&mut self, event: &RecordedEvent, fact: BusinessEvent) -> Result<(), ProjectorError> {
        let at = event.metadata.at;
        let unknown = |what: &str| ProjectorError::poison(event, format!("{what} is unknown"));
        match fact {
            BusinessEvent::BusinessRegistered(fact) => {
                let row = Business {
                    the_one: true,
                    name: fact.name,
                    time_zone: fact.time_zone,
                    currency: fact.currency,
                    registered_at: at,
                };
                self.business.insert(row.key(), row);
            }
            BusinessEvent::BusinessRenamed(fact) => {
                self.business.get_mut(&(true,)).ok_or_else(|| unknown("the business"))?.name = fact.name;
            }
            BusinessEvent::UserJoined(fact) => {
                let row = User {
                    user_id: fact.user_id,
                    email: fact.email.into_value(),
                    name: fact.name.into_value(),
                    role: fact.role,
                    joined_at: at,
                    removed_at: None,
                };
                self.users.insert(row.key(), row);
            }
            BusinessEvent::UserInvited(fact) => {
                let row = Invitation {
                    invitation_id: fact.invitation_id,
                    user_id: fact.user_id,
                    email: fact.email.into_value(),
                    role: fact.role,
                    invited_by: fact.invited_by,
                    invited_at: at,
                    expires_at: fact.expires_at,
                    status: InvitationStatus::Open,
                    settled_at: None,
                    mailed_at: None,
                    mail_problem: None,
                };
                self.invitations.insert(row.key(), row);
            }
            BusinessEvent::InvitationAccepted(fact) => {
                let row = self.invitations.get_mut(&(fact.invitation_id,)).ok_or_else(|| unknown("the invitation"))?;
                (row.status, row.settled_at) = (InvitationStatus::Accepted, Some(at));
            }
            BusinessEvent::InvitationRevoked(fact) => {
                let row = self.invitations.get_mut(&(fact.invitation_id,)).ok_or_else(|| unknown("the invitation"))?;
                (row.status, row.settled_at) = (InvitationStatus::Revoked, Some(at));
            }
            BusinessEvent::InvitationMailed(fact) => {
                let row = self.invitations.get_mut(&(fact.invitation_id,)).ok_or_else(|| unknown("the invitation"))?;
                row.mailed_at = Some(at);
            }
            BusinessEvent::InvitationNotMailed(fact) => {
                let row = self.invitations.get_mut(&(fact.invitation_id,)).ok_or_else(|| unknown("the invitation"))?;
                row.mail_problem = Some(fact.problem);
            }
            BusinessEvent::RoleChanged(fact) => {
                self.users.get_mut(&(fact.user_id,)).ok_or_else(|| unknown("the user"))?.role = fact.to;
            }
            BusinessEvent::UserRemoved(fact) => {
                self.users.get_mut(&(fact.user_id,)).ok_or_else(|| unknown("the user"))?.removed_at = Some(at);
            }
            BusinessEvent::ApiKeyCreated(fact) => {
                let row = ApiKey {
                    api_key_id: fact.api_key_id,
                    name: fact.name,
                    role: fact.role,
                    prefix: fact.prefix,
                    created_by: fact.created_by,
                    created_at: at,
                    expires_at: fact.expires_at,
                    revoked_at: None,
                    revoked_by: None,
                };
                self.api_keys.insert(row.key(), row);
            }
            BusinessEvent::ApiKeyRevoked(fact) => {
                let row = self.api_keys.get_mut(&(fact.api_key_id,)).ok_or_else(|| unknown("the API key"))?;
                (row.revoked_at, row.revoked_by) = (Some(at), Some(fact.revoked_by));
            }
            BusinessEvent::SubjectErased(fact) => {
                for user in self.users.values_mut().filter(|user| user.user_id == fact.user_id) {
                    (user.email, user.name) = (None, None);
                }
                for invitation in self.invitations.values_mut().filter(|known| known.user_id == fact.user_id) {
                    invitation.email = None;
                }
                for session in self.sessions.values_mut().filter(|session| session.user_id == fact.user_id) {
                    session.client = None;
                }
            }
            // Which password holds is the vault's affair; a request changes what is shown when it is done.
            BusinessEvent::PasswordChanged(_) | BusinessEvent::ErasureRequested(_) => {}
        }
        Ok(())
    }

    fn session(&mut self, event: &RecordedEvent, fact: SessionEvent) -> Result<(), ProjectorError> {
        match fact {
            SessionEvent::SessionStarted(fact) => {
                let row = Session {
                    session_id: fact.session_id,
                    user_id: fact.user_id,
                    client: fact.client.into_value(),
                    started_at: event.metadata.at,
                    expires_at: fact.expires_at,
                    ended_at: None,
                    end_reason: None,
                };
                self.sessions.insert(row.key(), row);
            }
            SessionEvent::SessionEnded(fact) => {
                let row = self
                    .sessions
                    .get_mut(&(fact.session_id,))
                    .ok_or_else(|| ProjectorError::poison(event, "the session is unknown"))?;
                (row.ended_at, row.end_reason) = (Some(event.metadata.at), Some(fact.reason));
            }
            // The audit feed shows it.
            SessionEvent::LoginRefused(_) => {}
        }
        Ok(())
    }
}
