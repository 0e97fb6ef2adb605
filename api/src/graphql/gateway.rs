//! The one way to the schema: every transport's requests are measured, authorized and run here.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_graphql::parser::types::{DocumentOperations, OperationType};
use async_graphql::parser::{self, parse_query};
use async_graphql::{Request, Response, ServerError, Variables};
use futures::StreamExt;
use futures::stream::BoxStream;
use tracing::Instrument;

use super::fault::{self, Code, Fault};
use super::limits;
use super::live::Cursor;
use super::schema::Schema;
use super::shape::Shape;
use crate::auth::Visitor;
use crate::auth::attempts::Attempts;
use crate::auth::matrix;
use crate::settings::GraphqlSettings;

/// A request as transports parse it.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Params {
    pub query: String,
    #[serde(default)]
    pub operation_name: Option<String>,
    #[serde(default)]
    pub variables: Option<serde_json::Map<String, serde_json::Value>>,
    #[serde(default)]
    pub extensions: Option<serde_json::Map<String, serde_json::Value>>,
}

/// A request that may run.
pub struct Prepared {
    pub kind: OperationType,
    pub root_fields: Vec<String>,
    request: Request,
    /// Attempts to get in that were counted, and whose.
    tries: u32,
    peer: IpAddr,
}

/// Holds the schema and what guards it. Cheap to clone.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

struct Inner {
    schema: Schema,
    shape: Shape,
    limits: GraphqlSettings,
    attempts: Attempts,
    timeout: Duration,
}

impl Gateway {
    pub fn new(schema: Schema, limits: GraphqlSettings, attempts: Attempts, timeout: Duration) -> Gateway {
        let shape = Shape::of_sdl(&schema.sdl()).expect("the schema's own SDL parses");
        Gateway(Arc::new(Inner { schema, shape, limits, attempts, timeout }))
    }

    /// The schema in the schema definition language.
    pub fn sdl(&self) -> String {
        super::schema::sdl_of(&self.0.schema)
    }

    /// Parses and measures a request, and checks that the visitor may ask for every field in it.
    pub fn prepare(&self, visitor: &Visitor, params: Params) -> Result<Prepared, Vec<ServerError>> {
        self.checked(visitor, params).map_err(|refusal| match refusal {
            Refusal::Fault(fault) => vec![fault.into_server_error()],
            Refusal::Syntax(error) => vec![syntax_error(&error)],
        })
    }

    fn checked(&self, visitor: &Visitor, params: Params) -> Result<Prepared, Refusal> {
        let Inner { shape, limits, attempts, .. } = &*self.0;
        limits::scan(&params.query)?;
        let document = parse_query(&params.query).map_err(Refusal::Syntax)?;
        let operation = match (&document.operations, &params.operation_name) {
            (DocumentOperations::Single(operation), None) => operation,
            (DocumentOperations::Multiple(operations), None) if operations.len() == 1 => {
                operations.values().next().expect("there is one")
            }
            (DocumentOperations::Multiple(operations), Some(name)) => operations
                .get(name.as_str())
                .ok_or_else(|| Fault::new(Code::Invalid, format!("the document has no operation `{name}`")))?,
            (DocumentOperations::Single(_), Some(name)) => {
                return Err(Fault::new(Code::Invalid, format!("the document has no operation `{name}`")).into());
            }
            (DocumentOperations::Multiple(_), None) => {
                return Err(Fault::new(Code::Invalid, "the document has several operations; name one").into());
            }
        };
        let kind = operation.node.ty;
        let variables = Variables::from_json(params.variables.map(Into::into).unwrap_or_default());
        let measure = limits::measure(&document, &operation.node, &variables, shape, limits)?;
        if kind == OperationType::Subscription && measure.root_fields.len() != 1 {
            return Err(Fault::new(Code::Invalid, "a subscription has exactly one field").into());
        }
        authorize(visitor, &measure, limits)?;
        let tries = measure.root_fields.iter().filter(|field| matrix::is_attempt(kind, field)).count() as u32;
        if tries > 0 && !attempts.take(visitor.peer, tries, Instant::now()) {
            return Err(Fault::new(Code::RateLimited, "too many attempts from this address; wait a minute").into());
        }
        let root_fields = measure.root_fields;
        let mut request = Request::new(params.query).variables(variables).data(visitor.clone()).data(attempts.clone());
        request.operation_name = params.operation_name;
        request.set_parsed_query(document);
        Ok(Prepared { kind, root_fields, request, tries, peer: visitor.peer })
    }

