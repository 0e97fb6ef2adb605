//! One socket, from its opening to its close.

use std::collections::HashMap;

use async_graphql::parser::types::OperationType;
use axum::extract::ws::{Message, WebSocket};
use futures::future::BoxFuture;
use futures::stream::SplitStream;
use futures::{FutureExt, StreamExt};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tracing::Instrument;

use super::outbox::{Outbox, Outgoing, Writer};
use super::protocol::{self, ClientMessage, Closing};
use crate::auth::live::AccessEnd;
use crate::auth::{self, Visitor};
use crate::edge::Edge;
use crate::graphql::answer::Answer;
use crate::graphql::fault::{Code, Fault};
use crate::graphql::gateway::{Gateway, Params, is_request_error};
use crate::telemetry::OpenGauge;

/// Pings that may go unanswered.
const PINGS: u32 = 2;
/// A client's name for an operation.
const LONGEST_ID: usize = 128;

pub async fn run(edge: Edge, visitor: Visitor, socket: WebSocket) {
    let protocol_ok = socket.protocol().is_some_and(|name| name.as_bytes() == protocol::SUBPROTOCOL.as_bytes());
    let (sink, stream) = socket.split();
    let writer = Writer::start(sink, edge.settings().websocket.send_timeout);
    if !protocol_ok {
        return writer.close(Closing::subprotocol_not_acceptable()).await;
    }
    let (ended_sender, ended) = mpsc::unbounded_channel();
    let connection = Connection {
        outbox: writer.outbox.clone(),
        edge,
        visitor,
        acknowledged: false,
        access: futures::future::pending().boxed(),
        operations: HashMap::new(),
        next_run: 0,
        ended_sender,
    };
    connection.serve(stream, writer, ended).await;
}

struct Connection {
    edge: Edge,
    visitor: Visitor,
    outbox: Outbox,
    acknowledged: bool,
    /// Ends when the visitor's access does.
    access: BoxFuture<'static, AccessEnd>,
    operations: HashMap<String, Running>,
    next_run: u64,
    /// Operations tell here that they have ended.
    ended_sender: mpsc::UnboundedSender<(String, u64)>,
}

