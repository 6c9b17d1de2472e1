//! Routes for front ends: slices, searches and details.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;

use super::input::QueryInput;
use super::{RouteResult, server_sent};
use crate::control::wire::{
    DetailsQuery, OutputProgress, ProcessDetails, ProgressQuery, SearchProgress, SearchQuery,
    SeekQuery, SeekResponse, SliceQuery, SliceResponse,
};
use crate::control::{Control, ControlError, ControlResult, LocalControl};

/// Rows of the output: lines, and markers for the starts and ends of runs between them
#[utoipa::path(get, path = "/v1/slice", params(SliceQuery), responses(
    (status = 200, description = "Success", body = SliceResponse), (status = "default", description = "Error", body = ControlError)))]
pub(super) async fn slice(
    State(project): State<LocalControl>,
    QueryInput(query): QueryInput<SliceQuery>,
) -> RouteResult<SliceResponse> {
    Ok(Json(project.slice(query).await?))
}

/// The extent of the output whenever it changes, as server-sent events
#[utoipa::path(get, path = "/v1/growth", params(ProgressQuery), responses(
    (status = 200, description = "Success", content_type = "text/event-stream", body = OutputProgress),
    (status = "default", description = "Error", body = ControlError)))]
pub(super) async fn growth(
    State(project): State<LocalControl>,
    QueryInput(query): QueryInput<ProgressQuery>,
) -> ControlResult<Response> {
    Ok(server_sent::items(project.growth(query).await?))
}

/// Progress of a search in the output, as server-sent events; `over` is set when every line was searched
#[utoipa::path(get, path = "/v1/search", params(SearchQuery), responses(
    (status = 200, description = "Success", content_type = "text/event-stream", body = SearchProgress),
    (status = "default", description = "Error", body = ControlError)))]
pub(super) async fn search(
    State(project): State<LocalControl>,
    QueryInput(query): QueryInput<SearchQuery>,
) -> ControlResult<Response> {
    Ok(server_sent::items(project.search(query).await?))
}

/// The next line or start of a run in one direction
#[utoipa::path(get, path = "/v1/seek", params(SeekQuery), responses(
    (status = 200, description = "Success", body = SeekResponse), (status = "default", description = "Error", body = ControlError)))]
pub(super) async fn seek(
    State(project): State<LocalControl>,
    QueryInput(query): QueryInput<SeekQuery>,
) -> RouteResult<SeekResponse> {
    Ok(Json(project.seek(query).await?))
}

/// Details of a process
#[utoipa::path(get, path = "/v1/process/{name}", params(("name" = String, Path), DetailsQuery), responses(
    (status = 200, description = "Success", body = ProcessDetails), (status = "default", description = "Error", body = ControlError)))]
pub(super) async fn details(
    State(project): State<LocalControl>,
    Path(name): Path<String>,
    QueryInput(query): QueryInput<DetailsQuery>,
) -> RouteResult<ProcessDetails> {
    Ok(Json(project.details(&name, query).await?))
}
