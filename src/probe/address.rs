//! Name lookup and connections for `tcp` and `http` probes.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::local::patiently;
use super::ownership::{ListenerOwnership, ListenerVerdict, unseen};
use super::{ProbeStage, reason};
use crate::spec::Endpoint;
use crate::sys::Host;

/// The maximum number of addresses that are tried for a name.
const MOST: usize = 4;
/// How long an unresponsive address delays the next one.
const NEXT: Duration = Duration::from_millis(300);

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Another process listens there.
    Taken(String),
    Failed(String),
}

/// Collects refusals; a foreign listener is reported first, else the first refusal.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    first: Option<String>,
    pub(super) taken: Option<String>,
}

impl Refusals {
    pub(super) fn add(&mut self, refusal: Refusal) {
        match refusal {
            Refusal::Taken(text) => _ = self.taken.get_or_insert(text),
            Refusal::Failed(text) => _ = self.first.get_or_insert(text),
        }
    }

    pub(super) fn told(self) -> String {
        let told = self.taken.or(self.first);
        told.unwrap_or_else(|| "the name has no address".to_owned())
    }
}

/// Connects to the first address that accepts and belongs to the run. Returns a note about the
/// listener.
pub(super) async fn connect<H: Host>(
    endpoint: &Endpoint,
    own: Option<u16>,
    stage: &ProbeStage,
    ownership: ListenerOwnership<'_, H>,
) -> Result<Option<String>, String> {
    let mut refusals = Refusals::default();
    let addresses = addresses(endpoint, own, stage).await?;
    for (place, address) in addresses.iter().enumerate() {
        match connect_to(*address, place + 1 == addresses.len(), stage, ownership).await {
            // Another process has the other address of this name: clients of the name may reach it.
            Ok((_, note)) => return Ok(note.or(refusals.taken)),
            Err(error) => refusals.add(error),
        }
    }
    Err(refusals.told())
}

/// Resolves the host. `localhost` means both loopback addresses, whatever the system says.
pub(super) async fn addresses(
    endpoint: &Endpoint,
    own: Option<u16>,
    stage: &ProbeStage,
) -> Result<Vec<SocketAddr>, String> {
    let port = endpoint.port(own).ok_or("the process has no port")?;
    let at = |ip: IpAddr| SocketAddr::new(ip, port);
    if endpoint.host.eq_ignore_ascii_case("localhost") {
        return Ok(vec![at(Ipv4Addr::LOCALHOST.into()), at(Ipv6Addr::LOCALHOST.into())]);
    }
    if let Ok(ip) = endpoint.host.parse() {
        return Ok(vec![at(ip)]);
    }
    stage.reach("looking up the name");
    let host = endpoint.host.clone();
    let looked = patiently(move || {
        let found = (host.as_str(), port).to_socket_addrs()?;
        Ok(found.take(MOST).collect())
    });
    looked.await.map_err(|error: io::Error| format!("cannot look up the name: {}", reason(&error)))
}

/// Connects to one address, if it belongs to the run; briefly, unless it is the last one.
pub(super) async fn connect_to<H: Host>(
    address: SocketAddr,
    is_last: bool,
    stage: &ProbeStage,
    ownership: ListenerOwnership<'_, H>,
) -> Result<(TcpStream, Option<String>), Refusal> {
    stage.reach("checking the listener");
    // Before the connection, so that a server of another project is not disturbed.
    let standing = ownership.of_address(address).await;
    if let ListenerVerdict::Taken(text) = standing {
        return Err(Refusal::Taken(text));
    }
    stage.reach("no connection yet");
    let connecting = connection(address);
    let tried = if is_last {
        connecting.await
    } else {
        timeout(NEXT, connecting).await.unwrap_or_else(|late| Err(late.into()))
    };
    let stream = tried.map_err(|error| Refusal::Failed(reason(&error)))?;
    let note = match standing {
        ListenerVerdict::Counts(note) => note,
        ListenerVerdict::Taken(text) => return Err(Refusal::Taken(text)),
        // It may have started in between.
        ListenerVerdict::Unseen => match ownership.of_address(address).await {
            ListenerVerdict::Counts(note) => note,
            ListenerVerdict::Taken(text) => return Err(Refusal::Taken(text)),
            ListenerVerdict::Unseen => unseen(ownership.run),
        },
    };
    Ok((stream, note))
}

async fn connection(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    // A connection to an ephemeral port without a listener can connect to itself.
    if is_own(&stream)? {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok(stream)
}

/// Whether a connection is connected to itself.
pub(super) fn is_own(stream: &TcpStream) -> io::Result<bool> {
    Ok(stream.local_addr()? == stream.peer_addr()?)
}
