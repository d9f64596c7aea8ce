//! Each finding on a small estate: an object that has the weakness, and one that looks like it and has not.

use hopwatch_graph::{Config, Estate, Mode, Snapshot};
use hopwatch_model::{DirectoryEdge, EdgeKind, NodeKind, PropertyValue};

use super::ALL;
use crate::testing::{DOMAIN, MORNING, directory, node};

/// An account as a test names it: id, kind, name, properties.
pub(super) type Account<'a> = (u32, NodeKind, &'a str, Vec<(&'a str, PropertyValue)>);

pub(super) fn yes(name: &str) -> (&str, PropertyValue) {
    (name, PropertyValue::Bool(true))
}

pub(super) fn text<'a>(name: &'a str, value: &str) -> (&'a str, PropertyValue) {
    (name, PropertyValue::Text(value.into()))
}

pub(super) fn days_ago(name: &str, days: i64) -> (&str, PropertyValue) {
    (name, PropertyValue::Integer(MORNING - 86_400 - days * 86_400))
}

pub(super) fn list<'a>(name: &'a str, values: &[&str]) -> (&'a str, PropertyValue) {
    (name, PropertyValue::List(values.iter().map(|value| (*value).into()).collect()))
}

pub(super) fn id(rid: u32) -> String {
    format!("{DOMAIN}-{rid}")
}

pub(super) fn estate(accounts: Vec<Account<'_>>, edges: &[(String, EdgeKind, String)]) -> Snapshot {
    let mut delta = directory();
    for (rid, kind, name, properties) in accounts {
        let mut made = node(id(rid), kind, name, &properties);
        made.properties.entry("samaccountname".into()).or_insert_with(|| PropertyValue::Text(name.into()));
        // A later record of an object that the estate has replaces it.
        delta.nodes.retain(|known| known.id != made.id);
        delta.nodes.push(made);
    }
    delta.edges.extend(edges.iter().map(|(source, kind, target)| DirectoryEdge {
        source: source.clone(),
        kind: *kind,
        target: target.clone(),
        properties: [("isacl".to_owned(), PropertyValue::Bool(true))].into(),
    }));
    let mut estate = Estate::new(Config::default());
    estate.apply(&delta);
    estate.derive(Mode::Ours);
    estate.snapshot(None)
}

/// The ids that a finding exposes; none where it is not there.
fn exposed(slug: &str, snapshot: &Snapshot) -> Vec<String> {
    let posture = ALL.iter().find(|posture| posture.slug() == slug).unwrap();
    let findings = posture.findings(snapshot);
    for finding in &findings {
        assert!(!finding.evidence.is_empty() && finding.detection == slug);
    }
    findings.into_iter().flat_map(|finding| finding.exposed).collect()
}

pub(super) fn only(slug: &str, snapshot: &Snapshot, rids: &[u32]) {
    let wanted: Vec<String> = rids.iter().map(|rid| id(*rid)).collect();
    assert_eq!(exposed(slug, snapshot), wanted, "{slug}");
}

#[test]
fn findings_are_sorted_and_complete() {
    let slugs: Vec<&str> = ALL.iter().map(|posture| posture.slug()).collect();
    let mut sorted = slugs.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(slugs, sorted);
    for posture in ALL {
        assert!(!posture.title().is_empty() && posture.remediation().ends_with('.') && !posture.needs().is_empty());
    }
}

#[test]
fn flags_of_accounts_are_told_from_properties_and_from_the_bits() {
    let flags = [
        ("password-not-required", "passwordnotreqd", 0x20),
        ("password-never-expires", "pwdneverexpires", 0x1_0000),
        ("reversible-encryption", "encryptedtextpwdallowed", 0x80),
        ("des-only", "usedeskeyonly", 0x20_0000),
        ("as-rep-roastable", "dontreqpreauth", 0x40_0000),
    ];
    for (slug, property, bit) in flags {
        let bits = |bits| vec![("useraccountcontrol", PropertyValue::Integer(bits))];
        let disabled = vec![yes(property), ("enabled", PropertyValue::Bool(false))];
        let snapshot = estate(
            vec![
                (3000, NodeKind::User, "weak", vec![yes(property)]),
                (3001, NodeKind::User, "by-bits", bits(0x200 | bit)),
                (3002, NodeKind::User, "sound", bits(0x200)),
                (3003, NodeKind::User, "disabled", disabled),
                (3004, NodeKind::User, "managed$", vec![yes(property)]),
            ],
            &[],
        );
        only(slug, &snapshot, &[3000, 3001]);
    }
}

