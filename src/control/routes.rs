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
    CheckReport, EventQuery, OutputItem, OutputQuery, ProjectState, ReloadRequest, ReloadResponse,
    ServerSent, ShutdownRequest, StateQuery, StateUpdate, WhyResponse,
};
use super::{
    Control, ControlError, ControlErrorKind, ControlResult, LocalControl, Measure, PROTOCOL,
    PROTOCOL_HEADER, VERSION_HEADER,
};

mod commands;
mod field_names;
mod input;
mod output_routes;
mod server_sent;
mod terminal_routes;

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
        .route("/v1/screen/{name}", get(terminal_routes::screen))
        .route("/v1/terminal/{name}", get(terminal_routes::terminal))
        .route("/v1/check", get(check))
        .route("/v1/reload", post(reload))
        .route("/v1/openapi.json", get(openapi))
        .route("/v1/shutdown", post(shutdown))
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .layer(middleware::from_fn(handshake))
        .with_state(project)
}

/// Checks the protocol version of the client, and adds that of the server to the response. A client that
/// sends no version, such as curl, is accepted.
async fn handshake(request: Request, next: Next) -> Response {
    let mut response = match check_version(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(PROTOCOL_HEADER, HeaderValue::from(PROTOCOL));
    headers.insert(VERSION_HEADER, HeaderValue::from_static(env!("CARGO_PKG_VERSION")));
    response
}

fn check_version(headers: &HeaderMap) -> ControlResult<()> {
    let Some(theirs) = headers.get(PROTOCOL_HEADER) else { return Ok(()) };
    if theirs.to_str().ok().and_then(|text| text.parse().ok()) == Some(PROTOCOL) {
        return Ok(());
    }
    let version = headers.get(VERSION_HEADER).and_then(|text| text.to_str().ok());
    Err(ControlError::new(
        ControlErrorKind::Version,
        incompatible_versions("this pitcrew", version, "the running project"),
    ))
}

/// The error text for incompatible versions, with what the user can do.
pub(super) fn incompatible_versions(peer: &str, theirs: Option<&str>, own: &str) -> String {
    let theirs = theirs.unwrap_or("unknown");
    let ours = env!("CARGO_PKG_VERSION");
    format!(
        "{peer} has version {theirs} and {own} has version {ours}, which are incompatible; use the \
         same version, or restart the project"
    )
}

impl IntoResponse for ControlError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status()).unwrap_or_default();
        (status, Json(self)).into_response()
    }
}

async fn no_such_path(request: Request) -> ControlError {
    let path = request.uri().path();
    ControlError::new(
        ControlErrorKind::NotFound,
        format!("no such path {path}; see /v1/openapi.json"),
    )
}

async fn no_such_method(request: Request) -> Response {
    let (method, path) = (request.method(), request.uri().path());
    let error = ControlError::invalid_request(format!("{path} does not support {method}"));
    (StatusCode::METHOD_NOT_ALLOWED, Json(error)).into_response()
}

type RouteResult<T> = ControlResult<Json<T>>;

/// The state of the project; with `follow` as server-sent events, the complete state first, then the changes
#[utoipa::path(get, path = "/v1/snapshot", params(StateQuery), responses(
    (status = 200, description = "Success", content((ProjectState = "application/json"), (StateUpdate = "text/event-stream"))),
    (status = "default", description = "Error", body = ControlError)))]
async fn snapshot(
    State(project): State<LocalControl>,
    QueryInput(query): QueryInput<StateQuery>,
) -> ControlResult<Response> {
    let measure = if query.measure { Measure::Yes } else { Measure::No };
    if query.follow {
        return Ok(server_sent::items(project.watch(measure).await?));
    }
    Ok(Json(project.status(measure).await?).into_response())
}

/// Shut down the project; responds when the shutdown has begun
#[utoipa::path(post, path = "/v1/shutdown", request_body = ShutdownRequest, responses(
    (status = 202, description = "Accepted"), (status = "default", description = "Error", body = ControlError)))]
async fn shutdown(
    State(project): State<LocalControl>,
    BodyInput(request): BodyInput<ShutdownRequest>,
) -> ControlResult<StatusCode> {
    project.shutdown(request).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Why a process is in its state, down to the root cause
#[utoipa::path(get, path = "/v1/why/{name}", params(("name" = String, Path)), responses(
    (status = 200, description = "Success", body = WhyResponse), (status = "default", description = "Error", body = ControlError)))]
async fn why(
    State(project): State<LocalControl>,
    Path(name): Path<String>,
) -> RouteResult<WhyResponse> {
    Ok(Json(project.why(&name).await?))
}

/// Events as server-sent events: `id` is the number, `data` the event; `missed` names dropped events
#[utoipa::path(get, path = "/v1/events", params(EventQuery), responses(
    (status = 200, description = "Success", content_type = "text/event-stream", body = ServerSent),
    (status = "default", description = "Error", body = ControlError)))]
async fn events(
    State(project): State<LocalControl>,
    headers: HeaderMap,
    QueryInput(query): QueryInput<EventQuery>,
) -> ControlResult<Response> {
    let EventQuery { after, follow } = query;
    let last_seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let items = project.events(after.or(last_seen).unwrap_or(0), follow).await?;
    Ok(server_sent::events(items))
}

/// Output lines, one JSON object per line
#[utoipa::path(get, path = "/v1/output", params(OutputQuery), responses(
    (status = 200, description = "Success", content_type = "application/x-ndjson", body = OutputItem),
    (status = "default", description = "Error", body = ControlError)))]
async fn output(
    State(project): State<LocalControl>,
    headers: HeaderMap,
    QueryInput(query): QueryInput<OutputQuery>,
) -> ControlResult<Response> {
    let is_framed = headers.get(header::ACCEPT).is_some_and(|accept| accept == FRAMES);
    let (format, media_type) =
        if is_framed { (LineFormat::Frames, FRAMES) } else { (LineFormat::Json, NDJSON) };
    let chunks = project.encoded_output(&query, format).await?;
    Ok(([(header::CONTENT_TYPE, media_type)], Body::from_stream(chunks)).into_response())
}

/// Faults and warnings of the project's files as they are now
#[utoipa::path(get, path = "/v1/check", responses(
    (status = 200, description = "Success", body = CheckReport), (status = "default", description = "Error", body = ControlError)))]
async fn check(State(project): State<LocalControl>) -> RouteResult<CheckReport> {
    Ok(Json(project.check().await?))
}

/// Read the project's files again and apply the changes, or only report them
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
    Json(OpenApiDocument::openapi().merge_from(commands::CommandsDocument::openapi()))
}

/// The document of the routes in this file, in `output_routes` and in `terminal_routes`.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "pitcrew",
        description = "State and control of a running project. The control socket of the project \
        accepts every request; over TCP a request needs the header \
        `Authorization: Bearer TOKEN`, and its body must be JSON."
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
        terminal_routes::screen,
        terminal_routes::terminal,
        check,
        reload,
        shutdown,
        openapi
    )
)]
struct OpenApiDocument;
