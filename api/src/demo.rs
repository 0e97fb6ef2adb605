//! The demo business: a real shop's ledger, brought in the way anyone would bring in theirs.

use std::io::Read;

use anyhow::Context;
use dyocense_commands::identity::RegisterBusiness;
use dyocense_commands::ports::ReadModels;
use dyocense_commands::{Actor, Caller, Commands};
use dyocense_domain::goals::{AimDraft, Cadence, GoalDraft, MeasureDraft, MilestoneDraft, Objective};
use dyocense_domain::identity::Role;
use dyocense_domain::ids::{MilestoneId, SessionId, UserId};
use dyocense_domain::time_zone::TimeZoneName;
use dyocense_eventlog::{Idempotency, TenantId};
use flate2::read::GzDecoder;
use jiff::ToSpan;
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::ledger::{self, Reading};
use crate::node::Node;
use crate::tenants::{self, Tenant};

const LEDGER: &[u8] = include_bytes!("../../demo/cdnow_purchases.csv.gz");
const NAME: &str = "CD Shop (demo)";
pub const PASSWORD: &str = "compact-disc-1997";
pub const OWNER: &str = "owner@demo.example";
/// Who else there is: address, name, role.
pub const PEOPLE: [(&str, &str, Role); 2] =
    [("member@demo.example", "Mel Member", Role::Member), ("auditor@demo.example", "Ada Auditor", Role::Auditor)];

/// Sets the demo business up, or whatever of it is missing.
pub async fn ensure(node: &Node) -> anyhow::Result<()> {
    let tenant = match find(node).await? {
        Some(tenant) => tenant,
        None => {
            eprintln!("Setting up the demo business …");
            register(&node.commands).await?
        }
    };
    let owner = tenants::owner(node, tenant).await?.context("the demo business has no owner")?;
    let caller = caller(tenant, owner);
    people(node, &caller).await?;
    import(node, &caller).await?;
    goal(&node.commands, &caller).await
}

async fn find(node: &Node) -> anyhow::Result<Option<TenantId>> {
    let known = tenants::all(node).await?;
    Ok(known.into_iter().find(|Tenant { name, .. }| name.as_deref() == Some(NAME)).map(|found| found.id))
}

async fn register(commands: &Commands) -> anyhow::Result<TenantId> {
    let registered = commands
        .register_business(RegisterBusiness {
            name: NAME.to_owned(),
            time_zone: "America/New_York".to_owned(),
            currency: "USD".to_owned(),
            owner_name: "Olive Owner".to_owned(),
            email: OWNER.to_owned(),
            password: Zeroizing::new(PASSWORD.to_owned()),
        })
        .await?;
    Ok(registered.tenant)
}

/// Everything in the demo is done in the owner's name.
fn caller(tenant: TenantId, owner: UserId) -> Caller {
    let session_id = SessionId::from(Uuid::now_v7());
    Caller::new(tenant, Actor::User { user_id: owner, session_id, role: Role::Owner })
}

async fn people(node: &Node, caller: &Caller) -> anyhow::Result<()> {
    let known = tenants::people(node, caller.tenant).await?;
    for (email, name, role) in PEOPLE {
        if known.iter().any(|person| person.email.as_deref() == Some(email)) {
            continue;
        }
        let invitation = node.commands.invite_user(caller, email, role).await?;
        let token = invitation.token.context("a new invitation has a token")?;
        let password = Zeroizing::new(PASSWORD.to_owned());
        node.commands.accept_invitation(token.expose(), name, password).await?;
    }
    Ok(())
}

async fn import(node: &Node, caller: &Caller) -> anyhow::Result<()> {
    let mut ledger = Vec::new();
    GzDecoder::new(LEDGER).read_to_end(&mut ledger).context("the demo's ledger is damaged")?;
    let sha256: String = Sha256::digest(&ledger).iter().map(|byte| format!("{byte:02x}")).collect();
    if node.projections.completed_import(caller.tenant, &sha256).await?.is_some() {
        return Ok(());
    }
    eprintln!("Loading the demo business's ledger …");
    let commands = &node.commands;
    let upload = ledger::upload(commands, caller, "cdnow_purchases.csv", ledger.as_slice()).await?;
    let done = ledger::import(commands, caller, upload, Reading::default(), |_| ()).await?;
    let totals = &done.totals;
    eprintln!("Loaded {} sales, {} units, USD {}.", totals.imported, totals.units, totals.amount);
    node.projections.wait_for(caller.tenant, done.position, std::time::Duration::from_secs(60)).await?;
    Ok(())
}

/// Something to record progress of.
async fn goal(commands: &Commands, caller: &Caller) -> anyhow::Result<()> {
    let today = commands.now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let draft = GoalDraft {
        title: "500 subscribers to the newsletter".to_owned(),
        description: Some("Everyone who agreed to get the monthly list of new releases.".to_owned()),
        owner: caller.actor.user_id().context("the demo's caller is a person")?,
        measure: MeasureDraft::Manual { unit: "subscribers".to_owned() },
        aim: AimDraft::Up { baseline: Some(320.into()), target: 500.into() },
        objective: Objective::KeepCustomers,
        relevance: Some("Subscribers buy again about twice as often.".to_owned()),
        start: None,
        due: today.checked_add(90.days())?,
        cadence: Cadence::Weekly,
        time_zone: TimeZoneName::parse("America/New_York")?,
    };
    let half_way = MilestoneDraft {
        milestone_id: MilestoneId::from(Uuid::now_v7()),
        title: "Half way".to_owned(),
        value: 410.into(),
        due: None,
    };
    // The key makes a second start set no second goal; its request is the goal's name, whatever the day.
    let idempotency =
        Idempotency { key: "demo goal".to_owned(), request_hash: Sha256::digest(draft.title.as_bytes()).into() };
    let caller = caller.clone().with_idempotency(Some(idempotency));
    commands.create_goal(&caller, draft, vec![half_way], None).await?;
    Ok(())
}
