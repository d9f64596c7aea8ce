//! Context handles: what a call opened, so that a later call on the handle says what it acts on. SAMR opens a domain by
//! SID and a user in it by RID; SVCCTL opens a service by name and starts it by handle; WINREG walks down key by key.

use hopwatch_model::Sid;
use hopwatch_model::event::RpcArguments;

use super::{Interface, Stub};

/// The handle that a successful response returns: the operations that open things end in the handle and the return value.
#[must_use]
pub fn opened_handle(interface: &Interface, opnum: u16, response: Stub<'_>) -> Option<[u8; 20]> {
    let opens = match interface.name {
        "samr" => matches!(opnum, 7 | 10 | 12 | 14 | 19 | 27 | 34 | 50),
        "svcctl" => matches!(opnum, 12 | 16 | 24 | 28 | 44 | 45 | 60),
        "winreg" => matches!(opnum, 0..=4 | 6 | 15 | 27),
        "lsarpc" => matches!(opnum, 16 | 28),
        _ => false,
    };
    if !opens || interface.failure(response).is_some() {
        return None;
    }
    let tail = match (interface.name, opnum) {
        // SamrCreateUser2InDomain: handle, GrantedAccess, RelativeId, status; SamrCreate*InDomain without the access.
        ("samr", 50) => response.bytes.last_chunk::<32>()?.get(..20),
        ("samr", 10 | 12 | 14) => response.bytes.last_chunk::<28>()?.get(..20),
        // BaseRegCreateKey: handle, lpdwDisposition pointer and value, status.
        ("winreg", 6) => response.bytes.get(..20),
        _ => response.bytes.last_chunk::<24>()?.get(..20),
    };
    tail?.try_into().ok()
}

/// The name under which a handle is remembered: what the call that opened it named.
#[must_use]
pub fn label(arguments: &RpcArguments) -> Option<String> {
    match arguments {
        RpcArguments::Service { name, .. } | RpcArguments::Secret { name } => Some(name.clone()),
        RpcArguments::RegistryKey(path) => Some(path.clone()),
        RpcArguments::Identifiers(ids) => ids.first().cloned(),
        RpcArguments::Names(names) => names.first().cloned(),
        _ => None,
    }
    .filter(|label| !label.is_empty())
}

/// Arguments completed by what the request's first handle stands for. SAMR: a RID becomes the SID in the handle's domain,
/// and a call on a group or alias gets the group as its last identifier.
#[must_use]
pub fn with_handle(interface: &Interface, opnum: u16, arguments: RpcArguments, handle: &str) -> RpcArguments {
    match (interface.name, arguments) {
        ("svcctl", RpcArguments::Service { name, image_path }) if name.is_empty() => {
            RpcArguments::Service { name: handle.into(), image_path }
        }
        ("winreg", RpcArguments::RegistryKey(path)) if path.is_empty() => RpcArguments::RegistryKey(handle.into()),
        ("winreg", RpcArguments::RegistryKey(path)) => RpcArguments::RegistryKey(format!("{handle}\\{path}")),
        ("lsarpc", RpcArguments::Secret { name }) if name.is_empty() => RpcArguments::Secret { name: handle.into() },
        ("samr", RpcArguments::Identifiers(ids)) => RpcArguments::Identifiers(samr(opnum, ids, handle)),
        (_, arguments) => arguments,
    }
}

fn samr(opnum: u16, ids: Vec<String>, handle: &str) -> Vec<String> {
    let parent: Option<Sid> = handle.parse().ok();
    // A group's own SID ends in its RID; a member's RID belongs to the group's domain.
    let domain = match opnum {
        22 | 24 => parent.as_ref().and_then(Sid::domain),
        _ => parent,
    };
    let in_domain = |rid: String| match (&domain, rid.parse::<u32>()) {
        (Some(domain), Ok(rid)) => domain.child(rid).map_or_else(|| rid.to_string(), |sid| sid.to_string()),
        _ => rid,
    };
    let mut ids: Vec<String> = ids.into_iter().map(in_domain).collect();
    if !matches!(opnum, 18 | 19 | 27 | 34) {
        ids.push(handle.into());
    }
    ids
}
