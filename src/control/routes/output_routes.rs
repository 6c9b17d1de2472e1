//! Routes for interfaces: slices, searches and details.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::Response;

use super::{RouteResult, no_such_query, server_sent};
use crate::control::wire::{
    DetailsQuery, OutputProgress, ProcessDetails, ProgressQuery, SearchProgress, SearchQuery,
    SeekQuery, SeekResponse, SliceQuery, SliceResponse,
};
use crate::control::{Control, ControlError, LocalControl};

/// Some rows of the output: lines, and the starts and ends of runs between them
#[utoipa::path(get, path = "/v1/slice", params(SliceQuery), responses(
    (status = 200, description = "Success", body = SliceResponse), (status = "default", description = "Error", body = ControlError)))]
pub(super) async fn slice(
    State(project): State<LocalControl>,
    query: Result<Query<SliceQuery>, QueryRejection>,
) -> RouteResult<SliceResponse> {
    let Query(asked) = query.map_err(|rejection| no_such_query(&rejection))?;
    Ok(Json(project.slice(asked).await?))
}

/// Whenever there is more or less of the output, as server-sent events
#[utoipa::path(get, path = "/v1/growth", params(ProgressQuery), responses(
    (status = 200, description = "Success", content_type = "text/event-stream", body = OutputProgress),
    (status = "default", description = "Error", body = ControlError)))]
pub(super) async fn growth(
    State(project): State<LocalControl>,
    query: Result<Query<ProgressQuery>, QueryRejection>,
) -> Result<Response, ControlError> {
    let Query(whose) = query.map_err(|rejection| no_such_query(&rejection))?;
    Ok(server_sent::pieces(project.growth(whose).await?))
}

/// How far a search has come, as server-sent events; the last one has `over`
#[utoipa::path(get, path = "/v1/search", params(SearchQuery), responses(
    (status = 200, description = "Success", content_type = "text/event-stream", body = SearchProgress),
    (status = "default", description = "Error", body = ControlError)))]
pub(super) async fn search(
    State(project): State<LocalControl>,
    query: Result<Query<SearchQuery>, QueryRejection>,
) -> Result<Response, ControlError> {
    let Query(asked) = query.map_err(|rejection| no_such_query(&rejection))?;
    Ok(server_sent::pieces(project.search(asked).await?))
}

/// The next line, or start of a run, in one direction
#[utoipa::path(get, path = "/v1/seek", params(SeekQuery), responses(
    (status = 200, description = "Success", body = SeekResponse), (status = "default", description = "Error", body = ControlError)))]
pub(super) async fn seek(
    State(project): State<LocalControl>,
    query: Result<Query<SeekQuery>, QueryRejection>,
) -> RouteResult<SeekResponse> {
    let Query(asked) = query.map_err(|rejection| no_such_query(&rejection))?;
    Ok(Json(project.seek(asked).await?))
}

/// All there is to know about one process
#[utoipa::path(get, path = "/v1/process/{name}", params(("name" = String, Path), DetailsQuery), responses(
    (status = 200, description = "Success", body = ProcessDetails), (status = "default", description = "Error", body = ControlError)))]
pub(super) async fn details(
    State(project): State<LocalControl>,
    Path(name): Path<String>,
    query: Result<Query<DetailsQuery>, QueryRejection>,
) -> RouteResult<ProcessDetails> {
    let Query(looked) = query.map_err(|rejection| no_such_query(&rejection))?;
    Ok(Json(project.details(&name, looked).await?))
}
