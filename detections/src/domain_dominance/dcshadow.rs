//! ## What it finds
//! A host that passes itself off as a domain controller to write into the directory by replication (DCShadow).
//!
//! ## Why it matters
//! What comes in by replication is not audited as a change: group memberships, SID history, access control lists.
//!
//! ## Evidence it needs
//! Events: 5137 and 5141 of `nTDSDSA` objects, 5136 and 4742 of service principal names, 4662 of *DS-Install-Replica* and of
//! servers made below a site. Wire: LDAP add and modify in clear; DRSUAPI
//! `IDL_DRSReplicaAdd` (5), `IDL_DRSAddEntry` (17). Samba: `dsdbChange`.
//!
//! ## How it decides
//! (a) An `nTDSDSA` object created below `CN=Sites` by an actor that is no controller; (b) the replication or global
//! catalogue SPN (`E3514235-4B06-11D1-AB04-00C04FC2DCD2/…`, `GC/…`) set on an account that is no controller; (c) a
//! replica added or an entry pushed over DRSUAPI by a host that is none; (d) the right *DS-Install-Replica* used, or a
//! `server` or `nTDSDSA` object made, by an actor that is none. The first decides. A controller is one of the
//! directory, or seen at work as a KDC.
//!
//! ## Blind spots
//! Registration from a controller itself; sealed LDAP without audit.
//!
//! ## Likely benign causes
//! A promotion: the new controller appears in the directory soon after, and serves as a KDC.
//!
//! ## What to do
//! Ask whether a controller is being promoted; if not, isolate the host and compare the directory with a backup.
//!
//! ## References
//! T1207; Defender for Identity 2028, 2029; `[MS-DRSR] 4.1.20, 4.1.1, 2.2.4`; `[MS-ADTS] 6.1.1.2.2.1.2.1`.

use hopwatch_graph::NodeFlags;
use hopwatch_model::event::{DirectoryAccess, DirectoryChange, ValueOperation};
use hopwatch_model::{Account, Activity, Event, Guid, Host, Severity};
use serde::{Deserialize, Serialize};

use crate::directory;
use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};
use crate::words;

/// The SPN class of replication (`[MS-DRSR] 2.2.4.2`), lower case.
const REPLICATION_SPN: &str = "e3514235-4b06-11d1-ab04-00c04fc2dcd2/";

/// DS-Install-Replica (`[MS-ADTS] 5.1.3.2.1`).
const INSTALL_REPLICA: Guid = Guid::from_u128(0x9923_a32a_3607_11d2_b9be_0000_f87a_36b2);
/// The classes `server` and `nTDSDSA` (`[MS-ADSC]` schemaIDGUID).
const SERVER_CLASS: Guid = Guid::from_u128(0xbf96_7a92_0de6_11d0_a285_00aa_0030_49e2);
const NTDSDSA_CLASS: Guid = Guid::from_u128(0xf0f8_ffab_1191_11d0_a060_00aa_006c_33ed);
/// ADS_RIGHT_DS_CREATE_CHILD and ADS_RIGHT_DS_CONTROL_ACCESS.
const CREATE_CHILD: u32 = 0x1;
const CONTROL_ACCESS: u32 = 0x100;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// Accounts that promote controllers by right.
    pub promoters: Vec<String>,
}

impl Preset for Config {
    fn preset(_: Sensitivity) -> Self {
        Self { promoters: Vec::new() }
    }
}

/// No state: the first act decides.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Dcshadow {}

