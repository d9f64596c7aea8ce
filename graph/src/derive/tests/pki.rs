//! Certificate services: one small estate, of which each test changes what matters.

use super::*;

/// An authority that the domain believes, with host, controller and one template that `u` and `g` may enrol with.
const BELIEVED: &str = "RootCA root certthumbprint=R
    EnterpriseCA ca certthumbprint=C certchain=C|R isuserspecifiessanenabledcollected=true isuserspecifiessanenabled=false enrollmentagentrestrictionscollected=false hasvulnerableendpoint=false rpcencryptionenforced=true
    NTAuthStore store certthumbprints=C|
    Computer host enabled=true
    Computer dc strongcertificatebindingenforcementraw=2 certificatemappingmethodsraw=24 domainsid=S-1-5-21-1
    Group g a=b
    User u a=b
    User m a=b
    m MemberOf g
    host HostsCAService ca
    dc DCFor S-1-5-21-1
    root RootCAFor S-1-5-21-1
    store NTAuthStoreFor S-1-5-21-1
    t PublishedTo ca
    u Enroll ca
    g Enroll ca
    u Enroll t
    g Enroll t
";

const TEMPLATE: &str = "CertTemplate t requiresmanagerapproval=false authenticationenabled=true enrolleesuppliessubject=false nosecurityextension=false schemaversion=2 authorizedsignatures=0 subjectaltrequireupn=true subjectaltrequirespn=false subjectaltrequiredns=false subjectaltrequiredomaindns=false schannelauthenticationenabled=true effectiveekus=1.3.6.1.5.5.7.3.2| applicationpolicies=[]
";

/// The estate with some words replaced.
fn with(changes: &[(&str, &str)]) -> String {
    let mut words = format!("{DOMAIN}{BELIEVED}{TEMPLATE}");
    for (old, new) in changes {
        assert!(words.contains(old), "{old}");
        words = words.replace(old, new);
    }
    words
}

const ALL: [&str; 2] = ["g>S-1-5-21-1", "u>S-1-5-21-1"];

#[test]
fn certificates_are_chained_by_their_thumbprints() {
    let words = with(&[]);
    both(&words, EdgeKind::TrustedForNTAuth, &["ca>store"]);
    both(&words, EdgeKind::IssuedSignedBy, &["ca>root"]);
    both(
        &words.replace("RootCA root certthumbprint=R", "RootCA root certthumbprint=C"),
        EdgeKind::EnterpriseCAFor,
        &["ca>root"],
    );
    both(&words, EdgeKind::GoldenCert, &["host>S-1-5-21-1"]);
}

#[test]
fn an_authority_counts_only_where_it_is_believed_and_hosted() {
    for broken in [
        ("store NTAuthStoreFor S-1-5-21-1", ""),
        ("root RootCAFor S-1-5-21-1", ""),
        ("certchain=C|R", "certchain=C|"),
        ("certthumbprints=C|", "certthumbprints=D|"),
        ("Computer host enabled=true", "Computer host enabled=false"),
        ("t PublishedTo ca", ""),
    ] {
        let words = with(&[("enrolleesuppliessubject=false", "enrolleesuppliessubject=true"), broken]);
        both(&words, EdgeKind::ADCSESC1, &[]);
    }
}

#[test]
fn esc1_lets_the_enrollee_name_the_subject() {
    both(&with(&[]), EdgeKind::ADCSESC1, &[]);
    let words = with(&[("enrolleesuppliessubject=false", "enrolleesuppliessubject=true")]);
    both(&words, EdgeKind::ADCSESC1, &ALL);
    assert_eq!(
        composition(&words, EdgeKind::ADCSESC1),
        [
            "ca IssuedSignedBy root",
            "ca TrustedForNTAuth store",
            "g Enroll ca",
            "g Enroll t",
            "host HostsCAService ca",
            "root RootCAFor S-1-5-21-1",
            "store NTAuthStoreFor S-1-5-21-1",
            "t PublishedTo ca"
        ]
    );
    for closed in [
        ("requiresmanagerapproval=false", "requiresmanagerapproval=true"),
        ("authorizedsignatures=0", "authorizedsignatures=1"),
        ("authenticationenabled=true", "authenticationenabled=false"),
        ("u Enroll ca\n    g Enroll ca", ""),
    ] {
        let words = with(&[("enrolleesuppliessubject=false", "enrolleesuppliessubject=true"), closed]);
        both(&words, EdgeKind::ADCSESC1, &[]);
    }
}

