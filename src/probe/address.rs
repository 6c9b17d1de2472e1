//! From a name to a connection.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::ProbeStage;
use super::local::patiently;
use super::ownership::{ListenerOwnership, ListenerVerdict, unseen};
use crate::spec::Endpoint;
use crate::sys::Host;

/// Of a name with many addresses, so many are tried.
const MOST: usize = 4;
/// An address that does not answer holds up the next one so long.
const NEXT: Duration = Duration::from_millis(300);

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Somebody else listens there.
    Taken(String),
    Failed(String),
}

/// Of what each address came to, what is told: that somebody else has it, else what was said first.
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

/// Connects to the first address that takes a connection and belongs to the run. Gives what there is
/// to say about who that is.
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
            // The other address of this name has somebody else: who asks by name may get that.
            Ok((_, note)) => return Ok(note.or(refusals.taken)),
            Err(error) => refusals.add(error),
        }
    }
    Err(refusals.told())
}

/// Where it may be. `localhost` is both of its addresses, whatever the system says.
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
    stage.reach("looking the name up");
    let host = endpoint.host.clone();
    let looked = patiently(move || {
        let found = (host.as_str(), port).to_socket_addrs()?;
        Ok(found.take(MOST).collect())
    });
    looked.await.map_err(|error: io::Error| format!("cannot look the name up: {}", reason(&error)))
}

/// A connection to one address, if it belongs to the run; unless it is the last one, not for long.
pub(super) async fn connect_to<H: Host>(
    address: SocketAddr,
    is_last: bool,
    stage: &ProbeStage,
    ownership: ListenerOwnership<'_, H>,
) -> Result<(TcpStream, Option<String>), Refusal> {
    stage.reach("looking who listens");
    // Before it is asked: a server of somebody else is not to be bothered.
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
        // It may have come in between.
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
    // A port among those for outgoing connections can be connected to itself when nobody listens.
    if is_own(&stream)? {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok(stream)
}

/// Whether both ends are the same.
pub(super) fn is_own(stream: &TcpStream) -> io::Result<bool> {
    Ok(stream.local_addr()? == stream.peer_addr()?)
}

/// What the system said, without numbers.
pub(super) fn reason(error: &io::Error) -> String {
    let kind = error.kind();
    if kind == io::ErrorKind::ConnectionRefused {
        return "connection refused".to_owned();
    }
    if kind == io::ErrorKind::TimedOut {
        return "no connection yet".to_owned();
    }
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}
