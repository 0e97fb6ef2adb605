//! A client as people write theirs: JSON over HTTP, `graphql-transport-ws` over a socket.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Longer than anything takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub struct Client {
    pub url: String,
    pub email: String,
    pub token: Option<String>,
    pub refresh_token: Option<String>,
    pub http: reqwest::Client,
}

impl Client {
    pub fn new(url: String) -> Client {
        Client { url, email: String::new(), token: None, refresh_token: None, http: reqwest::Client::new() }
    }

    pub fn keep(&mut self, tokens: &Value) {
        self.token = Some(tokens["accessToken"].as_str().expect("an access token").to_owned());
        self.refresh_token = Some(tokens["refreshToken"].as_str().expect("a refresh token").to_owned());
    }

    pub async fn log_in(&mut self) {
        let answer = self
            .ok(
                "mutation ($input: LoginInput!) { login(input: $input) {
                   role tokens { accessToken refreshToken } userErrors { code message } } }",
                json!({"input": {"email": self.email, "password": super::world::PASSWORD}}),
            )
            .await;
        self.keep(&answer["login"]["tokens"]);
    }

    /// A request to a path of the server, with the token.
    pub fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url)).timeout(PATIENCE);
        match &self.token {
            Some(token) => request.header(AUTHORIZATION, format!("Bearer {token}")),
            None => request,
        }
    }

    /// The whole answer, with status.
    pub async fn ask(&self, query: &str, variables: Value) -> (u16, Value) {
        let response = self
            .request(reqwest::Method::POST, "/graphql")
            .header(CONTENT_TYPE, "application/json")
            .header("accept", "application/graphql-response+json")
            .body(json!({"query": query, "variables": variables}).to_string())
            .send()
            .await
            .expect("an answer");
        let status = response.status().as_u16();
        let text = response.text().await.expect("a body");
        (status, serde_json::from_str(&text).unwrap_or_else(|_| panic!("not JSON: {text}")))
    }

    /// The data of an answer without errors.
    pub async fn ok(&self, query: &str, variables: Value) -> Value {
        let (_, answer) = self.ask(query, variables).await;
        assert!(answer.get("errors").is_none(), "{query}\n{answer:#}");
        answer["data"].clone()
    }

    /// The code of an answer's first error.
    pub async fn code(&self, query: &str, variables: Value) -> String {
        let (_, answer) = self.ask(query, variables).await;
        answer["errors"][0]["extensions"]["code"].as_str().unwrap_or_else(|| panic!("no error: {answer}")).to_owned()
    }

    /// `(code, field path)` of a mutation's first user error.
    pub async fn refusal(&self, mutation: &str, variables: Value) -> (String, String) {
        let data = self.ok(mutation, variables).await;
        let payload = data.as_object().and_then(|data| data.values().next()).expect("a payload");
        let error = &payload["userErrors"][0];
        assert!(!error.is_null(), "not refused: {data}");
        let field =
            error["field"].as_array().map(|path| path.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("."));
        (error["code"].as_str().unwrap_or_default().to_owned(), field.unwrap_or_default())
    }

    /// A socket that has said hello.
    pub async fn socket(&self) -> Socket {
        let mut socket = self.raw_socket().await;
        let token = self.token.clone().unwrap_or_default();
        socket.send(json!({"type": "connection_init", "payload": {"authorization": format!("Bearer {token}")}})).await;
        assert_eq!(socket.receive().await, Ok(json!({"type": "connection_ack"})));
        socket
    }

    pub async fn raw_socket(&self) -> Socket {
        let url = format!("{}/graphql", self.url.replace("http", "ws"));
        let mut request = url.into_client_request().expect("a request");
        let protocol = "graphql-transport-ws".parse().expect("a header");
        request.headers_mut().insert("sec-websocket-protocol", protocol);
        Socket(connect_async(request).await.expect("a socket").0)
    }
}

pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    pub async fn send(&mut self, message: Value) {
        self.send_text(&message.to_string()).await;
    }

    pub async fn send_text(&mut self, text: &str) {
        // A server that has closed takes no more; what it said is read by `receive`.
        let _ = self.0.send(Message::Text(text.into())).await;
    }

    pub async fn send_bytes(&mut self, bytes: Vec<u8>) {
        let _ = self.0.send(Message::Binary(bytes.into())).await;
    }

    pub async fn subscribe(&mut self, id: &str, query: &str, variables: Value) {
        self.send(json!({"id": id, "type": "subscribe", "payload": {"query": query, "variables": variables}})).await;
    }

    /// The next message, or the close code and its reason.
    pub async fn receive(&mut self) -> Result<Value, (u16, String)> {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.0.next()).await.expect("a message in time");
            match message {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).expect("JSON")),
                Some(Ok(Message::Close(Some(frame)))) => return Err((frame.code.into(), frame.reason.to_string())),
                Some(Ok(Message::Close(None))) | None => return Err((1005, String::new())),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err((1006, error.to_string())),
            }
        }
    }

    /// The data of the next item.
    pub async fn item(&mut self) -> Value {
        let message = self.receive().await.expect("an item");
        assert_eq!(message["type"], "next", "{message}");
        message["payload"]["data"].clone()
    }

    /// The close code, after whatever else comes.
    pub async fn close_code(&mut self) -> u16 {
        loop {
            if let Err((code, _)) = self.receive().await {
                return code;
            }
        }
    }
}
