//! The lab's captures, whose truth is in their labels, through the whole pipeline. The counts of operations are those that
//! an independent decoder (tshark) gives for the same captures.

use hopwatch_model::event::{NtlmVersion, RpcArguments, RpcCall};
use hopwatch_model::{Activity, Event};

use crate::analyzers::testing::lab_capture;
use crate::capture::{Config, read_file};
use crate::sink::Collected;
use crate::{Counters, DigestKey};

fn events(name: &str) -> Vec<Event> {
    let (mut sink, mut counters) = (Collected::default(), Counters::default());
    let config = Config::new(DigestKey::one_shot());
    read_file(&lab_capture(name)[..], name, &config, &mut sink, &mut counters).unwrap();
    assert!(counters.dropped.is_empty(), "{name}: {:?}", counters.dropped);
    sink.events
}

fn calls<'a>(events: &'a [Event], operation: &str) -> Vec<(&'a Event, &'a RpcCall)> {
    let call = |event: &'a Event| match &event.activity {
        Activity::RpcCall(call) if call.operation == operation => Some((event, &**call)),
        _ => None,
    };
    events.iter().filter_map(call).collect()
}

fn actor(event: &Event) -> &str {
    event.actor.as_ref().map_or("", |actor| actor.name.as_str())
}

#[test]
fn dcsync_is_told_though_its_stubs_are_sealed() {
    let events = events("dcsync");
    let [(event, call)] = calls(&events, "IDL_DRSGetNCChanges")[..] else { panic!("one replication call") };
    assert_eq!(actor(event), "svc_sync");
    assert!(call.bind_seen && event.outcome.succeeded());
}

#[test]
fn zerologon_probing_shows_challenges_of_zeros() {
    let events = events("zerologon-probing");
    for operation in ["NetrServerReqChallenge", "NetrServerAuthenticate3"] {
        let calls = calls(&events, operation);
        assert!(!calls.is_empty());
        let zero =
            |call: &RpcCall| matches!(call.arguments, RpcArguments::NetlogonAuthenticate { zero_credential: true, .. });
        assert!(calls.iter().all(|(_, call)| zero(call)), "{operation}");
    }
}

#[test]
fn the_backup_key_is_asked_for_by_name() {
    let events = events("dpapi-backup-key");
    let [(event, call)] = calls(&events, "LsarRetrievePrivateData")[..] else { panic!("one call") };
    assert_eq!(actor(event), "adm.bruno");
    assert_eq!(call.arguments, RpcArguments::Secret { name: "G$BCKUPKEY_PREFERRED".into() });
    assert!(event.outcome.failed(), "Samba does not implement it");
}

#[test]
fn session_enumeration_is_told_from_share_enumeration() {
    let events = events("recon-smb-session-enum");
    assert_eq!(calls(&events, "NetrSessionEnum").len(), 2);
    assert_eq!(calls(&events, "NetrShareEnum").len(), 2);
    assert_eq!(calls(&events, "NetrWkstaUserEnum").len(), 2);
    assert!(calls(&events, "NetrSessionEnum").iter().all(|(event, _)| actor(event) == "intern.ian"));
}

#[test]
fn failed_ntlm_logons_bear_the_status_of_the_session_setup() {
    let events = events("brute-force-ntlm-vertical");
    let failed = |code| {
        let logon =
            |event: &&Event| matches!(event.activity, Activity::NtlmLogon(_)) && event.outcome.code() == Some(code);
        events.iter().filter(logon).count()
    };
    // STATUS_LOGON_FAILURE, then STATUS_ACCOUNT_LOCKED_OUT.
    assert_eq!((failed(0xc000_006d), failed(0xc000_0234)), (10, 20));
}

#[test]
fn weak_protocols_are_told_by_version_and_dialect() {
    let weak = events("ntlmv1");
    let v1 = |event: &Event| matches!(&event.activity, Activity::NtlmLogon(l) if matches!(l.version, NtlmVersion::V1 | NtlmVersion::V1Ess));
    assert!(weak.iter().any(v1));
    let smb1 = |event: &Event| matches!(&event.activity, Activity::SmbSession(s) if s.dialect == "1");
    assert!(events("smbv1").iter().any(smb1));
    // Four connections offer SMB1 in their negotiate; only smbclient's workgroup listing ends in it.
    let browse = events("smb-browse");
    assert_eq!(browse.iter().filter(|event| smb1(event)).count(), 1);
    assert!(!browse.iter().any(v1));
}