#[test]
fn guest_password_texts_weak_keys_and_unused_computers_are_told() {
    let snapshot = estate(
        vec![
            (501, NodeKind::User, "Guest", vec![]),
            (3000, NodeKind::User, "told", vec![text("description", "Temp. password: Winter24")]),
            (3001, NodeKind::User, "talk", vec![text("description", "password never expires")]),
            (3002, NodeKind::User, "rc4", vec![list("supportedencryptiontypes", &["RC4-HMAC-MD5"])]),
            (
                3003,
                NodeKind::User,
                "aes",
                vec![list("supportedencryptiontypes", &["RC4-HMAC-MD5", "AES128-CTS-HMAC-SHA1-96"])],
            ),
            (
                3004,
                NodeKind::Computer,
                "pre.lab.example",
                vec![yes("passwordnotreqd"), ("lastlogontimestamp", PropertyValue::Integer(-1))],
            ),
            (
                3005,
                NodeKind::Computer,
                "used.lab.example",
                vec![yes("passwordnotreqd"), days_ago("lastlogontimestamp", 1)],
            ),
        ],
        &[],
    );
    only("guest-enabled", &snapshot, &[501]);
    only("password-in-description", &snapshot, &[3000]);
    only("no-aes-keys", &snapshot, &[3002]);
    only("pre-windows-2000-computer", &snapshot, &[3004]);
}

#[test]
fn ages_count_from_the_snapshots_time_and_only_beyond_the_limit() {
    let snapshot = estate(
        vec![
            (500, NodeKind::User, "admin", vec![days_ago("pwdlastset", 181)]),
            (502, NodeKind::User, "krbtgt", vec![days_ago("pwdlastset", 180), ("enabled", PropertyValue::Bool(false))]),
            (1000, NodeKind::Computer, "dc1.lab.example", vec![yes("isdc"), days_ago("pwdlastset", 46)]),
            (3000, NodeKind::User, "stale", vec![days_ago("lastlogontimestamp", 91)]),
            (3001, NodeKind::User, "used", vec![days_ago("lastlogontimestamp", 90)]),
            (
                3002,
                NodeKind::User,
                "never",
                vec![("lastlogontimestamp", PropertyValue::Integer(-1)), days_ago("whencreated", 91)],
            ),
            (3003, NodeKind::User, "untold", vec![]),
            (3004, NodeKind::Computer, "old.lab.example", vec![days_ago("lastlogontimestamp", 91)]),
            (3005, NodeKind::User, "former", vec![("enabled", PropertyValue::Bool(false))]),
            (3006, NodeKind::User, "dormant", vec![days_ago("lastlogontimestamp", 181)]),
        ],
        &[(id(3005), EdgeKind::MemberOf, id(512)), (id(3006), EdgeKind::MemberOf, id(512))],
    );
    only("built-in-administrator-password-age", &snapshot, &[500]);
    only("krbtgt-password-age", &snapshot, &[]);
    only("controller-password-age", &snapshot, &[1000]);
    only("stale-user", &snapshot, &[3000, 3002]);
    only("stale-computer", &snapshot, &[3004]);
    only("dormant-privileged", &snapshot, &[3005, 3006]);
}

#[test]
fn weak_administrators_and_traces_of_rights_are_told() {
    let snapshot = estate(
        vec![
            (525, NodeKind::Group, "Protected Users", vec![]),
            (3000, NodeKind::User, "roast", vec![list("serviceprincipalnames", &["http/a"])]),
            (3001, NodeKind::User, "safe", vec![yes("sensitive")]),
            (3002, NodeKind::User, "shielded", vec![]),
            (3003, NodeKind::User, "orphan", vec![yes("admincount")]),
            (3004, NodeKind::User, "managed$", vec![list("serviceprincipalnames", &["http/b"])]),
        ],
        &[
            (id(3000), EdgeKind::MemberOf, id(512)),
            (id(3001), EdgeKind::MemberOf, id(512)),
            (id(3002), EdgeKind::MemberOf, id(512)),
            (id(3002), EdgeKind::MemberOf, id(525)),
        ],
    );
    only("kerberoastable-privileged", &snapshot, &[3000]);
    only("kerberoastable", &snapshot, &[1102]);
    only("admin-count-orphan", &snapshot, &[3003]);
    only("privileged-delegatable", &snapshot, &[3000, 500]);
}

#[test]
fn delegation_that_leads_upwards_is_told() {
    let snapshot = estate(
        vec![
            (1000, NodeKind::Computer, "dc1.lab.example", vec![yes("isdc"), yes("unconstraineddelegation")]),
            (3000, NodeKind::Computer, "u.lab.example", vec![yes("unconstraineddelegation")]),
            (
                3001,
                NodeKind::Computer,
                "c.lab.example",
                vec![yes("trustedtoauth"), list("allowedtodelegate", &["ldap/dc1"])],
            ),
            (3002, NodeKind::Computer, "d.lab.example", vec![]),
            (3003, NodeKind::Computer, "t.lab.example", vec![yes("trustedtoauth")]),
        ],
        &[
            (id(3001), EdgeKind::AllowedToDelegate, id(1000)),
            (id(3002), EdgeKind::AllowedToDelegate, id(1001)),
            (id(1002), EdgeKind::AllowedToAct, id(1001)),
        ],
    );
    only("unconstrained-delegation", &snapshot, &[3000]);
    only("constrained-delegation-to-tier-zero", &snapshot, &[3001]);
    only("protocol-transition", &snapshot, &[3001]);
    only("resource-based-delegation", &snapshot, &[1001]);
}

