//! Plans as files: `GET /runs/<id>/plan.csv`, `plan.xlsx` and `roster.ics`.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Path, Query, Request, State};
use axum::response::{IntoResponse, Response};
use dyocense_commands::optimization::{PlanAnswer, PlanRequest, family_name};
use dyocense_domain::ids::RunId;
use dyocense_domain::time_zone::TimeZoneName;
use dyocense_eventlog::TenantId;
use dyocense_optimization::business::Problem;
use dyocense_projections::{identity, runs};
use http::{StatusCode, header};
use serde::Deserialize;

use super::admission::{authorized, failed};
use crate::edge::Edge;
use crate::graphql::fault::{Code, Fault};
use crate::graphql::ids::{self, Kind};
use crate::plan_files::{self, CalendarError, Form, PlanToExport};

#[derive(Deserialize)]
pub struct PlanParams {
    /// Whose shifts; everybody's where it is left out.
    person: Option<String>,
}

/// Why there is no file, beside a fault of ours.
enum Problematic {
    NotFound(&'static str),
    Unfit(CalendarError),
    Faulty(Fault),
}

impl IntoResponse for Problematic {
    fn into_response(self) -> Response {
        let bad = |message: String| Fault::new(Code::BadRequest, message);
        match self {
            Problematic::NotFound(what) => failed(StatusCode::NOT_FOUND, bad(what.to_owned())),
            Problematic::Unfit(error @ CalendarError::NoSuchPerson { .. }) => {
                failed(StatusCode::NOT_FOUND, bad(error.to_string()))
            }
            Problematic::Unfit(error) => failed(StatusCode::CONFLICT, bad(error.to_string())),
            Problematic::Faulty(fault) => failed(super::graphql::status_of(fault.code), fault),
        }
    }
}

/// `GET /runs/<id>/<file>`.
pub async fn download(
    State(edge): State<Edge>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path((id, file)): Path<(String, String)>,
    Query(params): Query<PlanParams>,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    let visitor = match authorized(&edge, peer, &parts, "GET /runs/plan").await {
        Ok(visitor) => visitor,
        Err(response) => return *response,
    };
    let tenant = match visitor.tenant() {
        Ok(tenant) => tenant,
        Err(fault) => return failed(StatusCode::UNAUTHORIZED, fault),
    };
    match file_of(&edge, tenant, &id, &file, params.person).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn file_of(
    edge: &Edge,
    tenant: TenantId,
    id: &str,
    file: &str,
    person: Option<String>,
) -> Result<Response, Problematic> {
    let form = Form::of_path(file).ok_or(Problematic::NotFound("there is no such file of a run"))?;
    let run_id = ids::of::<RunId>(Kind::Run, &id.into()).ok_or(Problematic::NotFound("there is no such run"))?;
    let plan = plan(edge, tenant, run_id).await?;
    let first_day = plan.calendar.as_ref().map(|calendar| calendar.first_day);
    let name = form.file_name(plan.kind, first_day, plan.requested_at, plan.run_id);
    // A large workbook takes a while: off the async threads.
    let written = tokio::task::spawn_blocking(move || match form {
        Form::Csv => plan_files::csv(&plan).map_err(|error| Problematic::Faulty(Fault::internal(error))),
        Form::Xlsx => plan_files::workbook(&plan).map_err(|error| Problematic::Faulty(Fault::internal(error))),
        Form::Calendar => {
            plan_files::roster(&plan, person.as_deref()).map(String::into_bytes).map_err(Problematic::Unfit)
        }
    });
    let bytes = written.await.map_err(|error| Problematic::Faulty(Fault::internal(error)))??;
    let headers = [
        (header::CONTENT_TYPE, form.media_type().to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, bytes).into_response())
}

async fn plan(edge: &Edge, tenant: TenantId, run_id: RunId) -> Result<PlanToExport, Problematic> {
    let unavailable = |error| Problematic::Faulty(Fault::unavailable(error));
    let internal = |error| Problematic::Faulty(Fault::internal(error));
    let mut snapshot = edge.projections().snapshot(tenant).await.map_err(unavailable)?;
    let run = runs::run(&mut snapshot, run_id).await.map_err(unavailable)?;
    let business = identity::business(&mut snapshot).await.map_err(unavailable)?;
    drop(snapshot);
    let run = run.ok_or(Problematic::NotFound("there is no such run"))?;
    let no_plan = Problematic::NotFound("this run has no plan");
    let (Some(family), Some(completion), Some(finished_at)) = (family_name(run.kind), run.completion, run.finished_at)
    else {
        return Err(no_plan);
    };
    let answer: PlanAnswer = serde_json::from_value(completion.0.answer.clone()).map_err(internal)?;
    if answer.found.plan.is_none() {
        return Err(no_plan);
    }
    let request: PlanRequest = serde_json::from_value(run.request.0).map_err(internal)?;
    let solved = answer.problem.clone().unwrap_or(request.problem);
    let problem = Problem::from_json(family, solved).map_err(|error| Problematic::Faulty(Fault::internal(error)))?;
    Ok(PlanToExport {
        tenant,
        run_id: run.run_id.into(),
        kind: run.kind,
        seed: run.seed,
        requested_at: run.requested_at,
        finished_at,
        completion: completion.0,
        calendar: answer.calendar.clone().or(request.calendar),
        answer,
        problem,
        time_zone: business.map_or_else(TimeZoneName::utc, |business| business.time_zone),
    })
}
