//! HTTP routes of the control API.

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use utoipa::OpenApi;

use input::{BodyInput, QueryInput};

use super::frame::{FRAMES, LineFormat, NDJSON};
use super::wire::{
    CheckResponse, EventQuery, OutputItem, OutputQuery, ProjectState, ReloadRequest,
    ReloadResponse, ServerSent, ShutdownRequest, StateQuery, StateUpdate, WhyResponse,
};
use super::{
    Control, ControlError, ControlErrorKind, LocalControl, Measure, PROTOCOL, PROTOCOL_HEADER,
    VERSION_HEADER,
};

mod commands;
mod input;
mod output_routes;
mod server_sent;

pub(super) use server_sent::KEEP_ALIVE;

pub(super) fn router(project: LocalControl) -> Router {
    commands::routes()
        .route("/v1/snapshot", get(snapshot))
        .route("/v1/slice", get(output_routes::slice))
        .route("/v1/growth", get(output_routes::growth))
        .route("/v1/search", get(output_routes::search))
        .route("/v1/seek", get(output_routes::seek))
        .route("/v1/process/{name}", get(output_routes::details))
        .route("/v1/why/{name}", get(why))
        .route("/v1/events", get(events))
        .route("/v1/output", get(output))
        .route("/v1/check", get(check))
        .route("/v1/reload", post(reload))
        .route("/v1/openapi.json", get(openapi))
        .route("/v1/shutdown", post(shutdown))
        .fallback(nothing)
        .method_not_allowed_fallback(no_such_method)
        .layer(middleware::from_fn(handshake))
        .with_state(project)
}

/// Both sides say what they speak; who says nothing, such as curl, is taken at its word.
async fn handshake(request: Request, next: Next) -> Response {
    let mut response = match spoken(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(PROTOCOL_HEADER, HeaderValue::from(PROTOCOL));
    headers.insert(VERSION_HEADER, HeaderValue::from_static(env!("CARGO_PKG_VERSION")));
    response
}

fn spoken(headers: &HeaderMap) -> Result<(), ControlError> {
    let Some(theirs) = headers.get(PROTOCOL_HEADER) else { return Ok(()) };
    if theirs.to_str().ok().and_then(|text| text.parse().ok()) == Some(PROTOCOL) {
        return Ok(());
    }
    let version = headers.get(VERSION_HEADER).and_then(|text| text.to_str().ok());
    Err(ControlError::new(
        ControlErrorKind::Version,
        other_version("this pitcrew", version, "the running project"),
    ))
}

/// What the user can do about two versions.
pub(super) fn other_version(one: &str, theirs: Option<&str>, other: &str) -> String {
    let theirs = theirs.unwrap_or("unknown");
    let ours = env!("CARGO_PKG_VERSION");
    format!(
        "{one} has version {theirs} and {other} version {ours}, which do not understand each \
         other; use the same version, or start the project anew"
    )
}

impl IntoResponse for ControlError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status()).unwrap_or_default();
        (status, Json(self)).into_response()
    }
}

async fn nothing(request: Request) -> ControlError {
    let path = request.uri().path();
    ControlError::new(
        ControlErrorKind::UnknownName,
        format!("there is nothing at {path}; see /v1/openapi.json"),
    )
}

async fn no_such_method(request: Request) -> Response {
    let (method, path) = (request.method(), request.uri().path());
    let problem =
        ControlError::new(ControlErrorKind::Wrong, format!("{path} does not take {method}"));
    (StatusCode::METHOD_NOT_ALLOWED, Json(problem)).into_response()
}

type RouteResult<T> = Result<Json<T>, ControlError>;

/// How everything is; with `follow` as server-sent events, whole first and then what changes
#[utoipa::path(get, path = "/v1/snapshot", params(StateQuery), responses(
    (status = 200, description = "Success", content((ProjectState = "application/json"), (StateUpdate = "text/event-stream"))),
    (status = "default", description = "Error", body = ControlError)))]
async fn snapshot(
    State(project): State<LocalControl>,
    QueryInput(query): QueryInput<StateQuery>,
) -> Result<Response, ControlError> {
    let measure = if query.measure { Measure::Yes } else { Measure::No };
    if query.follow {
        return Ok(server_sent::pieces(project.watch(measure).await?));
    }
    Ok(Json(project.status(measure).await?).into_response())
}

