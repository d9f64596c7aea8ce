//! What group policies do: passwords in their files, settings that weaken hosts, local administrators by the dozen. They need
//! the files of SYSVOL (`hopwatch collect --sysvol`).

use hopwatch_graph::{Node, NodeId, Snapshot};
use hopwatch_model::{EdgeKind, NodeKind, Severity};

use super::scan::of_kind;
use super::{Check, Exposed};

/// Passwords in preferences, whose key Microsoft has published (MS14-025).
pub static PREFERENCE_PASSWORD: Check = Check {
    slug: "policy-preference-password",
    title: "Policies hold passwords that every account of the domain can decrypt",
    severity: Severity::High,
    remediation: "Delete the preference, change the password, and use LAPS for local administrators.",
    needs: &["gpppasswords"],
    exposed: |snapshot| files(snapshot, "gpppasswords", "a password is in"),
};

/// Passwords in scripts, which every account may read.
pub static SCRIPT_PASSWORD: Check = Check {
    slug: "policy-script-password",
    title: "Scripts of policies hold passwords that every account of the domain can read",
    severity: Severity::High,
    remediation: "Take the password out of the script and change it; let the host's own account do the work.",
    needs: &["passwordscripts"],
    exposed: |snapshot| files(snapshot, "passwordscripts", "a password seems to be in"),
};

/// The file is told, its password never.
fn files(snapshot: &Snapshot, property: &str, says: &str) -> Vec<Exposed> {
    of_kind(snapshot, NodeKind::GPO)
        .filter(|(_, node)| !node.list(property).is_empty())
        .filter_map(|(id, node)| Exposed::of(snapshot, id, &format!("{says} {}", node.list(property).join(", "))))
        .collect()
}

/// Old answers to NTLM challenges.
pub static LM_RESPONSES: Check = Check {
    slug: "policy-allows-lm-or-ntlmv1",
    title: "Policies let hosts answer with LM or NTLMv1, which are broken in minutes",
    severity: Severity::High,
    remediation: "Set LmCompatibilityLevel to 5 (send NTLMv2 only, refuse LM and NTLM).",
    needs: &["registryvalues"],
    // Below 3 a client sends NTLMv1 ([MS-NLMP], appendix B).
    exposed: |snapshot| setting(snapshot, "control\\lsa\\lmcompatibilitylevel", |level| level < 3),
};

/// LDAP without signing.
pub static LDAP_SIGNING: Check = Check {
    slug: "policy-ldap-signing-not-required",
    title: "Policies let controllers take LDAP without signing, so that logins can be relayed to them",
    severity: Severity::Medium,
    remediation: "Set LDAPServerIntegrity to 2 (require signing) and LdapEnforceChannelBinding to 2 on controllers.",
    needs: &["registryvalues"],
    exposed: |snapshot| setting(snapshot, "ntds\\parameters\\ldapserverintegrity", |level| level < 2),
};

/// SMB without signing.
pub static SMB_SIGNING: Check = Check {
    slug: "policy-smb-signing-not-required",
    title: "Policies switch off that servers require SMB signing, so that logins can be relayed to them",
    severity: Severity::Medium,
    remediation: "Set RequireSecuritySignature of LanmanServer to 1.",
    needs: &["registryvalues"],
    exposed: |snapshot| setting(snapshot, "lanmanserver\\parameters\\requiresecuritysignature", |level| level == 0),
};

/// Policies that set a registry value, named by the end of its path, to what is weak.
fn setting(snapshot: &Snapshot, path: &str, weak: fn(i64) -> bool) -> Vec<Exposed> {
    let value = |node: &Node| {
        let values = node.list("registryvalues").iter().filter_map(|value| value.rsplit_once('='));
        values.filter(|(name, _)| name.to_lowercase().ends_with(path)).find_map(|(_, data)| data.trim().parse().ok())
    };
    of_kind(snapshot, NodeKind::GPO)
        .filter_map(|(id, node)| {
            let value: i64 = value(node).filter(|value| weak(*value))?;
            Exposed::of(snapshot, id, &format!("sets {path} to {value}"))
        })
        .collect()
}

/// Groups that hold nearly everybody, by the end of their id.
const EVERYBODY: [&str; 5] = ["-513", "-515", "-S-1-5-11", "-S-1-1-0", "-S-1-5-32-545"];
/// Local groups that can take over their host: Administrators, Backup Operators, and those that may log on from afar.
const PRIVILEGED: [&str; 5] = ["-544", "-551", "-555", "-562", "-580"];

