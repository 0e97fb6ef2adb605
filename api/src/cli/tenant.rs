//! `dyocense tenant`

use anyhow::{Context, bail};
use clap::Subcommand;
use dyocense_commands::identity::RegisterBusiness;
use dyocense_eventlog::TenantId;
use dyocense_projections::{analytics, identity};

use super::password::read_password;
use crate::node::Node;
use crate::settings::Settings;
use crate::tenants;

/// The businesses of this installation
#[derive(Subcommand)]
pub enum TenantCommand {
    /// List all businesses
    List,
    /// Show one business: its people and what its sales add up to
    Show {
        /// By id or name
        tenant: String,
    },
    /// Register a business with its owner; the owner's password is read from standard input
    Register {
        /// What the business is called
        name: String,
        /// The address the owner logs in with
        #[arg(long)]
        email: String,
        /// What the owner is called
        #[arg(long)]
        owner: String,
        /// The zone of its calendar (IANA)
        #[arg(long, default_value = "UTC")]
        time_zone: String,
        /// Its currency (ISO 4217)
        #[arg(long, default_value = "USD")]
        currency: String,
    },
}

pub async fn run(command: TenantCommand, settings: &Settings) -> anyhow::Result<()> {
    let node = Node::open(settings).await?;
    let workers = node.start_workers();
    let outcome = match command {
        TenantCommand::List => list(&node).await,
        TenantCommand::Show { tenant } => show(&node, &tenant).await,
        TenantCommand::Register { name, email, owner, time_zone, currency } => {
            let password = read_password("Password of the owner: ");
            match password {
                Ok(password) => {
                    let input = RegisterBusiness { name, time_zone, currency, owner_name: owner, email, password };
                    register(&node, input).await
                }
                Err(error) => Err(error),
            }
        }
    };
    workers.stop().await;
    node.close().await;
    outcome
}

async fn list(node: &Node) -> anyhow::Result<()> {
    let all = tenants::all(node).await?;
    if all.is_empty() {
        say!("There is no business yet; `dyocense tenant register` makes one, `dyocense serve --demo` a demo.");
    }
    for tenant in all {
        say!("{}  {:>9} events  {}", tenant.id, tenant.events, tenant.name.as_deref().unwrap_or("(not yet projected)"));
    }
    Ok(())
}

async fn show(node: &Node, tenant: &str) -> anyhow::Result<()> {
    let tenant = find(node, tenant).await?;
    let mut snapshot = node.projections.snapshot(tenant).await?;
    let business = identity::business(&mut snapshot).await?.context("the business is not in the read models yet")?;
    let totals = analytics::sales_totals(&mut snapshot).await?;
    say!("{}  {}", tenant, business.name);
    say!("  time zone {}, currency {}, registered {}", business.time_zone, business.currency, business.registered_at);
    say!("  {} sales, {} units, {} {}", totals.transactions, totals.units, totals.revenue, business.currency);
    for person in tenants::people(node, tenant).await? {
        let email = person.email.as_deref().unwrap_or("(erased)");
        let gone = if person.removed_at.is_some() { "  removed" } else { "" };
        say!("  {:<8} {email}{gone}", person.role);
    }
    Ok(())
}

async fn register(node: &Node, input: RegisterBusiness) -> anyhow::Result<()> {
    let registered = node.commands.register_business(input).await?;
    say!("{}", registered.tenant);
    Ok(())
}

/// A business by its id or its exact name.
pub async fn find(node: &Node, text: &str) -> anyhow::Result<TenantId> {
    let all = tenants::all(node).await?;
    let by_id = text.parse::<uuid::Uuid>().ok().map(TenantId::from);
    let mut found = all.iter().filter(|tenant| Some(tenant.id) == by_id || tenant.name.as_deref() == Some(text));
    match (found.next(), found.next()) {
        (Some(tenant), None) => Ok(tenant.id),
        (Some(_), Some(_)) => bail!("several businesses are called `{text}`; give the id (`dyocense tenant list`)"),
        _ => bail!("there is no business `{text}`; `dyocense tenant list` shows them"),
    }
}
