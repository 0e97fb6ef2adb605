//! The server: everything put together, until it is told to stop.

use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::auth::attempts::Attempts;
use crate::auth::live::LiveAccess;
use crate::edge::{Edge, EdgeParts};
use crate::graphql::gateway::Gateway;
use crate::graphql::request::Services;
use crate::graphql::schema;
use crate::http;
use crate::node::{Node, Workers};
use crate::operations::{self, Operations, Parts};
use crate::settings::Settings;
use crate::ws::sockets::Sockets;
use crate::{demo, telemetry};

/// How often what the metrics hold is tidied.
const UPKEEP: Duration = Duration::from_secs(5);

/// Serves until SIGINT or SIGTERM, then lets what is open finish.
pub async fn run(settings: Settings, with_demo: bool) -> anyhow::Result<()> {
    let began = Instant::now();
    let mut stop = Stop::listen()?;
    let drain = settings.http.drain;
    let server = Server::start(settings).await?;
    tracing::info!(url = server.url, elapsed = ?began.elapsed(), "ready");
    let demo_loaded = async {
        if with_demo {
            demo::ensure(&server.node).await.context("the demo business could not be set up")?;
        }
        anyhow::Ok(())
    };
    let loaded = tokio::select! {
        loaded = demo_loaded => loaded,
        () = stop.asked() => Ok(()),
    };
    if loaded.is_ok() && !stop.was_asked {
        greet(&server.url, with_demo, began.elapsed());
        stop.asked().await;
    }
    eprintln!("Stopping …");
    // Asked twice: at once.
    server.stop(drain, stop.asked()).await;
    loaded
}

/// A node that serves.
pub struct Server {
    pub node: Node,
    pub address: SocketAddr,
    /// How clients reach it.
    pub url: String,
    workers: Workers,
    operations: Operations,
    stopping: CancellationToken,
    tasks: JoinSet<()>,
    upkeep: JoinHandle<()>,
}

impl Server {
    /// Opens the node and serves on `http.listen`. Once per process: metrics are counted for the process.
    pub async fn start(settings: Settings) -> anyhow::Result<Server> {
        let metrics = telemetry::count()?;
        let listener = bind(settings.http.listen, "http.listen").await?;
        let operations_listener = match settings.operations.listen {
            Some(address) => Some(bind(address, "operations.listen").await?),
            None => None,
        };
        let address = listener.local_addr()?;
        let node = Node::serving(&settings).await?;
        let workers = node.start_workers();
        let operations = Operations::new(Parts {
            database: node.database.clone(),
            projections: node.projections.clone(),
            metrics: metrics.clone(),
            lag_limit: settings.operations.lag_limit,
            stopping: AtomicBool::new(false),
        });
        let stopping = CancellationToken::new();
        let mut app = http::router(edge(&settings, &node, &stopping)).merge(operations::alive());
        let mut tasks = JoinSet::new();
        match operations_listener {
            Some(listener) => {
                let app = operations::router(operations.clone()).merge(operations::alive());
                tasks.spawn(serve(listener, app, stopping.clone()));
            }
            None => app = app.merge(operations::router(operations.clone())),
        }
        tasks.spawn(serve(listener, app, stopping.clone()));
        let upkeep = tokio::spawn(async move {
            loop {
                tokio::time::sleep(UPKEEP).await;
                metrics.run_upkeep();
            }
        });
        let url = settings.public_url(address);
        Ok(Server { node, address, url, workers, operations, stopping, tasks, upkeep })
    }

    /// Takes no new requests, closes sockets, lets open requests finish for `drain` or until `hurry`, then closes.
    pub async fn stop(mut self, drain: Duration, hurry: impl Future<Output = ()>) {
        self.operations.stop();
        self.stopping.cancel();
        let drained = async { while self.tasks.join_next().await.is_some() {} };
        tokio::select! {
            outcome = tokio::time::timeout(drain, drained) => {
                if outcome.is_err() {
                    tracing::warn!(limit = ?drain, "open requests did not finish in time");
                }
            }
            () = hurry => {}
        }
        self.tasks.abort_all();
        self.upkeep.abort();
        self.workers.stop().await;
        self.node.close().await;
    }
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
        projections: node.projections.clone(),
        live: LiveAccess::new(node.log.clone()),
        sockets: Sockets::new(settings.websocket.max_sockets),
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
        println!("  {:<8} {email}", role);
    }
    println!("\nThree things to try in the explorer");
    println!("  1. As the owner: the revenue of a real CD shop by month");
    println!("     {{ metric(key: \"revenue\") {{ series(bucket: MONTH) {{ points {{ start value }} }} }} }}");
    println!("  2. Set a goal that history calls unlikely, and read why (mutation createGoal)");
    println!("  3. As the auditor: watch everything happen");
    println!("     subscription {{ tenantEvents {{ position type actor data }} }}\n");
}