/// Hosts on which everybody is in a privileged local group.
pub static LOCAL_GROUP_EVERYBODY: Check = Check {
    slug: "local-group-holds-everybody",
    title: "Everybody of the domain is in a privileged local group of hosts",
    severity: Severity::High,
    remediation: "Take the wide group out of the local group, or out of the policy that puts it there.",
    needs: &["MemberOfLocalGroup"],
    exposed: |snapshot| {
        of_kind(snapshot, NodeKind::Computer)
            .filter_map(|(host, _)| {
                let groups = snapshot.incoming(host).filter(|hop| hop.kind == EdgeKind::LocalToComputer);
                let says = groups.filter_map(|hop| everybody(snapshot, hop.source)).next()?;
                Exposed::of(snapshot, host, &says)
            })
            .collect()
    },
};

/// Who of everybody is in a local group, where that is a privileged one.
fn everybody(snapshot: &Snapshot, group: NodeId) -> Option<String> {
    let node = snapshot.node(group).filter(|node| PRIVILEGED.iter().any(|end| node.id.ends_with(end)))?;
    let members = snapshot.incoming(group).filter(|hop| hop.kind == EdgeKind::MemberOfLocalGroup);
    let mut members = members.filter_map(|hop| snapshot.node(hop.source));
    let wide = members.find(|member| EVERYBODY.iter().any(|end| member.id.ends_with(end)))?;
    Some(format!("{} is in {}", wide.label(), node.label()))
}

#[cfg(test)]
mod tests {
    use hopwatch_model::{EdgeKind, NodeKind};

    use super::super::tests::{estate, id, list, only};

    #[test]
    fn files_and_settings_of_policies_are_told() {
        let registry = |level: &str| {
            let path = "machine\\system\\currentcontrolset\\control\\lsa\\lmcompatibilitylevel";
            list("registryvalues", &[&format!("{path}={level}")])
        };
        let snapshot = estate(
            vec![
                (
                    4000,
                    NodeKind::GPO,
                    "passwords",
                    vec![list("gpppasswords", &["Machine/Preferences/Groups/Groups.xml"])],
                ),
                (4001, NodeKind::GPO, "scripts", vec![list("passwordscripts", &["a.bat"]), registry("2")]),
                (4002, NodeKind::GPO, "sound", vec![list("gpppasswords", &[]), registry("5")]),
            ],
            &[],
        );
        only("policy-preference-password", &snapshot, &[4000]);
        only("policy-script-password", &snapshot, &[4001]);
        only("policy-allows-lm-or-ntlmv1", &snapshot, &[4001]);
        only("policy-ldap-signing-not-required", &snapshot, &[]);
        only("policy-smb-signing-not-required", &snapshot, &[]);
    }

    #[test]
    fn relays_are_told_where_a_policy_gives_signing_up() {
        let values = [
            "machine\\system\\currentcontrolset\\services\\ntds\\parameters\\ldapserverintegrity=1",
            "machine\\system\\currentcontrolset\\services\\lanmanserver\\parameters\\requiresecuritysignature=0",
        ];
        let snapshot = estate(vec![(4000, NodeKind::GPO, "weak", vec![list("registryvalues", &values)])], &[]);
        only("policy-ldap-signing-not-required", &snapshot, &[4000]);
        only("policy-smb-signing-not-required", &snapshot, &[4000]);
    }

    #[test]
    fn a_host_whose_administrators_are_everybody_is_told() {
        let hosts = vec![
            (4000, NodeKind::Computer, "open$", vec![]),
            (4001, NodeKind::Computer, "closed$", vec![]),
            (4002, NodeKind::Group, "few", vec![]),
            (513, NodeKind::Group, "Domain Users", vec![]),
        ];
        let local = |host: u32| format!("{}-544", id(host));
        let member = |who: u32, host: u32| (id(who), EdgeKind::MemberOfLocalGroup, local(host));
        let of = |host: u32| (local(host), EdgeKind::LocalToComputer, id(host));
        let edges = [member(513, 4000), of(4000), member(4002, 4001), of(4001)];
        only("local-group-holds-everybody", &estate(hosts, &edges), &[4000]);
    }
}