#[test]
fn signatures_do_not_protect_a_template_of_schema_1() {
    let words = with(&[
        ("enrolleesuppliessubject=false", "enrolleesuppliessubject=true"),
        ("schemaversion=2 authorizedsignatures=0", "schemaversion=1 authorizedsignatures=1"),
    ]);
    both(&words, EdgeKind::ADCSESC1, &ALL);
}

#[test]
fn a_missing_property_of_a_template_is_a_gap_and_no_edge() {
    let words = with(&[("enrolleesuppliessubject=false ", "")]);
    let derivation = derived(&words, Mode::Ours);
    assert!(edges(&derivation, EdgeKind::ADCSESC1).is_empty());
    assert!(derivation.1.gaps.iter().any(|gap| gap.contains("template t: enrolleesuppliessubject unknown")));
}

#[test]
fn esc6_lets_requests_name_a_subject_at_the_authority() {
    let named = ("isuserspecifiessanenabled=false", "isuserspecifiessanenabled=true");
    both(&with(&[named]), EdgeKind::ADCSESC6a, &[]);
    let bare = ("nosecurityextension=false", "nosecurityextension=true");
    both(&with(&[named, bare]), EdgeKind::ADCSESC6a, &ALL);
    both(&with(&[named]), EdgeKind::ADCSESC6b, &[]);
    let mapped = ("certificatemappingmethodsraw=24", "certificatemappingmethodsraw=28");
    both(&with(&[named, mapped]), EdgeKind::ADCSESC6b, &ALL);
    let dns = ("subjectaltrequiredns=false", "subjectaltrequiredns=true");
    both(&with(&[named, mapped, dns]), EdgeKind::ADCSESC6b, &["g>S-1-5-21-1"]);
}

#[test]
fn managed_service_accounts_have_dns_names_for_us() {
    let words = with(&[
        ("isuserspecifiessanenabled=false", "isuserspecifiessanenabled=true"),
        ("nosecurityextension=false", "nosecurityextension=true"),
        ("subjectaltrequiredns=false", "subjectaltrequiredns=true"),
        ("User u a=b", "User u gmsa=true"),
    ]);
    check(&words, Mode::Ours, EdgeKind::ADCSESC6a, &ALL);
    check(&words, Mode::BloodHound, EdgeKind::ADCSESC6a, &["g>S-1-5-21-1"]);
}

#[test]
fn esc4_asks_for_different_rights_each_way() {
    both(&format!("{}\nu GenericWrite t", with(&[])), EdgeKind::ADCSESC4, &["u>S-1-5-21-1"]);
    both(&format!("{}\ng WriteDacl t", with(&[])), EdgeKind::ADCSESC4, &["g>S-1-5-21-1"]);
    both(&format!("{}\nu WritePKINameFlag t", with(&[])), EdgeKind::ADCSESC4, &["u>S-1-5-21-1"]);
    both(&format!("{}\nu WritePKIEnrollmentFlag t", with(&[])), EdgeKind::ADCSESC4, &[]);
    let signed = ("authorizedsignatures=0", "authorizedsignatures=1");
    both(&format!("{}\nu WritePKINameFlag t", with(&[signed])), EdgeKind::ADCSESC4, &[]);
    both(&format!("{}\nm GenericAll t", with(&[])), EdgeKind::ADCSESC4, &["m>S-1-5-21-1"]);
}

