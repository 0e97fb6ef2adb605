//! `dyocense user`

use anyhow::Context;
use clap::Subcommand;

use super::password::read_password;
use super::tenant;
use crate::node::Node;
use crate::settings::Settings;
use crate::tenants;

/// The people of a business
#[derive(Subcommand)]
pub enum UserCommand {
    /// List the people of a business
    List {
        /// The business, by id or name
        #[arg(long)]
        tenant: String,
    },
    /// Set a new password for somebody who is locked out; it is read from standard input, and all sessions of the
    /// person end
    ResetPassword {
        /// The person's address
        email: String,
        /// The business, by id or name
        #[arg(long)]
        tenant: String,
    },
}

pub async fn run(command: UserCommand, settings: &Settings) -> anyhow::Result<()> {
    let node = Node::open(settings).await?;
    let workers = node.start_workers();
    let outcome = match command {
        UserCommand::List { tenant } => list(&node, &tenant).await,
        UserCommand::ResetPassword { email, tenant } => reset_password(&node, &email, &tenant).await,
    };
    workers.stop().await;
    node.close().await;
    outcome
}

async fn list(node: &Node, tenant: &str) -> anyhow::Result<()> {
    let tenant = tenant::find(node, tenant).await?;
    for person in tenants::people(node, tenant).await? {
        say!(
            "{}  {:<8} {}  {}{}",
            person.user_id,
            person.role,
            person.email.as_deref().unwrap_or("(erased)"),
            person.name.as_deref().unwrap_or(""),
            if person.removed_at.is_some() { "  removed" } else { "" },
        );
    }
    Ok(())
}

async fn reset_password(node: &Node, email: &str, tenant: &str) -> anyhow::Result<()> {
    let tenant = tenant::find(node, tenant).await?;
    let email = dyocense_domain::text::email(email)?;
    let people = tenants::people(node, tenant).await?;
    let person = people
        .iter()
        .find(|person| person.removed_at.is_none() && person.email.as_deref() == Some(&email))
        .with_context(|| format!("nobody with access to this business has the address {email}"))?;
    let password = read_password("New password: ")?;
    node.commands.reset_password(tenant, person.user_id, password).await?;
    say!("The password of {email} is changed.");
    Ok(())
}