/// End the project; answered when it has begun to end
#[utoipa::path(post, path = "/v1/shutdown", request_body = ShutdownRequest, responses(
    (status = 202, description = "Accepted"), (status = "default", description = "Error", body = ControlError)))]
async fn shutdown(
    State(project): State<LocalControl>,
    BodyInput(request): BodyInput<ShutdownRequest>,
) -> Result<StatusCode, ControlError> {
    project.shutdown(request).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Why a process is where it is, down to the root
#[utoipa::path(get, path = "/v1/why/{name}", params(("name" = String, Path)), responses(
    (status = 200, description = "Success", body = WhyResponse), (status = "default", description = "Error", body = ControlError)))]
async fn why(
    State(project): State<LocalControl>,
    Path(name): Path<String>,
) -> RouteResult<WhyResponse> {
    Ok(Json(project.why(&name).await?))
}

/// Events as server-sent events: `id` is the number, `data` the event; `missed` tells what is gone
#[utoipa::path(get, path = "/v1/events", params(EventQuery), responses(
    (status = 200, description = "Success", content_type = "text/event-stream", body = ServerSent),
    (status = "default", description = "Error", body = ControlError)))]
async fn events(
    State(project): State<LocalControl>,
    headers: HeaderMap,
    QueryInput(query): QueryInput<EventQuery>,
) -> Result<Response, ControlError> {
    let EventQuery { after, follow } = query;
    let seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let items = project.events(after.or(seen).unwrap_or(0), follow).await?;
    Ok(server_sent::events(items))
}

/// Lines that were printed, one JSON object a line
#[utoipa::path(get, path = "/v1/output", params(OutputQuery), responses(
    (status = 200, description = "Success", content_type = "application/x-ndjson", body = OutputItem),
    (status = "default", description = "Error", body = ControlError)))]
async fn output(
    State(project): State<LocalControl>,
    headers: HeaderMap,
    QueryInput(query): QueryInput<OutputQuery>,
) -> Result<Response, ControlError> {
    let framed = headers.get(header::ACCEPT).is_some_and(|kind| kind == FRAMES);
    let (form, kind) =
        if framed { (LineFormat::Frames, FRAMES) } else { (LineFormat::Json, NDJSON) };
    let flow = project.written(&query, form).await?;
    Ok(([(header::CONTENT_TYPE, kind)], Body::from_stream(flow)).into_response())
}

/// What is wrong with the file as it is now
#[utoipa::path(get, path = "/v1/check", responses(
    (status = 200, description = "Success", body = CheckResponse), (status = "default", description = "Error", body = ControlError)))]
async fn check(State(project): State<LocalControl>) -> RouteResult<CheckResponse> {
    Ok(Json(project.check().await?))
}

/// Read the file again and apply what is different, or tell what would be done
#[utoipa::path(post, path = "/v1/reload", request_body = ReloadRequest, responses(
    (status = 200, description = "Success", body = ReloadResponse), (status = "default", description = "Error", body = ControlError)))]
async fn reload(
    State(project): State<LocalControl>,
    BodyInput(request): BodyInput<ReloadRequest>,
) -> RouteResult<ReloadResponse> {
    Ok(Json(project.reload(request).await?))
}

#[utoipa::path(get, path = "/v1/openapi.json", responses(
    (status = 200, description = "Success", body = Object), (status = "default", description = "Error", body = ControlError)))]
async fn openapi() -> Json<utoipa::openapi::OpenApi> {
    Json(OpenApiDocument::openapi().merge_from(commands::document()))
}

/// Made from the types and the functions of this file.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "pitcrew",
        description = "A running project, looked at and steered. Over \
        the control socket of the project everything is answered; over TCP with the header \
        `Authorization: Bearer TOKEN` alone, and what is sent there has to be JSON."
    ),
    paths(
        snapshot,
        output_routes::slice,
        output_routes::growth,
        output_routes::search,
        output_routes::seek,
        output_routes::details,
        why,
        events,
        output,
        check,
        reload,
        shutdown,
        openapi
    )
)]
struct OpenApiDocument;
