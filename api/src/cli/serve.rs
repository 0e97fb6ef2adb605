//! `dyocense serve`

use std::net::SocketAddr;

use clap::Args;

use crate::serve;
use crate::settings::Settings;

/// Run the server
///
/// Without a database URL it runs a private Postgres in its data directory and stops it at its end. Ctrl-C or SIGTERM
/// stop it: it takes no new requests, lets open ones finish, and closes sockets so that their clients connect again.
///
/// Examples:
///   dyocense serve --demo
///   DATABASE_URL=postgres://app@db/dyocense DYOCENSE_KEYS_MASTER=... dyocense serve
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct ServeArgs {
    /// Also set up the demo business: a real CD shop's ledger of 69,659 sales
    #[arg(long)]
    demo: bool,
    /// Address and port to serve on, instead of http.listen
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
}

impl ServeArgs {
    pub fn apply(&self, mut settings: Settings) -> Settings {
        if let Some(listen) = self.listen {
            settings.http.listen = listen;
        }
        settings
    }
}

pub async fn run(args: ServeArgs, settings: Settings) -> anyhow::Result<()> {
    serve::run(settings, args.demo).await
}
