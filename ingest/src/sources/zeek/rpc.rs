//! `dce_rpc.log`: calls by the names that Zeek's tables give interfaces and operations. They are brought back to interface
//! and number by our own table, since detections judge by those; an operation that Zeek names otherwise keeps its name and
//! the number 65535.

use hopwatch_model::event::{AuthLevel, RpcArguments, RpcCall, RpcTransport};
use hopwatch_model::{Activity, Guid, Outcome};
use hopwatch_wire::rpc::{INTERFACES, Interface};

use super::{Line, Row};

/// The number of an operation of which only the name is known: no interface has so many.
const UNKNOWN: u16 = u16::MAX;

/// Zeek's name of an interface where it is not ours.
const ALIASES: &[(&str, &str)] = &[
    ("epmapper", "epm"),
    ("spoolss", "rprn"),
    ("iremotewinspool", "par"),
    ("winspool", "rprn"),
    ("itaskschedulerservice", "tsch"),
    ("idletask", "sasec"),
    ("efs", "efsrpc"),
    ("netdfs", "dfsnm"),
    ("dfs", "dfsnm"),
    ("fileservervssagent", "fsrvp"),
    ("fssagentrpc", "fsrvp"),
    ("backupkey", "bkrp"),
    ("icertpassage", "icpr"),
    ("icertprotect", "icpr"),
    ("eventlog", "even"),
    ("ieventservice", "even6"),
    ("isystemactivator", "IRemoteSCMActivator"),
    ("iremoteactivation", "IActivation"),
    ("ioxidresolver", "IObjectExporter"),
    ("lsacap", "lsarpc"),
    ("rpc_netlogon", "netlogon"),
    ("dns", "dnsserver"),
];

/// `named_pipe` (a pipe, or a port), `endpoint`, `operation`.
pub(super) fn read(row: &Row<'_>, line: &mut Line<'_, '_>) {
    let (endpoint, operation) = (row.get("endpoint"), row.get("operation"));
    let (Some(endpoint), Some(operation)) = (endpoint, operation) else {
        return line.ignore("zeek dce_rpc row without endpoint");
    };
    let interface = interface(&endpoint);
    let opnum = interface.and_then(|interface| opnum(interface, &operation)).or_else(|| numbered(&operation));
    let transport = match row.get("named_pipe") {
        Some(pipe) if pipe.parse::<u16>().is_err() => RpcTransport::Pipe(pipe_name(&pipe).to_owned()),
        None if line.server_port() == 445 => RpcTransport::Pipe(String::new()),
        _ => RpcTransport::Tcp,
    };
    let known = interface.zip(opnum).map(|(interface, opnum)| interface.operation(opnum));
    let call = RpcCall {
        interface: interface.map(|interface| interface.uuid).or_else(|| uuid(&endpoint)),
        interface_name: interface.map_or_else(|| endpoint.to_string(), |interface| interface.name.into()),
        opnum: opnum.unwrap_or(UNKNOWN),
        operation: known.filter(|name| !name.is_empty()).map_or_else(|| operation.to_string(), Into::into),
        transport,
        auth_level: AuthLevel::None,
        bind_seen: true,
        arguments: RpcArguments::None,
    };
    // A row is written when the answer came; without one it has no round-trip time.
    let outcome = if row.get("rtt").is_some() { Outcome::Success } else { Outcome::Unseen };
    line.emit(None, outcome, Activity::RpcCall(Box::new(call)));
}

fn interface(endpoint: &str) -> Option<&'static Interface> {
    let name = ALIASES.iter().find(|(zeek, _)| zeek.eq_ignore_ascii_case(endpoint)).map_or(endpoint, |(_, ours)| ours);
    let by_uuid = uuid(endpoint);
    INTERFACES
        .iter()
        .copied()
        .find(|interface| interface.name.eq_ignore_ascii_case(name) || Some(interface.uuid) == by_uuid)
}

/// `unknown-12345778-…` for interfaces without a name.
fn uuid(endpoint: &str) -> Option<Guid> {
    endpoint.trim_start_matches("unknown-").parse().ok()
}

/// `unknown-12` for operations without a name.
fn numbered(operation: &str) -> Option<u16> {
    operation.strip_prefix("unknown-")?.parse().ok()
}

/// The number of an operation, with and without the prefixes of the specifications' C names.
fn opnum(interface: &Interface, operation: &str) -> Option<u16> {
    let exact = interface.operations.iter().find(|(_, name)| name.eq_ignore_ascii_case(operation));
    let bare = bare(operation);
    exact
        .or_else(|| interface.operations.iter().find(|(_, name)| self::bare(name).eq_ignore_ascii_case(bare)))
        .map(|(opnum, _)| *opnum)
}

fn bare(name: &str) -> &str {
    for prefix in ["IDL_", "Rpc", "EfsRpc", "Efs", "SchRpc", "Netr", "Net"] {
        if let Some(rest) = name.strip_prefix(prefix) {
            return rest;
        }
    }
    match name.strip_prefix('R') {
        Some(rest) if rest.starts_with(char::is_uppercase) => rest,
        _ => name,
    }
}

fn pipe_name(pipe: &str) -> &str {
    let pipe = pipe.trim_start_matches('\\');
    match pipe.get(..5) {
        Some(prefix) if prefix.eq_ignore_ascii_case("pipe\\") => pipe.get(5..).unwrap_or_default(),
        _ => pipe,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeeks_names_find_interface_and_number() {
        let check = |endpoint: &str, operation: &str| interface(endpoint).and_then(|i| opnum(i, operation));
        assert_eq!(check("drsuapi", "DRSGetNCChanges"), Some(3));
        assert_eq!(check("svcctl", "CreateServiceW"), Some(12));
        assert_eq!(check("svcctl", "OpenSCManagerW"), Some(15));
        assert_eq!(check("spoolss", "RpcRemoteFindFirstPrinterChangeNotificationEx"), Some(65));
        assert_eq!(check("epmapper", "ept_map"), Some(3));
        assert_eq!(check("ITaskSchedulerService", "SchRpcRegisterTask"), Some(1));
        assert_eq!(check("netdfs", "NetrDfsAddStdRoot"), Some(12));
        assert_eq!(check("unknown-e3514235-4b06-11d1-ab04-00c04fc2dcd2", "DRSBind"), Some(0));
        assert_eq!(numbered("unknown-12"), Some(12));
    }

    #[test]
    fn every_operation_of_ours_is_found_by_its_own_name_and_without_prefix() {
        for interface in INTERFACES {
            for (number, name) in interface.operations {
                assert_eq!(opnum(interface, name), Some(*number), "{name}");
            }
        }
    }
}
