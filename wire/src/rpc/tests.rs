//! Stubs put together by hand after the specifications' IDL.

use proptest::prelude::*;

use super::*;

/// A stub under construction, in NDR.
#[derive(Default)]
struct Build(Vec<u8>);

impl Build {
    fn align(mut self, to: usize) -> Self {
        self.0.resize(self.0.len().next_multiple_of(to), 0);
        self
    }

    fn u32(self, value: u32) -> Self {
        let mut aligned = self.align(4);
        aligned.0.extend(value.to_le_bytes());
        aligned
    }

    fn u16(self, value: u16) -> Self {
        let mut aligned = self.align(2);
        aligned.0.extend(value.to_le_bytes());
        aligned
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    fn handle(self) -> Self {
        self.align(4).bytes(&[7; 20])
    }

    fn string(self, text: &str) -> Self {
        let units: Vec<u8> = text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
        let count = u32::try_from(units.len() / 2).unwrap();
        self.u32(count).u32(0).u32(count).bytes(&units)
    }

    fn unique(self, text: &str) -> Self {
        self.u32(0x20000).string(text)
    }

    fn unicode(self, text: &str) -> Self {
        let length = u16::try_from(text.len() * 2).unwrap();
        let mut built = self.align(4).u16(length).u16(length).u32(0x20004);
        let count = u32::try_from(text.len()).unwrap();
        built = built.u32(count).u32(0).u32(count);
        let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        built.bytes(&units)
    }
}

fn arguments(interface: &Interface, opnum: u16, stub: &Build) -> RpcArguments {
    let whole = Stub { bytes: &stub.0, syntax: NdrSyntax::Ndr, big_endian: false };
    for end in 0..stub.0.len() {
        let cut = Stub { bytes: &stub.0[..end], ..whole };
        let _ = interface.arguments(opnum, cut);
    }
    interface.arguments(opnum, whole).unwrap()
}

#[test]
fn every_interface_lists_its_operations_once_and_in_order() {
    for interface in INTERFACES {
        assert!(interface.operations.is_sorted_by(|a, b| a.0 < b.0), "{interface:?}");
    }
    let mut uuids: Vec<_> = INTERFACES.iter().map(|interface| interface.uuid).collect();
    uuids.sort_unstable();
    uuids.dedup();
    assert_eq!(uuids.len(), INTERFACES.len());
}

#[test]
fn operations_bear_the_names_of_their_specifications() {
    let name = |uuid: &str, opnum| interface(uuid.parse().unwrap()).unwrap().operation(opnum);
    assert_eq!(name("e3514235-4b06-11d1-ab04-00c04fc2dcd2", 3), "IDL_DRSGetNCChanges");
    assert_eq!(name("12345778-1234-abcd-ef00-0123456789ac", 13), "SamrEnumerateUsersInDomain");
    assert_eq!(name("4b324fc8-1670-01d3-1278-5a47bf6ee188", 12), "NetrSessionEnum");
    assert_eq!(name("c681d488-d850-11d0-8c52-00c04fd90f7e", 0), "EfsRpcOpenFileRaw");
    assert_eq!(name("12345678-1234-abcd-ef00-01234567cffb", 26), "NetrServerAuthenticate3");
    assert_eq!(name("9556dc99-828c-11cf-a37e-00aa003240c7", 24), "ExecMethod");
    assert_eq!(name("12345678-1234-abcd-ef00-0123456789ab", 65), "RpcRemoteFindFirstPrinterChangeNotificationEx");
    assert_eq!(name("367abb81-9844-35f1-ad32-98f038001003", 999), "");
}

#[test]
fn a_service_creation_gives_name_and_image_path() {
    let stub = Build::default().handle().string("BTOBTO").unique("shown").u32(0xf01ff).u32(16).u32(3).u32(0);
    let stub = stub.string("%COMSPEC% /Q /c whoami");
    assert_eq!(
        arguments(&svcctl::SVCCTL, 12, &stub),
        RpcArguments::Service { name: "BTOBTO".into(), image_path: "%COMSPEC% /Q /c whoami".into() }
    );
}

#[test]
fn a_task_registration_gives_path_and_xml() {
    let stub = Build::default().unique("\\atk").string("<Task/>").u32(2);
    assert_eq!(
        arguments(&tasks::TSCH, 1, &stub),
        RpcArguments::Task { path: "\\atk".into(), definition: "<Task/>".into() }
    );
}

#[test]
fn an_at_job_gives_its_command() {
    let stub = Build::default().u32(0).u32(1000).u32(0).bytes(&[0, 0]).unique("cmd");
    assert_eq!(
        arguments(&tasks::ATSVC, 0, &stub),
        RpcArguments::Task { path: String::new(), definition: "cmd".into() }
    );
}

#[test]
fn a_challenge_of_zeros_is_told() {
    let zero = Build::default().unique("\\\\DC1").string("DC1").bytes(&[0; 8]);
    let expected = |zero_credential| RpcArguments::NetlogonAuthenticate {
        account: String::new(),
        computer: "DC1".into(),
        zero_credential,
    };
    assert_eq!(arguments(&netlogon::NETLOGON, 4, &zero), expected(true));
    let one = Build::default().unique("\\\\DC1").string("DC1").bytes(&[0, 0, 0, 0, 0, 0, 0, 1]);
    assert_eq!(arguments(&netlogon::NETLOGON, 4, &one), expected(false));
}

#[test]
fn an_authenticate_gives_account_and_computer() {
    let stub = Build::default().unique("\\\\DC1").string("WS1$").u16(2).string("WS1").bytes(&[1; 8]).u32(0x6007_ffff);
    assert_eq!(
        arguments(&netlogon::NETLOGON, 26, &stub),
        RpcArguments::NetlogonAuthenticate { account: "WS1$".into(), computer: "WS1".into(), zero_credential: false }
    );
}

#[test]
fn a_secret_is_told_by_name() {
    let stub = Build::default().handle().unicode("G$BCKUPKEY_PREFERRED");
    assert_eq!(arguments(&lsarpc::LSARPC, 43, &stub), RpcArguments::Secret { name: "G$BCKUPKEY_PREFERRED".into() });
}

#[test]
fn names_looked_up_in_a_domain_are_told() {
    let stub = Build::default().handle().u32(1).u32(1000).u32(0).u32(1).unicode("krbtgt");
    assert_eq!(arguments(&samr::SAMR, 17, &stub), RpcArguments::Names(vec!["krbtgt".into()]));
}

#[test]
fn sids_looked_up_are_told() {
    // One entry, S-1-5-32-544.
    let stub = Build::default().handle().u32(1).u32(0x20000).u32(1).u32(0x20004);
    let stub = stub.u32(2).bytes(&[1, 2, 0, 0, 0, 0, 0, 5]).u32(32).u32(544);
    assert_eq!(arguments(&lsarpc::LSARPC, 15, &stub), RpcArguments::Identifiers(vec!["S-1-5-32-544".into()]));
}

#[test]
fn a_replication_request_names_its_naming_context() {
    let name = "DC=lab,DC=example";
    let mut stub = Build::default().handle().u32(8).u32(8).align(8).bytes(&[1; 16]).bytes(&[2; 16]).u32(0x20000);
    // usnvecFrom, pUpToDateVecDest null, ulFlags, cMaxObjects, cMaxBytes, ulExtendedOp 6, liFsmoInfo.
    stub = stub.align(8).bytes(&[0; 24]).u32(0).u32(0x30).u32(1).u32(0).u32(6).align(8).bytes(&[0; 8]);
    stub = stub.u32(0).u32(0).u32(0).u32(0);
    let units: Vec<u8> = name.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
    let length = u32::try_from(name.len()).unwrap();
    stub = stub.u32(length + 1).u32(100).u32(0).bytes(&[0; 16]).bytes(&[0; 28]).u32(length).bytes(&units);
    assert_eq!(
        arguments(&drsuapi::DRSUAPI, 3, &stub),
        RpcArguments::Replication { object: name.into(), extended_op: 6 }
    );
}

#[test]
fn coercion_calls_give_the_path_that_is_forced() {
    let efs = Build::default().string("\\\\10.0.0.9\\share\\x").u32(0);
    assert_eq!(arguments(&coercion::EFSRPC, 0, &efs), RpcArguments::Path("\\\\10.0.0.9\\share\\x".into()));
    let dfs = Build::default().string("10.0.0.9").string("x").u32(0);
    assert_eq!(arguments(&coercion::DFSNM, 13, &dfs), RpcArguments::Path("\\\\10.0.0.9\\x".into()));
    let print = Build::default().handle().u32(0x100).u32(0).unique("\\\\10.0.0.9").u32(0);
    assert_eq!(arguments(&print::RPRN, 65, &print), RpcArguments::Path("\\\\10.0.0.9".into()));
    let shadow = Build::default().string("\\\\10.0.0.9\\x\\");
    assert_eq!(arguments(&coercion::FSRVP, 9, &shadow), RpcArguments::Path("\\\\10.0.0.9\\x\\".into()));
}

#[test]
fn a_printer_driver_on_another_host_is_told() {
    let fixed = Build::default().unique("\\\\DC1").u32(2).u32(2).u32(0x20000).u32(3);
    let fixed = fixed.u32(1).u32(2).u32(3).u32(4).u32(5);
    let stub = fixed.string("name").string("Windows x64").string("C:\\UNIDRV.DLL").string("C:\\x");
    let stub = stub.string("\\\\10.0.0.9\\smb\\evil.dll").u32(0x8014);
    assert_eq!(arguments(&print::RPRN, 89, &stub), RpcArguments::Path("\\\\10.0.0.9\\smb\\evil.dll".into()));
}

#[test]
fn handles_complete_what_a_call_acts_on() {
    let by_rid = with_handle(&samr::SAMR, 34, RpcArguments::Identifiers(vec!["500".into()]), "S-1-5-21-1-2-3");
    assert_eq!(by_rid, RpcArguments::Identifiers(vec!["S-1-5-21-1-2-3-500".into()]));
    let added = with_handle(&samr::SAMR, 22, RpcArguments::Identifiers(vec!["1104".into()]), "S-1-5-21-1-2-3-512");
    let expected = vec!["S-1-5-21-1-2-3-1104".to_owned(), "S-1-5-21-1-2-3-512".into()];
    assert_eq!(added, RpcArguments::Identifiers(expected));
    let key = with_handle(&winreg::WINREG, 15, RpcArguments::RegistryKey("SAM".into()), "HKLM");
    assert_eq!(key, RpcArguments::RegistryKey("HKLM\\SAM".into()));
}

#[test]
fn the_return_value_tells_a_failure_by_the_interfaces_own_kind() {
    let stub = |bytes: &'static [u8]| Stub { bytes, syntax: NdrSyntax::Ndr, big_endian: false };
    assert_eq!(svcctl::SVCCTL.failure(stub(&[5, 0, 0, 0])), Some(5));
    assert_eq!(srvsvc::SRVSVC.failure(stub(&[234, 0, 0, 0])), None, "more data is no failure");
    assert_eq!(samr::SAMR.failure(stub(&[5, 1, 0, 0])), None, "STATUS_MORE_ENTRIES is no failure");
    assert_eq!(samr::SAMR.failure(stub(&[0x22, 0, 0, 0xc0])), Some(0xc000_0022));
    assert_eq!(samr::SAMR.failure(stub(&[0, 0])), None);
}

proptest! {
    #[test]
    fn random_stubs_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), opnum in 0u16..100) {
        let mut message = opnum.to_le_bytes().to_vec();
        message.extend(bytes);
        decode_all(&message);
    }
}