struct Running {
    /// Tells this use of the id from an earlier one.
    run: u64,
    task: AbortHandle,
    _open: OpenGauge,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Connection {
    async fn serve(
        mut self,
        mut stream: SplitStream<WebSocket>,
        mut writer: Writer,
        mut ended: mpsc::UnboundedReceiver<(String, u64)>,
    ) {
        let settings = self.edge.settings().websocket.clone();
        let stopping = self.edge.stopping().clone();
        let init_deadline = tokio::time::sleep(settings.init_timeout);
        tokio::pin!(init_deadline);
        let mut pings = tokio::time::interval_at(Instant::now() + settings.ping_interval, settings.ping_interval);
        let mut unanswered = 0;
        let closing = loop {
            tokio::select! {
                biased;
                end = &mut self.access => break access_ended(end),
                () = stopping.cancelled() => break Closing::going_away(),
                () = writer.ended() => return,
                Some((id, run)) = ended.recv() => self.forget(&id, run),
                () = &mut init_deadline, if !self.acknowledged => break Closing::init_timeout(),
                _ = pings.tick() => {
                    if unanswered >= PINGS {
                        break Closing::silent();
                    }
                    unanswered += 1;
                    self.outbox.ping();
                }
                frame = stream.next() => {
                    unanswered = 0;
                    match frame {
                        None => return,
                        Some(Err(error)) => match too_big(&error) {
                            true => break Closing::too_big(settings.max_message_bytes),
                            false => return,
                        },
                        Some(Ok(Message::Close(_))) => return,
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                        Some(Ok(Message::Binary(_))) => break Closing::bad_request("Invalid message: text is due"),
                        Some(Ok(Message::Text(text))) => {
                            if let Err(closing) = self.receive(&text).await {
                                break closing;
                            }
                        }
                    }
                }
            }
        };
        tracing::debug!(code = closing.code, reason = closing.reason, "socket closed");
        // Operations stop before the last frame: nothing follows it.
        self.operations.clear();
        writer.close(closing).await;
    }

    async fn receive(&mut self, text: &str) -> Result<(), Closing> {
        let message: ClientMessage = serde_json::from_str(text)
            .map_err(|_| Closing::bad_request("Invalid message: not of the graphql-transport-ws protocol"))?;
        match message {
            ClientMessage::ConnectionInit { payload } => self.init(payload.unwrap_or_default()).await,
            ClientMessage::Ping { payload } => self.answer(protocol::pong(payload.as_ref())),
            ClientMessage::Pong { .. } => Ok(()),
            ClientMessage::Subscribe { .. } if !self.acknowledged => Err(Closing::unauthorized()),
            ClientMessage::Subscribe { id, payload } => self.subscribe(id, payload),
            ClientMessage::Complete { id } => {
                self.operations.remove(&id);
                Ok(())
            }
        }
    }

    async fn init(&mut self, payload: serde_json::Map<String, serde_json::Value>) -> Result<(), Closing> {
        if self.acknowledged {
            return Err(Closing::too_many_inits());
        }
        if let Some(header) = protocol::token_of(&payload) {
            let token = auth::bearer(header).ok_or_else(|| Closing::forbidden("send `Bearer <token>`"))?;
            self.edge.log_in(&mut self.visitor, token).await.map_err(|fault| match fault.code {
                Code::Unauthenticated => Closing::forbidden(&fault.message),
                _ => Closing::going_away(),
            })?;
        }
        let Some(principal) = &self.visitor.principal else {
            return Err(Closing::forbidden("send {\"authorization\":\"Bearer …\"} with connection_init"));
        };
        self.access = self.edge.live().watch(principal).await;
        self.acknowledged = true;
        self.answer(protocol::connection_ack())
    }

    fn subscribe(&mut self, id: String, params: Params) -> Result<(), Closing> {
        if id.is_empty() || id.len() > LONGEST_ID {
            return Err(Closing::bad_request("Invalid message: an id has 1 to 128 bytes"));
        }
        if self.operations.contains_key(&id) {
            return Err(Closing::subscriber_exists(&id));
        }
        let most = self.edge.settings().websocket.max_operations;
        if self.operations.len() >= most {
            let fault = Fault::new(Code::LimitExceeded, format!("a socket may run {most} operations at a time"));
            return self.answer(protocol::error(&id, &[fault.into_server_error()]));
        }
        self.next_run += 1;
        let operation = Operation {
            id: id.clone(),
            run: self.next_run,
            gateway: self.edge.gateway().clone(),
            visitor: self.visitor.clone(),
            outbox: self.outbox.clone(),
            ended: self.ended_sender.clone(),
        };
        let task = tokio::spawn(operation.perform(params).in_current_span()).abort_handle();
        let open = OpenGauge::new("dyocense_socket_operations_open");
        self.operations.insert(id, Running { run: self.next_run, task, _open: open });
        Ok(())
    }

    fn forget(&mut self, id: &str, run: u64) {
        if self.operations.get(id).is_some_and(|running| running.run == run) {
            self.operations.remove(id);
        }
    }

    fn answer(&self, text: String) -> Result<(), Closing> {
        if self.outbox.answer(text) { Ok(()) } else { Err(Closing::slow_consumer(None)) }
    }
}

/// One operation of a socket, in a task of its own.
struct Operation {
    id: String,
    run: u64,
    gateway: Gateway,
    visitor: Visitor,
    outbox: Outbox,
    ended: mpsc::UnboundedSender<(String, u64)>,
}

impl Operation {
    async fn perform(self, params: Params) {
        let last = self.results(params).await;
        // The id is free before the client can know that it is.
        let _ = self.ended.send((self.id.clone(), self.run));
        self.outbox.send(Outgoing::Ended { text: last, id: self.id.clone() }).await;
    }

    /// Sends every result and answers the message that ends the operation.
    async fn results(&self, params: Params) -> String {
        let prepared = match self.gateway.prepare(&self.visitor, params) {
            Ok(prepared) => prepared,
            Err(errors) => return protocol::error(&self.id, &errors),
        };
        if prepared.kind != OperationType::Subscription {
            let response = self.gateway.execute(prepared).await;
            if is_request_error(&response) {
                return protocol::error(&self.id, &response.errors);
            }
            self.outbox.send(Outgoing::Text(protocol::next(&self.id, &Answer(&response).to_json()))).await;
            return protocol::complete(&self.id);
        }
        let mut items = self.gateway.subscribe(prepared);
        while let Some((response, cursor)) = items.next().await {
            if is_request_error(&response) {
                return protocol::error(&self.id, &response.errors);
            }
            let text = protocol::next(&self.id, &Answer(&response).to_json());
            let message = match cursor {
                Some(cursor) => Outgoing::Item { text, id: self.id.clone(), cursor },
                None => Outgoing::Text(text),
            };
            if !self.outbox.send(message).await {
                break;
            }
        }
        protocol::complete(&self.id)
    }
}

fn access_ended(end: AccessEnd) -> Closing {
    match end {
        AccessEnd::Withdrawn | AccessEnd::Expired => Closing::unauthorized(),
        AccessEnd::RoleChanged => Closing::forbidden("your role has changed; connect again"),
    }
}

fn too_big(error: &axum::Error) -> bool {
    std::iter::successors(Some(error as &(dyn std::error::Error + 'static)), |error| error.source())
        .any(|error| error.to_string().contains("too long") || error.to_string().contains("Space limit exceeded"))
}
