//! What an interface asks for: parts of the output, searches and details.

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::{ALIVE, Answer, no_such_query, read};
use crate::control::wire::{
    AdHoc, Details, Found, Grown, Looked, Order, Outcome, SearchAsked, SeekAsked, SliceAsked,
    SliceGiven, Sought, WatchWish, Whose,
};
use crate::control::{Control, Flow, Local, Problem};

/// Some rows of the output: lines, and the starts and ends of runs between them
#[utoipa::path(get, path = "/v1/slice", params(SliceAsked), responses(
    (status = 200, body = SliceGiven), (status = "default", body = Problem)))]
pub(super) async fn slice(
    State(project): State<Local>,
    query: Result<Query<SliceAsked>, QueryRejection>,
) -> Answer<SliceGiven> {
    let Query(asked) = query.map_err(|rejection| no_such_query(&rejection))?;
    Ok(Json(project.slice(asked).await?))
}

/// Whenever there is more or less of the output, as server-sent events
#[utoipa::path(get, path = "/v1/growth", params(Whose), responses(
    (status = 200, content_type = "text/event-stream", body = Grown),
    (status = "default", body = Problem)))]
pub(super) async fn growth(
    State(project): State<Local>,
    query: Result<Query<Whose>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(whose) = query.map_err(|rejection| no_such_query(&rejection))?;
    Ok(pushed(project.growth(whose).await?))
}

/// Each piece as an event of its own, no further ahead than the connection takes it.
pub(super) fn pushed<T: Serialize + Send + 'static>(mut pieces: Flow<T>) -> Response {
    let flow = Flow::latest(|taker| async move {
        loop {
            let Some(place) = taker.place().await else { return };
            let text = tokio::select! {
                piece = tokio::time::timeout(ALIVE, pieces.next()) => match piece {
                    Ok(Some(Ok(piece))) => match serde_json::to_string(&piece) {
                        Ok(piece) => format!("data: {piece}\n\n"),
                        Err(_) => return,
                    },
                    Ok(Some(Err(_)) | None) => return,
                    Err(_) => ":\n\n".to_owned(),
                },
                () = taker.gone() => return,
            };
            place.send(Ok(text));
        }
    });
    let kind = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    (kind, Body::from_stream(flow)).into_response()
}

/// How far a search has come, as server-sent events; the last one has `over`
#[utoipa::path(get, path = "/v1/search", params(SearchAsked), responses(
    (status = 200, content_type = "text/event-stream", body = Found),
    (status = "default", body = Problem)))]
pub(super) async fn search(
    State(project): State<Local>,
    query: Result<Query<SearchAsked>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(asked) = query.map_err(|rejection| no_such_query(&rejection))?;
    Ok(pushed(project.search(asked).await?))
}

/// The next line, or start of a run, in one direction
#[utoipa::path(get, path = "/v1/seek", params(SeekAsked), responses(
    (status = 200, body = Sought), (status = "default", body = Problem)))]
pub(super) async fn seek(
    State(project): State<Local>,
    query: Result<Query<SeekAsked>, QueryRejection>,
) -> Answer<Sought> {
    let Query(asked) = query.map_err(|rejection| no_such_query(&rejection))?;
    Ok(Json(project.seek(asked).await?))
}

/// All there is to know about one process
#[utoipa::path(get, path = "/v1/process/{name}", params(("name" = String, Path), Looked), responses(
    (status = 200, body = Details), (status = "default", body = Problem)))]
pub(super) async fn details(
    State(project): State<Local>,
    Path(name): Path<String>,
    query: Result<Query<Looked>, QueryRejection>,
) -> Answer<Details> {
    let Query(looked) = query.map_err(|rejection| no_such_query(&rejection))?;
    Ok(Json(project.details(&name, looked).await?))
}

/// A line for the shell, as a process beside those of the file
#[utoipa::path(post, path = "/v1/run", request_body = AdHoc, responses(
    (status = 200, body = Outcome), (status = "default", body = Problem)))]
pub(super) async fn run(State(project): State<Local>, body: Body) -> Answer<Outcome> {
    Ok(Json(project.order(Order::Run(read(body).await?)).await?))
}

/// Whether changes of the files of these count
#[utoipa::path(post, path = "/v1/watch", request_body = WatchWish, responses(
    (status = 200, body = Outcome), (status = "default", body = Problem)))]
pub(super) async fn watch(State(project): State<Local>, body: Body) -> Answer<Outcome> {
    Ok(Json(project.order(Order::Watch(read(body).await?)).await?))
}
