//! Templates and preferences by hand.

use super::*;

fn sid(text: &str) -> Trustee {
    Trustee::Sid(text.parse().unwrap())
}

fn policy(files: &[(&str, &[u8])]) -> (Policy, Counters) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("lab.example/Policies/{0A1B2C3D-0001-4000-8000-000000000001}");
    for (name, content) in files {
        let file = root.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }
    let mut counters = Counters::default();
    let policies = read(folder.path(), &mut counters).unwrap();
    let guid = "0a1b2c3d-0001-4000-8000-000000000001".parse().unwrap();
    (policies.get(&guid).unwrap().clone(), counters)
}

const TEMPLATE: &str = "Machine/Microsoft/Windows NT/SecEdit/GptTmpl.inf";

#[test]
fn a_template_sets_groups_rights_and_values() {
    let text = "[Unicode]\r\nUnicode=yes\r\n[Group Membership]\r\n*S-1-5-32-544__Members = *S-1-5-21-1-2-3-512,LAB\\Ops\r\n\
        *S-1-5-32-544__Memberof =\r\n*S-1-5-21-1-2-3-600__Memberof = *S-1-5-32-555,*S-1-5-32-544\r\nnonsense\r\n\
        [Privilege Rights]\r\nSeRemoteInteractiveLogonRight = *S-1-5-32-544\r\n\
        [Registry Values]\r\nMACHINE\\System\\X\\LmCompatibilityLevel=4,1\r\n";
    let utf16: Vec<u8> = [0xfeff_u16].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let (from_utf16, counters) = policy(&[(TEMPLATE, &utf16)]);
    assert_eq!(from_utf16, policy(&[(TEMPLATE, text.as_bytes())]).0, "in either encoding");
    let change = |rid, effect| GroupChange { rid, effect };
    assert_eq!(
        from_utf16.groups,
        [
            change(544, Effect::Set(vec![sid("S-1-5-21-1-2-3-512"), Trustee::Name("LAB\\Ops".to_owned())])),
            change(555, Effect::Add(vec![sid("S-1-5-21-1-2-3-600")])),
            change(544, Effect::Add(vec![sid("S-1-5-21-1-2-3-600")])),
        ]
    );
    assert_eq!(from_utf16.rights["SeRemoteInteractiveLogonRight"], [sid("S-1-5-32-544")]);
    assert_eq!(from_utf16.registry["machine\\system\\x\\lmcompatibilitylevel"], "1");
    assert_eq!(counters.ignored.len(), 1, "{counters:?}");
}

#[test]
fn preferences_change_groups_and_tell_where_a_password_is() {
    let xml = br#"<Groups><Group><Properties action="U" groupName="Administrators (built-in)" deleteAllUsers="1"
        deleteAllGroups="1"><Members><Member name="LAB\a" action="ADD" sid="S-1-5-21-1-2-3-9"/>
        <Member name="LAB\b &amp; c" action="REMOVE" sid=""/></Members></Properties></Group>
        <Group disabled="1"><Properties action="U" groupSid="S-1-5-32-555"/></Group>
        <User><Properties userName="x" cpassword="abc"/></User></Groups>"#;
    let (policy, counters) = policy(&[("Machine/Preferences/Groups/Groups.xml", xml)]);
    let effects: Vec<_> = policy.groups.iter().map(|change| (change.rid, change.effect.clone())).collect();
    assert_eq!(
        effects,
        [
            (544, Effect::Clear),
            (544, Effect::Remove(vec![Trustee::Name("LAB\\b & c".to_owned())])),
            (544, Effect::Add(vec![sid("S-1-5-21-1-2-3-9")])),
        ]
    );
    assert!(policy.passwords.contains("Machine/Preferences/Groups/Groups.xml"));
    assert!(counters.dropped.is_empty());
}

#[test]
fn an_empty_password_a_broken_file_and_other_files_are_no_finding() {
    let (policy, counters) = policy(&[
        ("User/Preferences/Drives/Drives.xml", br#"<Drives><Drive><Properties cpassword=""/></Drive></Drives>"#),
        ("Machine/Preferences/Groups/Groups.xml", b"<Groups><Group a=<"),
        ("GPT.INI", b"[General]"),
    ]);
    assert!(policy.passwords.is_empty() && policy.groups.is_empty());
    assert_eq!(counters.dropped.len(), 1, "{counters:?}");
}

#[test]
fn scripts_are_listed_and_those_with_a_password_told() {
    let (policy, _) = policy(&[
        ("User/Scripts/Logon/map.bat", b"@echo off\r\nnet use S: \\\\fs\\s /user:LAB\\svc Secret1\r\n"),
        ("Machine/Scripts/Startup/a.ps1", b"Write-Host hello"),
        ("Machine/Scripts/scripts.ini", b"[Startup]"),
    ]);
    assert_eq!(policy.scripts.len(), 2);
    assert_eq!(policy.password_scripts.iter().collect::<Vec<_>>(), ["User/Scripts/Logon/map.bat"]);
    assert!(!format!("{policy:?}").contains("Secret1"));
}