impl Rule for Dcshadow {
    const META: Meta = Meta {
        slug: "dcshadow",
        title: "A host passes itself off as a controller (DCShadow)",
        phase: Phase::DomainDominance,
        severity: Severity::High,
        techniques: &["T1207"],
        external_id: Some(2028),
        actions: &[
            "Ask whether a controller is being promoted on this host",
            "If not, isolate it and compare the directory with a backup",
            "Disable the account that registered it",
        ],
        source: include_str!("dcshadow.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let found = match &event.activity {
            Activity::DirectoryChange(change) => registers(change, context),
            Activity::AccountChange(change) => {
                let names =
                    change.attributes.iter().filter(|(name, _)| name.eq_ignore_ascii_case("servicePrincipalName"));
                let spn = names.flat_map(|(_, value)| value.split_whitespace()).find(|spn| controllers_spn(spn));
                let rogue = !controller(&change.account, context);
                spn.filter(|_| rogue).map(|spn| format!("{} got the service name {spn}", change.account.name))
            }
            Activity::DirectoryAccess(access) => prepares(access),
            Activity::RpcCall(call) if call.interface_name == "drsuapi" && matches!(call.opnum, 5 | 17) => {
                let known = |host: &Host| context.shared.controllers.contains(host, context.snapshot);
                let source = event.source.as_ref().filter(|source| !known(source));
                source.map(|source| format!("{} called {}", source.label(), call.operation))
            }
            _ => None,
        };
        let Some(text) = found else { return };
        let actor = event.actor.clone().unwrap_or_default();
        let name = words::account(&actor, context.snapshot);
        if controller(&actor, context) || config.promoters.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
            verdicts.decline(event.time, name, "a controller, or one who promotes them");
            return;
        }
        let who = words::who(event, context.snapshot);
        let story = format!("{who} registers a host as a domain controller{}: {text}.", words::answer(event));
        let host = event.source.as_ref().map(Host::key).filter(|key| !key.is_empty());
        let key = host.unwrap_or_else(|| name.to_lowercase());
        let verdict = Verdict::of(event, key, story, &text).against("the list of domain controllers").because(
            "registration",
            1.0,
            80.0,
            text.clone(),
        );
        verdicts.raise(verdict.score(90.0));
    }

    fn entries(&self) -> usize {
        0
    }
}

/// A change that makes a controller.
fn registers(change: &DirectoryChange, context: &Context<'_>) -> Option<String> {
    let object = change.object.to_ascii_lowercase();
    let ntdsdsa = change.class.eq_ignore_ascii_case("nTDSDSA") || object.starts_with("cn=ntds settings,");
    if ntdsdsa && change.operation == ValueOperation::Create && object.contains("cn=sites,") {
        return Some(format!("{} was created", change.object));
    }
    let adds = matches!(change.operation, ValueOperation::Add | ValueOperation::Replace);
    if !adds || !change.attribute.eq_ignore_ascii_case("servicePrincipalName") {
        return None;
    }
    let spn = change.values.iter().find(|spn| controllers_spn(spn))?;
    let account = Account::named(&change.object);
    // A controller's own object lies in its own unit, also where the directory is not loaded.
    let rogue = !controller(&account, context) && !object.contains("ou=domain controllers,");
    rogue.then(|| format!("{} got the service name {spn}", change.object))
}

/// 4662: the right to add a replica, used; or a server made below a site.
fn prepares(access: &DirectoryAccess) -> Option<String> {
    let replica = access.access_mask & CONTROL_ACCESS != 0 && access.properties.contains(&INSTALL_REPLICA);
    let server = access.access_mask & CREATE_CHILD != 0
        && access.properties.iter().any(|class| [SERVER_CLASS, NTDSDSA_CLASS].contains(class));
    match (replica, server) {
        (true, _) => Some("the right to add a replica of the domain was used".into()),
        (_, true) => Some("an object of a domain controller was made below a site".into()),
        _ => None,
    }
}

fn controllers_spn(spn: &str) -> bool {
    let spn = spn.to_ascii_lowercase();
    spn.starts_with(REPLICATION_SPN) || spn.starts_with("gc/")
}

