//! Port conflicts: the same port for two processes is a mistake, two checks of the same port give a
//! warning.

use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;

use indexmap::IndexMap;

use super::super::fault::{Fault, SourceSpan};
use super::super::{Name, Port, Probe, ProcessSpec, Url};
use super::{Diagnostics, MergedProcess};

/// The ports of one process, one for each replica.
struct PortRange<'a> {
    name: &'a str,
    range: RangeInclusive<u16>,
    place: &'a SourceSpan,
    /// The index among the processes of the file.
    number: usize,
}

impl PortRange<'_> {
    fn label(&self) -> String {
        let (first, last) = (self.range.start(), self.range.end());
        if first == last {
            format!("`{}` has port {first}", self.name)
        } else {
            format!("`{}` has ports {first} to {last}", self.name)
        }
    }
}

/// A `ready` check of a fixed port of this machine.
struct PortCheck<'a> {
    name: &'a str,
    port: u16,
    place: &'a SourceSpan,
}

pub(super) fn check(
    members: &[MergedProcess<'_>],
    processes: &IndexMap<Name, Arc<ProcessSpec>>,
    findings: &mut Diagnostics,
) {
    let spec = |member: &MergedProcess<'_>| processes.get(member.name.as_str());
    let mut owners = Vec::new();
    for (number, member) in members.iter().enumerate() {
        let Some((spec, entry)) = spec(member).zip(member.keys.entry("port")) else { continue };
        let Some(first) = spec.port else { continue };
        let last = u32::from(first) + spec.replicas.unwrap_or(1).saturating_sub(1);
        let range = first..=u16::try_from(last).unwrap_or(u16::MAX);
        owners.push(PortRange { name: &member.name, range, place: &entry.node.place, number });
    }
    owners.sort_by_key(|owner| (*owner.range.start(), owner.number));
    same_port(&owners, &mut findings.faults);
    let mut checks: HashMap<u16, PortCheck<'_>> = HashMap::new();
    for member in members {
        let place = member.keys.table("ready").and_then(|check| {
            Some(&check.entry("tcp").or_else(|| check.entry("http"))?.node.place)
        });
        let Some((spec, place)) = spec(member).zip(place) else { continue };
        let Some(port) = checked_port(spec) else { continue };
        let check = PortCheck { name: &member.name, port, place };
        let own = owners.iter().find(|owner| owner.name == member.name);
        if own.is_some_and(|owner| owner.range.contains(&port)) {
            continue;
        }
        let owner = owners.iter().find(|owner| owner.range.contains(&port));
        if let Some(fault) = warning(&check, owner, checks.get(&port), spec.replicas) {
            findings.warnings.push(fault);
        }
        checks.entry(port).or_insert(check);
    }
}

/// Reports overlapping ports; `owners` are sorted by their first port.
fn same_port(owners: &[PortRange<'_>], faults: &mut Vec<Fault>) {
    let mut widest: Option<&PortRange<'_>> = None;
    for owner in owners {
        if let Some(other) = widest.filter(|other| other.range.contains(owner.range.start())) {
            let (first, second) =
                if other.number < owner.number { (other, owner) } else { (owner, other) };
            let port = owner.range.start();
            let message = format!("`{}` and `{}` both have port {port}", first.name, second.name);
            let fault = Fault::at(second.place, message).with_related(first.place, first.label());
            faults.push(fault.with_hint("give each process its own port"));
        }
        if widest.is_none_or(|other| other.range.end() < owner.range.end()) {
            widest = Some(owner);
        }
    }
}

fn warning(
    check: &PortCheck<'_>,
    owner: Option<&PortRange<'_>>,
    other: Option<&PortCheck<'_>>,
    replicas: Option<u32>,
) -> Option<Fault> {
    const HINT: &str = "an answer counts only when the process itself listens there, unless the check has `foreign = true`";
    let PortCheck { name, port, place } = check;
    if let Some(owner) = owner {
        let message = format!(
            "the `ready` check of `{name}` asks port {port}, which belongs to `{}`",
            owner.name
        );
        let fault =
            Fault::at(place, message).with_related(owner.place, format!("`{}` has it", owner.name));
        return Some(fault.with_hint(HINT));
    }
    if let Some(other) = other {
        let message =
            format!("the `ready` checks of `{}` and `{name}` ask the same port {port}", other.name);
        let label = format!("`{}` asks it", other.name);
        return Some(Fault::at(place, message).with_related(other.place, label).with_hint(HINT));
    }
    let replicas = replicas.filter(|replicas| *replicas > 1)?;
    let message = format!("all {replicas} replicas of `{name}` ask the same port {port}");
    let hint = format!("`port = {port}` gives each its own, and `tcp = \"port\"` asks it");
    Some(Fault::at(place, message).with_hint(hint))
}

/// Returns the fixed local port of its `ready` check, if the answer must be its own.
fn checked_port(spec: &ProcessSpec) -> Option<u16> {
    let check = spec.ready.as_ref().filter(|check| !check.foreign)?;
    let (Probe::Tcp(endpoint) | Probe::Http(Url { server: endpoint, .. }, _)) = &check.probe else {
        return None;
    };
    let Port::Number(port) = endpoint.port else { return None };
    is_local(&endpoint.host).then_some(port)
}

/// Whether a host name refers to this machine.
fn is_local(host: &str) -> bool {
    let address = host.parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost")
        || address.is_ok_and(|ip| ip.is_loopback() || ip.is_unspecified())
}
