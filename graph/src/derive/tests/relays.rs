//! Relayed logons.

use super::*;

const ESTATE: &str = "Group L.X-S-1-5-11 domainsid=S-1-5-21-1
    Group S-1-5-21-1-525 domainsid=S-1-5-21-1
    Computer t smbsigning=false domainsid=S-1-5-21-1 restrictoutboundntlm=true
    Computer s smbsigning=true domainsid=S-1-5-21-1 restrictoutboundntlm=true
    Computer c restrictoutboundntlm=false webclientrunning=true domainsid=S-1-5-21-1
    Computer dc isdc=true ldapavailable=true ldapsigning=false ldapsavailable=true ldapsepa=false domainsid=S-1-5-21-1 restrictoutboundntlm=true
    Group admins a=b
    c MemberOf admins
    ADLocalGroup t-544 a=b
    ADLocalGroup s-544 a=b
    t-544 LocalToComputer t
    s-544 LocalToComputer s
    admins MemberOfLocalGroup t-544
    admins MemberOfLocalGroup s-544
";

fn words() -> String {
    format!("{}{ESTATE}", DOMAIN.replace("netbios=L", "netbios=L functionallevel=2016"))
}

#[test]
fn smb_without_signing_takes_the_logon_of_an_administrator() {
    both(&words(), EdgeKind::CoerceAndRelayNTLMToSMB, &["L.X-S-1-5-11>t"]);
    assert_eq!(composition(&words(), EdgeKind::CoerceAndRelayNTLMToSMB), ["admins AdminTo t", "c MemberOf admins"]);
    let silent = words().replace("Computer c restrictoutboundntlm=false", "Computer c restrictoutboundntlm=true");
    both(&silent, EdgeKind::CoerceAndRelayNTLMToSMB, &[]);
}

#[test]
fn protected_users_are_not_relayed_where_the_domain_honours_the_group() {
    let protected = format!("{}\nc MemberOf S-1-5-21-1-525", words());
    both(&protected, EdgeKind::CoerceAndRelayNTLMToSMB, &[]);
    let old = protected.replace("functionallevel=2016", "functionallevel=2012");
    both(&old, EdgeKind::CoerceAndRelayNTLMToSMB, &["L.X-S-1-5-11>t"]);
}

#[test]
fn ldap_takes_the_logon_of_a_computer_with_the_web_client() {
    both(&words(), EdgeKind::CoerceAndRelayNTLMToLDAP, &["L.X-S-1-5-11>c"]);
    both(&words(), EdgeKind::CoerceAndRelayNTLMToLDAPS, &["L.X-S-1-5-11>c"]);
    both(&words().replace("ldapsigning=false", "ldapsigning=true"), EdgeKind::CoerceAndRelayNTLMToLDAP, &[]);
    both(&words().replace("ldapsepa=false", "ldapsepa=true"), EdgeKind::CoerceAndRelayNTLMToLDAPS, &[]);
    both(&words().replace("webclientrunning=true", "webclientrunning=false"), EdgeKind::CoerceAndRelayNTLMToLDAP, &[]);
}

#[test]
fn a_computer_of_unknown_ntlm_settings_is_a_gap_and_no_edge() {
    let unknown = words().replace("Computer c restrictoutboundntlm=false", "Computer c");
    let derivation = derived(&unknown, Mode::Ours);
    assert!(edges(&derivation, EdgeKind::CoerceAndRelayNTLMToSMB).is_empty());
    assert!(derivation.1.gaps.iter().any(|gap| gap.starts_with("1 computers: restrictoutboundntlm unknown")));
}

#[test]
fn web_enrolment_takes_the_logon_of_whoever_can_enrol() {
    let authority = "RootCA root certthumbprint=C\nEnterpriseCA ca certthumbprint=C certchain=C| hasvulnerableendpoint=true
        NTAuthStore store certthumbprints=C|\nComputer host enabled=true\nhost HostsCAService ca
        root RootCAFor S-1-5-21-1\nstore NTAuthStoreFor S-1-5-21-1\nt1 PublishedTo ca\nL.X-S-1-5-11 Enroll ca\nc Enroll t1\ndc Enroll t1
        dc DCFor S-1-5-21-1
        CertTemplate t1 requiresmanagerapproval=false authenticationenabled=true schemaversion=1 authorizedsignatures=0";
    let all = format!("{}{authority}", words());
    both(&all, EdgeKind::CoerceAndRelayNTLMToADCS, &["L.X-S-1-5-11>c"]);
    both(
        &all.replace("hasvulnerableendpoint=true", "hasvulnerableendpoint=false"),
        EdgeKind::CoerceAndRelayNTLMToADCS,
        &[],
    );
    check(&all, Mode::Ours, EdgeKind::ADCSESC8, &[]);
    let open = all.replace(
        "domainsid=S-1-5-21-1 restrictoutboundntlm=true\n    Group admins",
        "domainsid=S-1-5-21-1 restrictoutboundntlm=false\n    Group admins",
    );
    check(&open, Mode::Ours, EdgeKind::ADCSESC8, &["L.X-S-1-5-11>S-1-5-21-1"]);
    check(
        &open.replace("hasvulnerableendpoint=true", "rpcencryptionenforced=false"),
        Mode::Ours,
        EdgeKind::ADCSESC11,
        &["L.X-S-1-5-11>S-1-5-21-1"],
    );
}