#[test]
fn owning_a_template_counts_for_us_on_the_first_derivation() {
    let words = format!("{}\nu OwnsRaw t", with(&[]));
    check(&words, Mode::Ours, EdgeKind::ADCSESC4, &["u>S-1-5-21-1"]);
    check(&words, Mode::BloodHound, EdgeKind::ADCSESC4, &[]);
}

#[test]
fn esc3_enrols_on_behalf_of_others() {
    let agent = "CertTemplate a requiresmanagerapproval=false authenticationenabled=false enrolleesuppliessubject=false nosecurityextension=false schemaversion=2 authorizedsignatures=0 subjectaltrequiredns=false subjectaltrequiredomaindns=false effectiveekus=1.3.6.1.4.1.311.20.2.1|\na PublishedTo ca\nu Enroll a";
    let opened = ("authorizedsignatures=0 subjectaltrequireupn", "authorizedsignatures=1 subjectaltrequireupn");
    let asks = ("applicationpolicies=[]", "applicationpolicies=1.3.6.1.4.1.311.20.2.1|");
    let words = format!("{}\n{agent}", with(&[opened, asks]));
    both(&words, EdgeKind::EnrollOnBehalfOf, &["a>t"]);
    both(&words, EdgeKind::ADCSESC3, &["u>S-1-5-21-1"]);
    both(&format!("{}\n{agent}", with(&[opened])), EdgeKind::EnrollOnBehalfOf, &[]);
    let restricted = words.replace(
        "enrollmentagentrestrictionscollected=false",
        "enrollmentagentrestrictionscollected=true hasenrollmentagentrestrictions=true",
    );
    both(&format!("{restricted}\nu DelegatedEnrollmentAgent t"), EdgeKind::ADCSESC3, &["u>S-1-5-21-1"]);
    both(&format!("{restricted}\nm DelegatedEnrollmentAgent t"), EdgeKind::ADCSESC3, &[]);
}

#[test]
fn esc9_and_esc10_rename_an_account_that_enrols() {
    let control = "x GenericWrite m";
    let weak = ("strongcertificatebindingenforcementraw=2", "strongcertificatebindingenforcementraw=-1");
    let bare = ("nosecurityextension=false", "nosecurityextension=true");
    both(&format!("{}\n{control}", with(&[weak, bare])), EdgeKind::ADCSESC9a, &["x>S-1-5-21-1"]);
    both(&format!("{}\n{control}", with(&[bare])), EdgeKind::ADCSESC9a, &[]);
    both(&format!("{}\n{control}", with(&[weak])), EdgeKind::ADCSESC9a, &[]);
    let mapped = ("certificatemappingmethodsraw=24", "certificatemappingmethodsraw=4");
    both(&format!("{}\n{control}", with(&[mapped])), EdgeKind::ADCSESC10a, &["x>S-1-5-21-1"]);
    both(&format!("{}\n{control}", with(&[])), EdgeKind::ADCSESC10a, &[]);
    let parts = composition(&format!("{}\n{control}", with(&[mapped])), EdgeKind::ADCSESC10a);
    assert!(parts.contains(&"x GenericWrite m".to_owned()) && parts.contains(&"m MemberOf g".to_owned()), "{parts:?}");
}

#[test]
fn the_b_forms_want_a_computer_and_its_dns_name() {
    let words = with(&[
        ("nosecurityextension=false", "nosecurityextension=true"),
        ("strongcertificatebindingenforcementraw=2", "strongcertificatebindingenforcementraw=1"),
        ("certificatemappingmethodsraw=24", "certificatemappingmethodsraw=31"),
        ("subjectaltrequiredns=false", "subjectaltrequiredns=true"),
    ]);
    let words = format!("{words}\nComputer c a=b\nc MemberOf g\nx GenericAll c\ny GenericAll m");
    both(&words, EdgeKind::ADCSESC9b, &["x>S-1-5-21-1"]);
    both(&words, EdgeKind::ADCSESC10b, &["x>S-1-5-21-1"]);
    both(&words, EdgeKind::ADCSESC9a, &["x>S-1-5-21-1"]);
}

