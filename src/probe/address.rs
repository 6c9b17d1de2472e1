//! Name lookup and connections for `tcp` and `http` probes.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::local::blocking_call;
use super::ownership::ListenerVerdict;
use super::{ProbeSession, reason};
use crate::spec::Endpoint;
use crate::sys::Host;

/// The maximum number of addresses that are tried for a name.
const MAX_ADDRESSES: usize = 4;
/// How long an unresponsive address delays the next one.
const NEXT_ADDRESS_DELAY: Duration = Duration::from_millis(300);

/// Returns why there is no connection.
#[derive(Debug)]
enum ConnectError {
    /// Another process listens there.
    Taken(String),
    Failed(String),
}

/// Connects to the addresses of an endpoint in turn, until `ask` gets an answer. Returns it with a note
/// about the listener; else the first error of `ask`, or that of a foreign listener, or of a connection.
pub(super) async fn try_addresses<H: Host, F: Future<Output = Result<String, String>>>(
    session: &ProbeSession<'_, H>,
    endpoint: &Endpoint,
    ask: impl Fn(TcpStream) -> F,
) -> Result<(String, Option<String>), String> {
    let addresses = resolve(session, endpoint).await?;
    let (mut refused, mut taken, mut failed) = (None, None, None);
    for (index, address) in addresses.iter().enumerate() {
        match connect(session, *address, index + 1 == addresses.len()).await {
            Ok((stream, note)) => match ask(stream).await {
                // Another process has the other address of this name: clients of the name may reach it.
                Ok(answer) => return Ok((answer, note.or(taken))),
                Err(error) => _ = refused.get_or_insert(error),
            },
            Err(ConnectError::Taken(error)) => _ = taken.get_or_insert(error),
            Err(ConnectError::Failed(error)) => _ = failed.get_or_insert(error),
        }
    }
    let error = refused.or(taken).or(failed);
    Err(error.unwrap_or_else(|| "the name has no address".to_owned()))
}

/// Resolves the host. `localhost` means both loopback addresses, whatever the system says.
async fn resolve<H: Host>(
    session: &ProbeSession<'_, H>,
    endpoint: &Endpoint,
) -> Result<Vec<SocketAddr>, String> {
    let port = endpoint.port(session.own_port).ok_or("the process has no port")?;
    let at = |ip: IpAddr| SocketAddr::new(ip, port);
    if endpoint.host.eq_ignore_ascii_case("localhost") {
        return Ok(vec![at(Ipv4Addr::LOCALHOST.into()), at(Ipv6Addr::LOCALHOST.into())]);
    }
    if let Ok(ip) = endpoint.host.parse() {
        return Ok(vec![at(ip)]);
    }
    session.set_stage("looking up the name");
    let host = endpoint.host.clone();
    let addresses = blocking_call(move || {
        Ok((host.as_str(), port).to_socket_addrs()?.take(MAX_ADDRESSES).collect())
    });
    addresses.await.map_err(|error| format!("cannot look up the name: {}", reason(&error)))
}

/// Connects to one address, if it belongs to the run; briefly, unless it is the last one. Also returns
/// a note about the listener.
async fn connect<H: Host>(
    session: &ProbeSession<'_, H>,
    address: SocketAddr,
    is_last: bool,
) -> Result<(TcpStream, Option<String>), ConnectError> {
    session.set_stage("checking the listener");
    // Before the connection, so that a server of another project is not disturbed.
    let mut verdict = session.verdict_on_address(address).await;
    if let ListenerVerdict::Taken(text) = verdict {
        return Err(ConnectError::Taken(text));
    }
    session.set_stage("no connection yet");
    let connecting = open_connection(address);
    let connected = if is_last {
        connecting.await
    } else {
        timeout(NEXT_ADDRESS_DELAY, connecting).await.unwrap_or_else(|late| Err(late.into()))
    };
    let stream = connected.map_err(|error| ConnectError::Failed(reason(&error)))?;
    if matches!(verdict, ListenerVerdict::Unseen) {
        // It may have started in between.
        verdict = session.verdict_on_address(address).await;
    }
    let note = verdict.into_note(session.run).map_err(ConnectError::Taken)?;
    Ok((stream, note))
}

async fn open_connection(address: SocketAddr) -> io::Result<TcpStream> {
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
