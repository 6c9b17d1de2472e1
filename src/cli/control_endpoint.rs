//! Control endpoint of a running project: its servers on the control socket, on the abstract names
//! that go with the lock, and on a TCP port.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;

use super::file_maintenance::{FileMaintenance, FileMaintenanceTask};
use crate::control::{LocalControl, Server};
use crate::spec::io_error_text;
use crate::sys::{TokenFile, user};

pub(super) struct ControlEndpoint {
    servers: Vec<Server>,
    /// Serves the control socket.
    maintenance: FileMaintenanceTask,
    /// The address of the port, and the file with its token.
    port: Option<(SocketAddr, PathBuf)>,
}

impl ControlEndpoint {
    /// Serves the API, also on this address of the machine if there is one.
    pub(super) fn listen(
        mut files: FileMaintenance,
        address: Option<SocketAddr>,
        control: LocalControl,
    ) -> io::Result<Self> {
        let mut servers = Vec::new();
        for listener in files.project.lock.listeners() {
            servers.push(Server::start(listener, user(), control.clone())?);
        }
        let (mut port, mut token_file) = (None, None);
        if let Some(address) = address {
            let failed = |error: io::Error| {
                io::Error::other(format!("{address}: {}", io_error_text(&error)))
            };
            let listener = TcpListener::bind(address).map_err(failed)?;
            let address = listener.local_addr()?;
            let (file, token) = TokenFile::make(&files.project.dirs)?;
            let server = Server::start_on_port(listener, &token, control.clone());
            servers.push(server.map_err(failed)?);
            port = Some((address, file.path.clone()));
            token_file = Some(file);
        }
        let maintenance = FileMaintenanceTask::start(files, control, token_file)?;
        Ok(Self { servers, maintenance, port })
    }

    /// A notice about the port, if there is one.
    pub(super) fn port_notice(&self) -> Option<String> {
        let (address, token) = self.port.as_ref()?;
        Some(format!("listening on http://{address}; the token is in {}", token.display()))
    }

    /// Accepts no more requests, and waits until the pending responses have been sent.
    pub(super) async fn finish(self) {
        self.maintenance.finish().await;
        for server in self.servers {
            server.finish().await;
        }
    }
}