#[test]
fn esc13_leads_to_the_linked_group_of_the_forest() {
    let words = with(&[("CertTemplate t", "CertTemplate t domainsid=S-1-5-21-1 certificatepolicy=1.2.3|")]);
    let policy =
        "IssuancePolicy p certtemplateoid=1.2.3 domainsid=S-1-5-21-1\nGroup q domainsid=S-1-5-21-1\np OIDGroupLink q";
    both(&format!("{words}\n{policy}"), EdgeKind::ExtendedByPolicy, &["t>p"]);
    both(&format!("{words}\n{policy}"), EdgeKind::ADCSESC13, &["g>q", "u>q"]);
    let foreign = policy.replace("Group q domainsid=S-1-5-21-1", "Group q domainsid=S-1-5-21-9");
    both(&format!("{words}\n{foreign}"), EdgeKind::ADCSESC13, &[]);
}

#[test]
fn beyond_bloodhound_each_escalation_has_its_own_condition() {
    let ours = |words: &str, kind, expect: &[&str]| {
        check(words, Mode::Ours, kind, expect);
        check(words, Mode::BloodHound, kind, &[]);
    };
    let any = ("effectiveekus=1.3.6.1.5.5.7.3.2|", "effectiveekus=[]");
    ours(&with(&[any]), EdgeKind::ADCSESC2, &ALL);
    ours(&format!("{}\nw GenericAll store", with(&[])), EdgeKind::ADCSESC5, &["w>S-1-5-21-1"]);
    ours(&format!("{}\nw ManageCA ca", with(&[])), EdgeKind::ADCSESC7, &["w>S-1-5-21-1"]);
    let old = [
        ("schemaversion=2", "schemaversion=1"),
        ("enrolleesuppliessubject=false", "enrolleesuppliessubject=true"),
        ("authenticationenabled=true", "authenticationenabled=false"),
    ];
    ours(&with(&old), EdgeKind::ADCSESC15, &ALL);
    let confidence = |words: &str| {
        derived(words, Mode::Ours).1.edges.iter().find(|e| e.key.kind == EdgeKind::ADCSESC15).unwrap().confidence
    };
    assert_eq!(confidence(&with(&old)), 50, "whether the update is installed is unknown");
    let off = ("EnterpriseCA ca", "EnterpriseCA ca disabledextensions=1.3.6.1.4.1.311.25.2|");
    let weak = ("strongcertificatebindingenforcementraw=2", "strongcertificatebindingenforcementraw=1");
    ours(&format!("{}\nx GenericAll m", with(&[off, weak])), EdgeKind::ADCSESC16, &["x>S-1-5-21-1"]);
    ours(
        &with(&[off, ("isuserspecifiessanenabled=false", "isuserspecifiessanenabled=true")]),
        EdgeKind::ADCSESC16,
        &ALL,
    );
    let mapped = "User v domainsid=S-1-5-21-1\nw WriteAltSecurityIdentities v";
    ours(&format!("{}\n{mapped}", with(&[])), EdgeKind::ADCSESC14, &["w>v"]);
}

#[test]
fn an_officer_approves_its_own_request() {
    let words = with(&[
        ("requiresmanagerapproval=false", "requiresmanagerapproval=true"),
        ("enrolleesuppliessubject=false", "enrolleesuppliessubject=true"),
    ]);
    check(&format!("{words}\nu ManageCertificates ca"), Mode::Ours, EdgeKind::ADCSESC7, &["u>S-1-5-21-1"]);
    check(&format!("{}\nu ManageCertificates ca", with(&[])), Mode::Ours, EdgeKind::ADCSESC7, &[]);
}