    /// Runs a query or a mutation. A mutation that has begun runs to its end, whether or not anyone waits for it.
    pub async fn execute(&self, prepared: Prepared) -> Response {
        let (schema, kind) = (self.0.schema.clone(), prepared.kind);
        let (tries, peer, fields) = (prepared.tries, prepared.peer, prepared.root_fields.len());
        let (began, names) = (Instant::now(), prepared.root_fields.join(","));
        let run = async move { schema.execute(prepared.request).await }.in_current_span();
        let mut task = AbortUnlessMutation(tokio::spawn(run), kind);
        let mut response = match tokio::time::timeout(self.0.timeout, &mut task.0).await {
            Ok(Ok(response)) => response,
            Ok(Err(failure)) => failed(Fault::internal(failure)),
            Err(_) => failed(Fault::new(
                Code::Unavailable,
                format!("the request took longer than {:?}; try again, mutations with their key", self.0.timeout),
            )),
        };
        if tries > 0 && tries as usize == fields {
            self.0.attempts.give_back(peer, unfit(&response, tries));
        }
        close(&mut response);
        let outcome = if response.errors.is_empty() { "ok" } else { "error" };
        let kind = kind.to_string();
        metrics::histogram!("dyocense_graphql_seconds", "kind" => kind.clone(), "outcome" => outcome)
            .record(began.elapsed());
        tracing::debug!(kind, names, outcome, elapsed = ?began.elapsed(), "executed");
        response
    }

    /// Runs a subscription. Each item comes with the position that resumes after it.
    pub fn subscribe(&self, prepared: Prepared) -> BoxStream<'static, (Response, Option<i64>)> {
        let cursor = Cursor::default();
        let request = prepared.request.data(cursor.clone());
        let stream = self.0.schema.execute_stream(request);
        // A panic ends the stream with an error, as it would end a query.
        let stream = AssertUnwindSafe(stream)
            .catch_unwind()
            .map(|item| item.unwrap_or_else(|_| failed(Fault::internal("a subscription panicked"))));
        stream
            .map(move |mut response| {
                close(&mut response);
                (response, cursor.get())
            })
            .boxed()
    }
}

/// Stops a query nobody waits for any more.
struct AbortUnlessMutation(tokio::task::JoinHandle<Response>, OperationType);

impl Drop for AbortUnlessMutation {
    fn drop(&mut self) {
        if self.1 != OperationType::Mutation {
            self.0.abort();
        }
    }
}

enum Refusal {
    Fault(Fault),
    Syntax(parser::Error),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Refusal::Fault(fault)
    }
}

fn authorize(visitor: &Visitor, measure: &limits::Measure, limits: &GraphqlSettings) -> Result<(), Fault> {
    let role = visitor.role();
    if measure.introspects && role.is_none() && !limits.anonymous_introspection {
        return Err(Fault::new(Code::Unauthenticated, "log in to ask for the schema"));
    }
    for (parent, field) in &measure.touched {
        if !matrix::allows(role, parent, field) {
            return Err(match role {
                None => Fault::unauthenticated(),
                Some(role) => Fault::new(
                    Code::Forbidden,
                    format!("the role {} may not use `{parent}.{field}`", matrix::role_name(role)),
                ),
            });
        }
    }
    Ok(())
}

fn syntax_error(error: &parser::Error) -> ServerError {
    let mut shown = Fault::new(Code::Syntax, "the document is not GraphQL").into_server_error();
    shown.locations = error.positions().collect();
    shown
}

fn failed(fault: Fault) -> Response {
    Response::from_errors(vec![fault.into_server_error()])
}

/// An answer whose request was refused before anything ran: it has no `data`, not even null.
pub fn is_request_error(response: &Response) -> bool {
    response.data == async_graphql::Value::Null
        && !response.errors.is_empty()
        && response.errors.iter().all(|error| error.path.is_empty())
}

/// How many of `tries` root fields never ran, because the request or their arguments do not fit the schema.
fn unfit(response: &Response, tries: u32) -> u32 {
    let ours = |error: &ServerError| Code::of(error).is_some();
    if is_request_error(response) {
        return if response.errors.iter().any(ours) { 0 } else { tries };
    }
    let of_arguments =
        |error: &&ServerError| error.path.len() == 1 && !ours(error) && fault::is_about_input(&error.message);
    response.errors.iter().filter(of_arguments).count() as u32
}

fn close(response: &mut Response) {
    let before_execution = is_request_error(response);
    for error in &mut response.errors {
        fault::close(error, before_execution);
    }
}
