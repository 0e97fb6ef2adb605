//! Files in and out: `POST /uploads` takes a file of any size as its raw body, and the rows of an import that were not
//! good come out as CSV to be corrected and imported again.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{ConnectInfo, Path, Query, Request, State};
use axum::response::{IntoResponse, Response};
use dyocense_commands::CommandError;
use dyocense_commands::connectors::UploadRefusal;
use dyocense_domain::ids::ImportId;
use dyocense_eventlog::TenantId;
use futures::{Stream, StreamExt, TryStreamExt};
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};

use super::admission::{authorized, failed};
use crate::auth::Visitor;
use crate::edge::Edge;
use crate::graphql::fault::{Code, Fault};
use crate::graphql::ids::{self, Kind};
use crate::graphql::refusal::{self, UserError, UserErrorCode};

/// A client that sends nothing for this long is gone.
const SILENCE: Duration = Duration::from_secs(60);
const ROWS_AT_ONCE: u32 = 1_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UploadParams {
    file_name: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Uploaded {
    upload_id: String,
    file_name: String,
    bytes: u64,
    sha256: String,
}

/// `POST /uploads?fileName=sales.csv`, the file as the body. Answers 201 with the upload's id.
pub async fn receive(
    State(edge): State<Edge>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Query(params): Query<UploadParams>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let visitor = match authorized(&edge, peer, &parts, "POST /uploads").await {
        Ok(visitor) => visitor,
        Err(response) => return *response,
    };
    let name = params.file_name.unwrap_or_else(|| "upload.csv".to_owned());
    match store(&edge, &visitor, &name, body).await {
        Ok(uploaded) => (StatusCode::CREATED, Json(uploaded)).into_response(),
        Err(Problem::Refused(error)) => {
            let status = match error.code {
                UserErrorCode::LimitReached => StatusCode::PAYLOAD_TOO_LARGE,
                UserErrorCode::NotAllowed => StatusCode::FORBIDDEN,
                _ => StatusCode::BAD_REQUEST,
            };
            failed(status, Fault::new(Code::BadRequest, error.message))
        }
        Err(Problem::Faulty(fault)) => failed(StatusCode::SERVICE_UNAVAILABLE, fault),
        Err(Problem::Broken) => {
            failed(StatusCode::BAD_REQUEST, Fault::new(Code::BadRequest, "the file ended early; send it again"))
        }
    }
}

enum Problem {
    Refused(UserError),
    Faulty(Fault),
    Broken,
}

impl From<CommandError<UploadRefusal>> for Problem {
    fn from(error: CommandError<UploadRefusal>) -> Self {
        match refusal::refused(error) {
            Ok(error) => Problem::Refused(error),
            Err(fault) => Problem::Faulty(fault),
        }
    }
}

async fn store(edge: &Edge, visitor: &Visitor, name: &str, body: Body) -> Result<Uploaded, Problem> {
    let caller = visitor.caller(None).map_err(Problem::Faulty)?;
    let mut writer = edge.commands().begin_upload(&caller, name).await?;
    let mut pieces = body.into_data_stream();
    loop {
        match tokio::time::timeout(SILENCE, pieces.next()).await {
            Ok(Some(Ok(piece))) => writer.write(&piece).await?,
            Ok(None) => break,
            Ok(Some(Err(_))) | Err(_) => return Err(Problem::Broken),
        }
    }
    let upload = writer.finish().await?;
    Ok(Uploaded {
        upload_id: Kind::Upload.id(upload.upload_id).to_string(),
        file_name: upload.file_name,
        bytes: upload.bytes,
        sha256: upload.sha256,
    })
}

/// `GET /imports/<id>/rejected.csv`: the rows that were not good, as they stood, with why.
pub async fn rejected(
    State(edge): State<Edge>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    let visitor = match authorized(&edge, peer, &parts, "GET /imports/rejected").await {
        Ok(visitor) => visitor,
        Err(response) => return *response,
    };
    let missing = "there is no such import, or its rejected rows are no longer kept (30 days)";
    let not_found = || failed(StatusCode::NOT_FOUND, Fault::new(Code::BadRequest, missing));
    let Some(import_id) = ids::of::<ImportId>(Kind::Import, &id.into()) else { return not_found() };
    let tenant = match visitor.tenant() {
        Ok(tenant) => tenant,
        Err(fault) => return failed(StatusCode::UNAUTHORIZED, fault),
    };
    match edge.commands().rejected_columns(tenant, import_id).await {
        Ok(columns) if columns.is_empty() => not_found(),
        Ok(columns) => {
            let headers = [
                (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
                (header::CONTENT_DISPOSITION, "attachment; filename=\"rejected.csv\""),
                (header::CACHE_CONTROL, "no-store"),
            ];
            (headers, Body::from_stream(rows(edge, tenant, import_id, columns))).into_response()
        }
        Err(fault) => failed(StatusCode::SERVICE_UNAVAILABLE, Fault::unavailable(fault)),
    }
}

/// The file line by line. The two columns of ours come last and are passed over when the file is imported again.
fn rows(
    edge: Edge,
    tenant: TenantId,
    import_id: ImportId,
    columns: Vec<String>,
) -> impl Stream<Item = Result<String, std::io::Error>> {
    async_stream::try_stream! {
        yield csv_line(columns.iter().map(String::as_str).chain(["rejected because", "line"]));
        let mut after = 0;
        loop {
            let page = edge
                .commands()
                .rejected_rows(tenant, import_id, after, ROWS_AT_ONCE)
                .await
                .map_err(|fault| std::io::Error::other(fault.to_string()))?;
            let Some(last) = page.last() else { break };
            after = last.line;
            let mut text = String::new();
            for row in &page {
                let line = row.line.to_string();
                // A row with too few or too many fields keeps ours in their columns.
                let fields = (0..columns.len().max(row.fields.len()))
                    .map(|column| row.fields.get(column).map_or("", String::as_str));
                text += &csv_line(fields.chain([row.reason.as_str(), line.as_str()]));
            }
            yield text;
        }
    }
    .inspect_err(|error: &std::io::Error| tracing::warn!(%error, "a download of rejected rows broke off"))
}

/// RFC 4180.
fn csv_line<'a>(fields: impl Iterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = fields
        .map(|field| match field.contains([',', '"', '\n', '\r']) {
            true => format!("\"{}\"", field.replace('"', "\"\"")),
            false => field.to_owned(),
        })
        .collect();
    quoted.join(",") + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::csv_line;

    #[test]
    fn fields_with_delimiters_are_quoted() {
        assert_eq!(csv_line(["a", "b,c", "say \"hi\"", ""].into_iter()), "a,\"b,c\",\"say \"\"hi\"\"\",\r\n");
    }
}
