//! The server: everything put together, until it is told to stop.

use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::auth::attempts::Attempts;
use crate::auth::live::LiveAccess;
use crate::graphql::gateway::Gateway;
use crate::graphql::request::Services;
use crate::graphql::schema;
use crate::http::{self, Edge, EdgeParts};
use crate::node::Node;
use crate::operations::{self, Operations, Parts};
use crate::settings::Settings;
use crate::{demo, telemetry, ws};

/// How often what the metrics hold is tidied.
const UPKEEP: Duration = Duration::from_secs(5);

/// Serves until SIGINT or SIGTERM, then lets what is open finish.
pub async fn run(settings: Settings, with_demo: bool) -> anyhow::Result<()> {
    let began = Instant::now();
    let metrics = telemetry::count()?;
    let node = Node::open(&settings).await?;
    let workers = node.start_workers();

    let listener = bind(settings.http.listen, "http.listen").await?;
    let operations_listener = match settings.operations.listen {
        Some(address) => Some(bind(address, "operations.listen").await?),
        None => None,
    };
    let bound = listener.local_addr()?;
    let operations = Operations::new(Parts {
        database: node.database.clone(),
        projections: node.projections.clone(),
        metrics: metrics.clone(),
        lag_limit: settings.operations.lag_limit,
        stopping: AtomicBool::new(false),
    });
    let stopping = CancellationToken::new();
    let edge = edge(&settings, &node, &stopping);
    let mut app = http::router(edge).merge(operations::alive());
    let mut servers = tokio::task::JoinSet::new();
    match operations_listener {
        Some(listener) => {
            let app = operations::router(operations.clone()).merge(operations::alive());
            servers.spawn(serve(listener, app, stopping.clone()));
        }
        None => app = app.merge(operations::router(operations.clone())),
    }
    servers.spawn(serve(listener, app, stopping.clone()));
    let upkeep = tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP).await;
            metrics.run_upkeep();
        }
    });

    let mut stop = Stop::listen()?;
    let url = settings.public_url(bound);
    tracing::info!(%url, elapsed = ?began.elapsed(), "ready");
    let demo_loaded = async {
        if with_demo {
            demo::ensure(&node).await.context("the demo business could not be set up")?;
        }
        anyhow::Ok(())
    };
    let loaded = tokio::select! {
        loaded = demo_loaded => loaded,
        () = stop.asked() => Ok(()),
    };
    if loaded.is_ok() && !stop.was_asked {
        greet(&url, with_demo, began.elapsed());
        stop.asked().await;
    }

    eprintln!("Stopping …");
    operations.stop();
    stopping.cancel();
    let drained = async { while servers.join_next().await.is_some() {} };
    tokio::select! {
        outcome = tokio::time::timeout(settings.http.drain, drained) => {
            if outcome.is_err() {
                tracing::warn!(limit = ?settings.http.drain, "open requests did not finish in time");
            }
        }
        // Asked twice: at once.
        () = stop.asked() => {}
    }
    servers.abort_all();
    upkeep.abort();
    workers.stop().await;
    node.close().await;
    loaded
}

/// The edge of a node: what its transports share.
pub fn edge(settings: &Settings, node: &Node, stopping: &CancellationToken) -> Edge {
    let services = Services { commands: node.commands.clone(), projections: node.projections.clone() };
    let gateway = Gateway::new(
        schema::schema(services),
        settings.graphql.clone(),
        Attempts::new(settings.auth.attempts_per_minute),
        settings.http.request_timeout,
    );
    Edge::new(EdgeParts {
        gateway,
        commands: node.commands.clone(),
        live: LiveAccess::new(node.log.clone()),
        sockets: ws::Sockets::new(settings.websocket.max_sockets),
        stopping: stopping.clone(),
        settings: settings.clone(),
    })
}

async fn bind(address: SocketAddr, setting: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("{setting}: cannot listen on {address}"))
}

async fn serve(listener: TcpListener, app: axum::Router, stopping: CancellationToken) {
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, app).with_graceful_shutdown(stopping.cancelled_owned()).await;
    if let Err(error) = served {
        tracing::error!(%error, "the server ended");
    }
}

/// The signals to stop.
struct Stop {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    was_asked: bool,
}

impl Stop {
    fn listen() -> std::io::Result<Stop> {
        let (interrupt, terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        Ok(Stop { interrupt, terminate, was_asked: false })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        self.was_asked = true;
    }
}

fn greet(url: &str, with_demo: bool, elapsed: Duration) {
    println!("\nDyocense is ready at {url}  (after {:.1} s; Ctrl-C stops it)", elapsed.as_secs_f64());
    println!("  API explorer   {url}/explorer");
    println!("  GraphQL        {url}/graphql");
    if !with_demo {
        println!("  No business yet? `dyocense serve --demo` brings one, or use the mutation registerBusiness.\n");
        return;
    }
    println!("\nDemo logins (password for all: {})", demo::PASSWORD);
    println!("  owner    {}", demo::OWNER);
    for (email, _, role) in demo::PEOPLE {
        println!("  {:<8} {email}", format!("{role:?}").to_lowercase());
    }
    println!("\nThree things to try in the explorer");
    println!("  1. As the owner: the revenue of a real CD shop by month");
    println!("     {{ metric(key: \"revenue\") {{ series(bucket: MONTH) {{ points {{ start value }} }} }} }}");
    println!("  2. Set a goal that history calls unlikely, and read why (mutation createGoal)");
    println!("  3. As the auditor: watch everything happen");
    println!("     subscription {{ tenantEvents {{ position type actor data }} }}\n");
}