#[test]
fn rights_of_outsiders_over_tier_zero_are_told_and_those_of_administrators_are_not() {
    let snapshot = estate(
        vec![
            (3100, NodeKind::GPO, "policy@lab.example", vec![]),
            (3101, NodeKind::GPO, "sound@lab.example", vec![]),
            (
                3102,
                NodeKind::Container,
                "adminsdholder@lab.example",
                vec![text("distinguishedname", "CN=AdminSDHolder,CN=System,DC=lab")],
            ),
        ],
        &[
            (id(1100), EdgeKind::GenericAll, id(512)),
            (id(512), EdgeKind::GenericAll, id(500)),
            (id(1101), EdgeKind::WriteDacl, id(3100)),
            (id(512), EdgeKind::WriteDacl, id(3101)),
            (id(1101), EdgeKind::WriteDacl, id(3102)),
            (id(1100), EdgeKind::GetChanges, DOMAIN.into()),
            (id(1100), EdgeKind::GetChangesAll, DOMAIN.into()),
            (id(1101), EdgeKind::GetChanges, DOMAIN.into()),
            (id(1101), EdgeKind::OwnsRaw, id(1000)),
        ],
    );
    let controlled = exposed("tier-zero-controlled", &snapshot);
    assert!(controlled.contains(&id(512)) && !controlled.contains(&id(500)), "{controlled:?}");
    only("gpo-writable-by-non-admins", &snapshot, &[3100]);
    only("admin-sd-holder-writable", &snapshot, &[3102]);
    only("dcsync-by-non-admins", &snapshot, &[1100]);
    only("controller-owned-by-non-admin", &snapshot, &[1000]);
}

#[test]
fn a_template_is_weak_only_where_it_is_offered_open_and_without_approval() {
    let weak = |extra: (&'static str, PropertyValue)| {
        vec![
            ("requiresmanagerapproval", PropertyValue::Bool(false)),
            yes("authenticationenabled"),
            list("ekus", &["1.3.6.1.5.5.7.3.2"]),
            extra,
        ]
    };
    let mut approved = weak(yes("enrolleesuppliessubject"));
    approved[0].1 = PropertyValue::Bool(true);
    let snapshot = estate(
        vec![
            (3200, NodeKind::CertTemplate, "weak@lab.example", weak(yes("enrolleesuppliessubject"))),
            (3201, NodeKind::CertTemplate, "approved@lab.example", approved),
            (3202, NodeKind::CertTemplate, "closed@lab.example", weak(yes("enrolleesuppliessubject"))),
            (3203, NodeKind::CertTemplate, "idle@lab.example", weak(yes("enrolleesuppliessubject"))),
            (3204, NodeKind::CertTemplate, "bare@lab.example", weak(yes("nosecurityextension"))),
            (3205, NodeKind::EnterpriseCA, "ca@lab.example", vec![yes("isuserspecifiessanenabled")]),
        ],
        &[
            (id(3200), EdgeKind::PublishedTo, id(3205)),
            (id(3201), EdgeKind::PublishedTo, id(3205)),
            (id(3202), EdgeKind::PublishedTo, id(3205)),
            (id(3204), EdgeKind::PublishedTo, id(3205)),
            (id(513), EdgeKind::Enroll, id(3200)),
            (id(513), EdgeKind::Enroll, id(3201)),
            (id(512), EdgeKind::Enroll, id(3202)),
            (id(513), EdgeKind::Enroll, id(3203)),
            (id(513), EdgeKind::Enroll, id(3204)),
            (id(1100), EdgeKind::WriteDacl, id(3203)),
            (id(1100), EdgeKind::ManageCA, id(3205)),
        ],
    );
    only("certificate-esc1", &snapshot, &[3200]);
    only("certificate-esc4", &snapshot, &[3203]);
    only("certificate-esc6", &snapshot, &[3205]);
    only("certificate-esc7", &snapshot, &[3205]);
    only("certificate-esc9", &snapshot, &[3204]);
    only("certificate-esc2", &snapshot, &[]);
}

#[test]
fn settings_of_the_domain_and_privileged_history_are_told() {
    let windows = text("operatingsystem", "Windows 10 Enterprise");
    let none = ("haslaps", PropertyValue::Bool(false));
    let snapshot = estate(
        vec![
            (3000, NodeKind::Computer, "bare.lab.example", vec![windows.clone(), none.clone()]),
            (3001, NodeKind::Computer, "laps.lab.example", vec![windows, yes("haslaps")]),
            (
                3002,
                NodeKind::Computer,
                "old.lab.example",
                vec![text("operatingsystem", "Windows Server 2008 R2"), yes("haslaps")],
            ),
            (3003, NodeKind::User, "history", vec![list("sidhistory", &[&id(519)])]),
            (3004, NodeKind::User, "migrated", vec![list("sidhistory", &["S-1-5-21-9-9-9-1104"])]),
        ],
        &[],
    );
    only("laps-missing", &snapshot, &[3000]);
    only("obsolete-operating-system", &snapshot, &[3002]);
    only("sid-history-privileged", &snapshot, &[3003]);
    only("machine-account-quota", &snapshot, &[]);
    only("tier-zero-exposure", &snapshot, &[]);
}
