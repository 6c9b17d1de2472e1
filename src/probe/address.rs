//! From a name to a connection.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Stage;
use super::local::patiently;
use crate::spec::Endpoint;

/// Of a name with many addresses, so many are tried.
const MOST: usize = 4;
/// An address that does not answer holds up the next one so long.
const NEXT: Duration = Duration::from_millis(300);

/// A connection to the first address that takes one; else what the first one said.
pub(super) async fn connect(
    endpoint: &Endpoint,
    own: Option<u16>,
    stage: &Stage,
) -> Result<TcpStream, String> {
    let mut first = None;
    let addresses = addresses(endpoint, own, stage).await?;
    for (place, address) in addresses.iter().enumerate() {
        match connect_to(*address, place + 1 == addresses.len(), stage).await {
            Ok(stream) => return Ok(stream),
            Err(error) => _ = first.get_or_insert(error),
        }
    }
    Err(first.unwrap_or_else(|| "the name has no address".to_owned()))
}

/// Where it may be. `localhost` is both of its addresses, whatever the system says.
pub(super) async fn addresses(
    endpoint: &Endpoint,
    own: Option<u16>,
    stage: &Stage,
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

/// A connection to one address; unless it is the last one, not for long.
pub(super) async fn connect_to(
    address: SocketAddr,
    is_last: bool,
    stage: &Stage,
) -> Result<TcpStream, String> {
    stage.reach("no connection yet");
    let connecting = connection(address);
    let tried = if is_last {
        connecting.await
    } else {
        timeout(NEXT, connecting).await.unwrap_or_else(|late| Err(late.into()))
    };
    tried.map_err(|error| reason(&error))
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