/// A controller's own account.
fn controller(account: &Account, context: &Context<'_>) -> bool {
    if account.sid.as_ref().is_some_and(|sid| sid.to_string() == "S-1-5-18") {
        return true;
    }
    let node = directory::account(context.snapshot, account);
    let known = node.is_some_and(|node| context.snapshot.flags(node).has(NodeFlags::DOMAIN_CONTROLLER));
    known
        || (account.machine() && context.shared.controllers.contains(&Host::reported(&account.name), context.snapshot))
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::{AuthLevel, RpcArguments, RpcCall, RpcTransport};

    use super::*;
    use crate::testing::{alerts, by, event, host};

    const SLUG: &str = "dcshadow";

    fn change(actor: &str, object: &str, operation: ValueOperation, attribute: &str, value: &str) -> Event {
        let change = DirectoryChange {
            object: object.into(),
            guid: None,
            class: String::new(),
            operation,
            attribute: attribute.into(),
            values: vec![value.into()],
            old_values: vec![],
            new_object: None,
        };
        by(event(0, Activity::DirectoryChange(Box::new(change))), actor, "ws1", Outcome::Success)
    }

    const WORKSTATION: &str = "CN=WS1,CN=Computers,DC=lab,DC=example";

    #[test]
    fn a_settings_object_and_a_controllers_spn_on_a_workstation_fire() {
        let settings = "CN=NTDS Settings,CN=WS1,CN=Servers,CN=Default,CN=Sites,CN=Configuration,DC=lab,DC=example";
        assert_eq!(alerts(SLUG, &[change("admin", settings, ValueOperation::Create, "", "")]).len(), 1);
        for spn in ["GC/ws1.lab.example/lab.example", "E3514235-4B06-11D1-AB04-00C04FC2DCD2/a/lab.example"] {
            assert_eq!(
                alerts(SLUG, &[change("admin", WORKSTATION, ValueOperation::Add, "servicePrincipalName", spn)]).len(),
                1
            );
        }
    }

    #[test]
    fn ordinary_names_controllers_and_removal_stay_silent() {
        assert!(
            alerts(SLUG, &[change("admin", WORKSTATION, ValueOperation::Add, "servicePrincipalName", "HOST/ws1")])
                .is_empty()
        );
        let own = "CN=DC2,OU=Domain Controllers,DC=lab,DC=example";
        assert!(
            alerts(SLUG, &[change("admin", own, ValueOperation::Add, "servicePrincipalName", "GC/dc2/lab")]).is_empty()
        );
        assert!(
            alerts(SLUG, &[change("DC1$", WORKSTATION, ValueOperation::Add, "servicePrincipalName", "GC/x/y")])
                .is_empty()
        );
        assert!(
            alerts(SLUG, &[change("admin", WORKSTATION, ValueOperation::Delete, "servicePrincipalName", "GC/x/y")])
                .is_empty()
        );
    }

    #[test]
    fn a_replica_added_by_a_workstation_fires_and_by_a_controller_does_not() {
        let call = |source: &str| {
            let call = RpcCall {
                interface: None,
                interface_name: "drsuapi".into(),
                opnum: 5,
                operation: "IDL_DRSReplicaAdd".into(),
                transport: RpcTransport::Tcp,
                auth_level: AuthLevel::Privacy,
                bind_seen: true,
                arguments: RpcArguments::None,
            };
            let event = by(event(0, Activity::RpcCall(Box::new(call))), "", source, Outcome::Success);
            Event { target: Some(host("dc1")), ..event }
        };
        assert_eq!(alerts(SLUG, &[call("ws1")]).len(), 1);
        assert!(alerts(SLUG, &[call("dc1")]).is_empty());
    }

    #[test]
    fn the_right_to_add_a_replica_fires_and_a_look_at_the_topology_does_not() {
        let access = |right: u128| {
            let access = DirectoryAccess {
                access_mask: CONTROL_ACCESS,
                properties: vec![Guid::from_u128(right)],
                object: String::new(),
                class: String::new(),
                logon_id: None,
            };
            by(event(0, Activity::DirectoryAccess(Box::new(access))), "ann", "ws1", Outcome::Success)
        };
        assert_eq!(alerts(SLUG, &[access(0x9923_a32a_3607_11d2_b9be_0000_f87a_36b2)]).len(), 1);
        assert!(alerts(SLUG, &[access(0x1131_f6ac_9c07_11d1_f79f_00c0_4fc2_dcd2)]).is_empty());
    }
}
