//! Routes of terminals.

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper_util::rt::TokioIo;

use super::RouteResult;
use super::input::QueryInput;
use crate::control::connection_guard::ConnectionGuard;
use crate::control::terminal_protocol::UPGRADE;
use crate::control::wire::{ScreenQuery, ScreenResponse};
use crate::control::{Control as _, ControlError, ControlResult, LocalControl};

/// The screen of a process with a terminal, as text
#[utoipa::path(get, path = "/v1/screen/{name}", params(("name" = String, Path), ScreenQuery), responses(
    (status = 200, description = "Success", body = ScreenResponse), (status = "default", description = "Error", body = ControlError)))]
pub(super) async fn screen(
    State(project): State<LocalControl>,
    Path(name): Path<String>,
    QueryInput(query): QueryInput<ScreenQuery>,
) -> RouteResult<ScreenResponse> {
    Ok(Json(project.screen(&name, query).await?))
}

/// Attach to the terminal of a process. With `Upgrade: pitcrew-terminal` the connection carries messages in
/// both directions: the length of the rest as four bytes, little-endian; one byte for the kind, `j` for JSON
/// and `f` for a frame; the body
#[utoipa::path(get, path = "/v1/terminal/{name}", params(("name" = String, Path)), responses(
    (status = 101, description = "The connection carries messages from now on"),
    (status = "default", description = "Error", body = ControlError)))]
pub(super) async fn terminal(
    State(project): State<LocalControl>,
    Path(name): Path<String>,
    mut request: Request,
) -> ControlResult<Response> {
    let upgrade = request.headers().get(header::UPGRADE);
    if upgrade.is_none_or(|upgrade| !upgrade.as_bytes().eq_ignore_ascii_case(UPGRADE.as_bytes())) {
        let text = format!("invalid request: the header `Upgrade: {UPGRADE}` is missing");
        return Err(ControlError::invalid_request(text));
    }
    let (_, terminal) = project.find_terminal(&name).await?;
    let guard = request.extensions_mut().remove::<ConnectionGuard>();
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let connection = match upgrade.await {
            Ok(connection) => connection,
            Err(error) => return tracing::debug!(%error, "the upgrade of a connection has failed"),
        };
        tokio::select! {
            () = project.serve_viewer(terminal, TokioIo::new(connection)) => {}
            () = stopped(guard) => {}
        }
    });
    let headers = [(header::CONNECTION, "upgrade"), (header::UPGRADE, UPGRADE)];
    Ok((StatusCode::SWITCHING_PROTOCOLS, headers).into_response())
}

/// Waits until the server stops; forever without a server.
async fn stopped(guard: Option<ConnectionGuard>) {
    match guard {
        Some(mut guard) => guard.stopped().await,
        None => std::future::pending().await,
    }
}
