//! A client of the public API: GraphQL over HTTP and over `graphql-transport-ws`.

use std::fmt;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// Why a call has no data.
#[derive(Debug, Clone)]
pub enum CallError {
    /// No answer, or not one of GraphQL: whether the call took effect is unknown.
    Network(String),
    /// The answer's `errors`.
    Faults(Value),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Network(what) => write!(f, "no answer: {what}"),
            CallError::Faults(errors) => write!(f, "answered with errors: {errors}"),
        }
    }
}

impl std::error::Error for CallError {}

/// A caller of the API. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    token: Option<String>,
}

impl Client {
    /// Of the program at `url` (`http://host:port`), anonymous.
    pub fn new(url: &str) -> Client {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().expect("no setting is wrong");
        Client { http, url: format!("{url}/graphql"), token: None }
    }

    /// As whoever has `token`: an access token or an API key.
    pub fn with_token(&self, token: impl Into<String>) -> Client {
        Client { token: Some(token.into()), ..self.clone() }
    }

    /// The answer's `data`.
    pub async fn call(&self, query: &str, variables: Value) -> Result<Value, CallError> {
        let network = |error: reqwest::Error| CallError::Network(error.to_string());
        let mut request = self
            .http
            .post(&self.url)
            .header("accept", "application/graphql-response+json")
            .json(&json!({ "query": query, "variables": variables }));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let answer: Value = request.send().await.map_err(network)?.json().await.map_err(network)?;
        match answer.get("errors") {
            Some(errors) => Err(CallError::Faults(errors.clone())),
            None => Ok(answer["data"].clone()),
        }
    }

    /// The payload of the one mutation in `query`.
    ///
    /// # Panics
    /// When there is no answer, or one with errors or refusals.
    pub async fn done(&self, query: &str, variables: Value) -> Value {
        let data = self.call(query, variables).await.unwrap_or_else(|error| panic!("{query}\n{error}"));
        let payload = data.as_object().and_then(|data| data.values().next()).expect("one field was asked for").clone();
        assert_eq!(payload["userErrors"], json!([]), "{query} was refused");
        payload
    }
}

/// A registered business and those who may use it.
#[derive(Debug, Clone)]
pub struct Business {
    pub owner: Client,
    /// A machine with the role MEMBER.
    pub writer: Client,
    /// A machine with the role AUDITOR, and its key for sockets.
    pub auditor: Client,
    pub auditor_key: String,
}

impl Business {
    /// Registers a business of which nobody has heard before.
    pub async fn register(client: &Client) -> Business {
        let number = uuid::Uuid::now_v7();
        let registered = client
            .done(
                "mutation($input: RegisterBusinessInput!) {
                    registerBusiness(input: $input) { tokens { accessToken } userErrors { code message } } }",
                json!({ "input": {
                    "name": "Trial Ltd", "timeZone": "Europe/Berlin", "currency": "EUR", "ownerName": "Olive Owner",
                    "email": format!("owner-{number}@example.com"), "password": "correct horse battery staple",
                } }),
            )
            .await;
        let owner = client.with_token(registered["tokens"]["accessToken"].as_str().expect("a token"));
        let writer = client.with_token(api_key(&owner, "MEMBER").await);
        let auditor_key = api_key(&owner, "AUDITOR").await;
        let auditor = client.with_token(auditor_key.clone());
        Business { owner, writer, auditor, auditor_key }
    }
}

async fn api_key(owner: &Client, role: &str) -> String {
    let made = owner
        .done(
            "mutation($input: CreateApiKeyInput!) {
                createApiKey(input: $input) { key userErrors { code message } } }",
            json!({ "input": { "name": format!("a machine that is {role}"), "role": role } }),
        )
        .await;
    made["key"].as_str().expect("a new key is shown").to_owned()
}

/// A socket that speaks `graphql-transport-ws`.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// What a socket brings.
#[derive(Debug, Clone, PartialEq)]
pub enum Incoming {
    Next {
        id: String,
        payload: Value,
    },
    Error {
        id: String,
        errors: Value,
    },
    Complete {
        id: String,
    },
    /// The server closed the socket, or it broke.
    Closed {
        code: Option<u16>,
        reason: String,
    },
}

impl Socket {
    /// Connects to `url` (`ws://host:port/graphql`) and logs in with `token`.
    pub async fn connect(url: &str, token: &str) -> Result<Socket, CallError> {
        let network = |error: tokio_tungstenite::tungstenite::Error| CallError::Network(error.to_string());
        let mut request = url.into_client_request().map_err(network)?;
        request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("graphql-transport-ws"));
        let (stream, _) = tokio_tungstenite::connect_async(request).await.map_err(network)?;
        let mut socket = Socket { stream };
        socket
            .send(&json!({ "type": "connection_init", "payload": { "authorization": format!("Bearer {token}") } }))
            .await?;
        match socket.message().await {
            Ok(message) if message["type"] == "connection_ack" => Ok(socket),
            Ok(message) => Err(CallError::Network(format!("connection_ack was due, not {message}"))),
            Err(closed) => Err(CallError::Network(format!("{closed:?}"))),
        }
    }

    /// Begins the operation `id`.
    pub async fn subscribe(&mut self, id: &str, query: &str, variables: Value) -> Result<(), CallError> {
        let payload = json!({ "query": query, "variables": variables });
        self.send(&json!({ "type": "subscribe", "id": id, "payload": payload })).await
    }

    /// Ends the operation `id`.
    pub async fn complete(&mut self, id: &str) -> Result<(), CallError> {
        self.send(&json!({ "type": "complete", "id": id })).await
    }

    /// Waits for what comes next.
    pub async fn next(&mut self) -> Incoming {
        loop {
            let mut message = match self.message().await {
                Ok(message) => message,
                Err(closed) => return closed,
            };
            let id = message["id"].as_str().unwrap_or_default().to_owned();
            let payload = message["payload"].take();
            match message["type"].as_str() {
                Some("next") => return Incoming::Next { id, payload },
                Some("error") => return Incoming::Error { id, errors: payload },
                Some("complete") => return Incoming::Complete { id },
                _ => {}
            }
        }
    }

    async fn send(&mut self, message: &Value) -> Result<(), CallError> {
        let text = Utf8Bytes::from(message.to_string());
        self.stream.send(Message::Text(text)).await.map_err(|error| CallError::Network(error.to_string()))
    }

    /// The next JSON message. Pings of the protocol and of WebSocket are answered on the way.
    async fn message(&mut self) -> Result<Value, Incoming> {
        let closed = |code, reason: String| Incoming::Closed { code, reason };
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => {
                    let message: Value =
                        serde_json::from_str(&text).map_err(|error| closed(None, format!("not JSON: {error}")))?;
                    if message["type"] == "ping" {
                        let _ = self.send(&json!({ "type": "pong" })).await;
                        continue;
                    }
                    return Ok(message);
                }
                Some(Ok(Message::Close(frame))) => {
                    let code = frame.as_ref().map(|frame| frame.code.into());
                    let reason = frame.map(|frame| frame.reason.to_string()).unwrap_or_default();
                    return Err(closed(code, reason));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(closed(None, error.to_string())),
                None => return Err(closed(None, "the connection ended".to_owned())),
            }
        }
    }
}
