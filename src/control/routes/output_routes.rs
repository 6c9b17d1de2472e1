//! What an interface asks for: parts of the output, searches and details.

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::{ALIVE, RouteResult, no_such_query};
use crate::control::wire::{
    DetailsQuery, OutputProgress, ProcessDetails, ProgressQuery, SearchProgress, SearchQuery,
    SeekQuery, SeekResponse, SliceQuery, SliceResponse,
};
use crate::control::{Control, ControlError, LocalControl, ResponseStream};

/// Some rows of the output: lines, and the starts and ends of runs between them
#[utoipa::path(get, path = "/v1/slice", params(SliceQuery), responses(
    (status = 200, body = SliceResponse), (status = "default", body = ControlError)))]
pub(super) async fn slice(
    State(project): State<LocalControl>,
    query: Result<Query<SliceQuery>, QueryRejection>,
) -> RouteResult<SliceResponse> {
    let Query(asked) = query.map_err(|rejection| no_such_query(&rejection))?;
    Ok(Json(project.slice(asked).await?))
}

/// Whenever there is more or less of the output, as server-sent events
#[utoipa::path(get, path = "/v1/growth", params(ProgressQuery), responses(
    (status = 200, content_type = "text/event-stream", body = OutputProgress),
    (status = "default", body = ControlError)))]
pub(super) async fn growth(
    State(project): State<LocalControl>,
    query: Result<Query<ProgressQuery>, QueryRejection>,
) -> Result<Response, ControlError> {
    let Query(whose) = query.map_err(|rejection| no_such_query(&rejection))?;
    Ok(pushed(project.growth(whose).await?))
}

/// Each piece as an event of its own, no further ahead than the connection takes it.
pub(super) fn pushed<T: Serialize + Send + 'static>(mut pieces: ResponseStream<T>) -> Response {
    let flow = ResponseStream::latest(|sink| async move {
        loop {
            let Some(place) = sink.reserve().await else { return };
            let text = tokio::select! {
                piece = tokio::time::timeout(ALIVE, pieces.next()) => match piece {
                    Ok(Some(Ok(piece))) => match serde_json::to_string(&piece) {
                        Ok(piece) => format!("data: {piece}\n\n"),
                        Err(_) => return,
                    },
                    Ok(Some(Err(_)) | None) => return,
                    Err(_) => ":\n\n".to_owned(),
                },
                () = sink.gone() => return,
            };
            place.send(Ok(text));
        }
    });
    let kind = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    (kind, Body::from_stream(flow)).into_response()
}

/// How far a search has come, as server-sent events; the last one has `over`
#[utoipa::path(get, path = "/v1/search", params(SearchQuery), responses(
    (status = 200, content_type = "text/event-stream", body = SearchProgress),
    (status = "default", body = ControlError)))]
pub(super) async fn search(
    State(project): State<LocalControl>,
    query: Result<Query<SearchQuery>, QueryRejection>,
) -> Result<Response, ControlError> {
    let Query(asked) = query.map_err(|rejection| no_such_query(&rejection))?;
    Ok(pushed(project.search(asked).await?))
}

/// The next line, or start of a run, in one direction
#[utoipa::path(get, path = "/v1/seek", params(SeekQuery), responses(
    (status = 200, body = SeekResponse), (status = "default", body = ControlError)))]
pub(super) async fn seek(
    State(project): State<LocalControl>,
    query: Result<Query<SeekQuery>, QueryRejection>,
) -> RouteResult<SeekResponse> {
    let Query(asked) = query.map_err(|rejection| no_such_query(&rejection))?;
    Ok(Json(project.seek(asked).await?))
}

/// All there is to know about one process
#[utoipa::path(get, path = "/v1/process/{name}", params(("name" = String, Path), DetailsQuery), responses(
    (status = 200, body = ProcessDetails), (status = "default", body = ControlError)))]
pub(super) async fn details(
    State(project): State<LocalControl>,
    Path(name): Path<String>,
    query: Result<Query<DetailsQuery>, QueryRejection>,
) -> RouteResult<ProcessDetails> {
    let Query(looked) = query.map_err(|rejection| no_such_query(&rejection))?;
    Ok(Json(project.details(&name, looked).await?))
}
