//! The routes of the commands: one for each variant of [`ControlCommand`].

use axum::Json;
use axum::extract::State;
use axum::routing::post;
use utoipa::OpenApi;

use super::input::BodyInput;
use super::{RouteResult, Router};
use crate::control::wire::{
    CommandResponse, ControlCommand, EnqueueRequest, KeysRequest, RunRequest, ScaleRequest,
    SendRequest, SignalRequest, StartRequest, StopRequest, WaitRequest, WatchRequest,
};
use crate::control::{Control, ControlError, LocalControl};

macro_rules! command_routes {
    ($($(#[doc = $summary:literal])* $path:literal $handler:ident: $Variant:ident($Request:ident);)*) => {
        $(
            $(#[doc = $summary])*
            #[utoipa::path(post, path = $path, request_body = $Request, responses(
                (status = 200, description = "Success", body = CommandResponse), (status = "default", description = "Error", body = ControlError)))]
            async fn $handler(
                State(project): State<LocalControl>,
                BodyInput(request): BodyInput<$Request>,
            ) -> RouteResult<CommandResponse> {
                Ok(Json(project.execute(ControlCommand::$Variant(request)).await?))
            }
        )*

        #[derive(OpenApi)]
        #[openapi(paths($($handler),*))]
        pub(super) struct CommandsDocument;

        pub(super) fn routes() -> Router<LocalControl> {
            Router::new()$(.route($path, post($handler)))*
        }

        impl ControlCommand {
            /// Returns the path of its route, to which its request is posted.
            pub(in crate::control) fn path(&self) -> &'static str {
                match self {
                    $(Self::$Variant(_) => $path,)*
                }
            }
        }
    };
}

command_routes! {
    /// Start processes and their dependencies; responds when exec has succeeded, or with `wait` when they are ready
    "/v1/start" start: Start(StartRequest);
    /// Stop processes; responds when they have ended
    "/v1/stop" stop: Stop(StopRequest);
    /// Restart processes, whatever their state
    "/v1/restart" restart: Restart(StartRequest);
    /// Kill processes and all their descendants immediately
    "/v1/kill" kill: Kill(StopRequest);
    /// Send a signal to the process groups of processes
    "/v1/signal" signal: Signal(SignalRequest);
    /// Wait until processes reach a condition; responds when all have, or the first one no longer can
    "/v1/wait" wait: Wait(WaitRequest);
    /// Change the number of replicas; responds when the new ones run and the others have ended
    "/v1/scale" scale: Scale(ScaleRequest);
    /// Add a job to a pool; responds with its name
    "/v1/enqueue" enqueue: Enqueue(EnqueueRequest);
    /// Run a shell command as an ad-hoc process
    "/v1/run" run: Run(RunRequest);
    /// Turn restarts on file changes on or off
    "/v1/watch" watch: Watch(WatchRequest);
    /// Write a line to the standard input of a process; responds when it was written
    "/v1/send" send: Send(SendRequest);
    /// Type into the terminal of a process; responds before the program has read the keys
    "/v1/keys" keys: Keys(KeysRequest);
}
