//! Identifiers that every domain has, `[MS-DTYP] 2.4.2.4`, and the groups behind them.

use hopwatch_model::{NodeKind, Sid};
use serde_json::Map;

use super::index::Index;
use super::object::Object;

/// Whether the SID is the same in every domain, so that a graph of several needs the domain beside it.
pub(super) fn everywhere(sid: &Sid) -> bool {
    match (sid.authority(), sid.sub_authorities()) {
        (1 | 3 | 18, _) => true,
        (5, [_]) => true,
        (5, [first, ..]) => matches!(first, 32 | 64 | 65),
        _ => false,
    }
}

/// The kind of a SID that no entry has.
pub(super) fn kind(sid: &Sid) -> NodeKind {
    match name(sid) {
        Some((_, kind)) => kind,
        None => NodeKind::Base,
    }
}

/// The name and kind of a well-known SID.
pub(super) fn name(sid: &Sid) -> Option<(&'static str, NodeKind)> {
    use NodeKind::{Group, User};
    Some(match (sid.authority(), sid.sub_authorities()) {
        (1, [0]) => ("EVERYONE", Group),
        (3, [0]) => ("CREATOR OWNER", User),
        (3, [1]) => ("CREATOR GROUP", Group),
        (3, [4]) => ("OWNER RIGHTS", Group),
        (5, [1]) => ("DIALUP", Group),
        (5, [2]) => ("NETWORK", Group),
        (5, [3]) => ("BATCH", Group),
        (5, [4]) => ("INTERACTIVE", Group),
        (5, [6]) => ("SERVICE", Group),
        (5, [7]) => ("ANONYMOUS LOGON", Group),
        (5, [8]) => ("PROXY", Group),
        (5, [9]) => ("ENTERPRISE DOMAIN CONTROLLERS", Group),
        (5, [10]) => ("PRINCIPAL SELF", User),
        (5, [11]) => ("AUTHENTICATED USERS", Group),
        (5, [12]) => ("RESTRICTED CODE", Group),
        (5, [13]) => ("TERMINAL SERVER USERS", Group),
        (5, [14]) => ("REMOTE INTERACTIVE LOGON", Group),
        (5, [15]) => ("THIS ORGANIZATION", Group),
        (5, [17]) => ("IUSR", User),
        (5, [18]) => ("LOCAL SYSTEM", User),
        (5, [19]) => ("LOCAL SERVICE", User),
        (5, [20]) => ("NETWORK SERVICE", User),
        (5, [64, 10]) => ("NTLM AUTHENTICATION", Group),
        (5, [64, 14]) => ("SCHANNEL AUTHENTICATION", Group),
        (5, [64, 21]) => ("DIGEST AUTHENTICATION", Group),
        (5, [65, 1]) => ("THIS ORGANIZATION CERTIFICATE", Group),
        (5, [1000]) => ("OTHER ORGANIZATION", Group),
        (18, [1]) => ("AUTHENTICATION AUTHORITY ASSERTED IDENTITY", Group),
        (18, [2]) => ("SERVICE ASSERTED IDENTITY", Group),
        (18, [4]) => ("KEY TRUST IDENTITY", Group),
        (18, [5]) => ("MFA KEY PROPERTY", Group),
        (5, [32, _]) => return builtin(sid),
        _ => return None,
    })
}

/// Builtin groups, for rights of groups that the asker cannot see.
fn builtin(sid: &Sid) -> Option<(&'static str, NodeKind)> {
    let name = match sid.rid()? {
        544 => "ADMINISTRATORS",
        545 => "USERS",
        546 => "GUESTS",
        548 => "ACCOUNT OPERATORS",
        549 => "SERVER OPERATORS",
        550 => "PRINT OPERATORS",
        551 => "BACKUP OPERATORS",
        552 => "REPLICATOR",
        554 => "PRE-WINDOWS 2000 COMPATIBLE ACCESS",
        555 => "REMOTE DESKTOP USERS",
        556 => "NETWORK CONFIGURATION OPERATORS",
        557 => "INCOMING FOREST TRUST BUILDERS",
        560 => "WINDOWS AUTHORIZATION ACCESS GROUP",
        561 => "TERMINAL SERVER LICENSE SERVERS",
        580 => "REMOTE MANAGEMENT USERS",
        _ => "BUILTIN GROUP",
    };
    Some((name, NodeKind::Group))
}

/// The groups without an entry that memberships and rights refer to. Everybody's memberships in them are known without a
/// list, but for Enterprise Domain Controllers, whose members are the domain's controllers.
pub(super) fn groups(index: &Index<'_>) -> Vec<Object> {
    let controllers = index.items.iter().filter(|item| super::computer::controller(item));
    let controllers: Vec<_> = controllers.filter_map(|item| index.named(&item.entry.dn)).collect();
    let mut sids: Vec<&Sid> = index.well_known.iter().chain(index.foreign()).collect();
    sids.sort_unstable();
    sids.dedup();
    let mut objects = Vec::new();
    for sid in sids.into_iter().filter(|sid| !index.holds(sid)) {
        let Some((name, NodeKind::Group)) = name(sid) else { continue };
        let mut properties = Map::new();
        let forest = matches!((sid.authority(), sid.sub_authorities()), (5, [9]));
        let domain = if forest { &index.forest } else { &index.domain };
        properties.insert("name".to_owned(), format!("{name}@{domain}").into());
        properties.insert("domain".to_owned(), domain.clone().into());
        properties.insert("domainsid".to_owned(), index.domain_sid.to_string().into());
        let mut object = Object {
            properties,
            members: Map::new(),
            aces: Vec::new(),
            object_identifier: index.sid_text(sid),
            is_deleted: false,
            is_acl_protected: false,
            contained_by: None,
        };
        object.set("Members", if forest { controllers.as_slice() } else { &[] });
        object.set("HasSIDHistory", [(); 0]);
        objects.push(object);
    }
    objects
}
