//! Descriptors made by hand; those of a directory are compared in `ingest/tests/security_descriptors.rs`.

use proptest::prelude::*;

use super::*;
use crate::error::Error;

const ADMINS: [u8; 16] = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0];
const EVERYONE: [u8; 12] = [1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];
/// `bf9679c0-0de6-11d0-a285-00aa003049e2`, the attribute `member`.
const MEMBER: [u8; 16] = [0xc0, 0x79, 0x96, 0xbf, 0xe6, 0x0d, 0xd0, 0x11, 0xa2, 0x85, 0, 0xaa, 0, 0x30, 0x49, 0xe2];

fn ace(code: u8, flags: u8, body: &[u8]) -> Vec<u8> {
    let size = u16::try_from(body.len() + 4).unwrap().to_le_bytes();
    [&[code, flags], &size[..], body].concat()
}

fn acl(aces: &[Vec<u8>]) -> Vec<u8> {
    let body = aces.concat();
    let size = u16::try_from(body.len() + 8).unwrap().to_le_bytes();
    let count = u16::try_from(aces.len()).unwrap().to_le_bytes();
    [&[4, 0], &size[..], &count, &[0, 0], &body].concat()
}

/// A descriptor owned by the administrators, with the list right behind the header.
fn descriptor(control: u16, dacl: Option<&[u8]>) -> Vec<u8> {
    let dacl_bytes = dacl.unwrap_or_default();
    let owner = u32::try_from(20 + dacl_bytes.len()).unwrap().to_le_bytes();
    let at: u32 = if dacl.is_some() { 20 } else { 0 };
    let control = (control | control::SELF_RELATIVE).to_le_bytes();
    let head = [&[1, 0], &control[..], &owner, &[0; 8], &at.to_le_bytes()].concat();
    [&head, dacl_bytes, &ADMINS].concat()
}

fn every_type() -> Vec<Vec<u8>> {
    let plain = [&0x20_u32.to_le_bytes()[..], &EVERYONE].concat();
    let object = [&0x20_u32.to_le_bytes()[..], &1_u32.to_le_bytes(), &MEMBER, &EVERYONE].concat();
    let both = [&0x20_u32.to_le_bytes()[..], &3_u32.to_le_bytes(), &MEMBER, &MEMBER, &EVERYONE].concat();
    let condition = [&plain[..], b"artx"].concat();
    let mut all: Vec<Vec<u8>> = [0, 1, 2, 3].iter().map(|code| ace(*code, 0, &plain)).collect();
    all.extend([5, 6, 7, 8, 0xb, 0xc, 0xf, 0x10].iter().map(|code| ace(*code, 0x12, &object)));
    all.push(ace(5, 0x1a, &both));
    all.extend([9, 0xa, 0xd, 0xe].iter().map(|code| ace(*code, 0, &condition)));
    all.extend([0x11, 0x12, 0x13].iter().map(|code| ace(*code, 0, &plain)));
    all.push(ace(0x77, 0, b"what is this"));
    all.push(ace(4, 0, b""));
    all
}

#[test]
fn every_type_of_entry_is_read_and_unknown_ones_keep_their_bytes() {
    let bytes = descriptor(control::DACL_PRESENT, Some(&acl(&every_type())));
    let decoded = decode(&bytes).unwrap();
    let entries: Vec<_> = decoded.dacl.acl().unwrap().aces().map(Result::unwrap).collect();
    assert_eq!(entries.len(), every_type().len());
    assert_eq!(entries.iter().filter(|ace| ace.access().is_some()).count(), 17);
    let unknown: Vec<_> = entries.iter().filter(|ace| matches!(ace.body, AceBody::Unknown(_))).collect();
    assert_eq!(unknown.len(), 2);
    assert_eq!(unknown[0].body, AceBody::Unknown(b"what is this"));
    let object = entries[12].access().unwrap();
    assert_eq!(object.types.object.unwrap().to_string(), "bf9679c0-0de6-11d0-a285-00aa003049e2");
    assert_eq!(object.types.object, object.types.inherited);
    assert_eq!(entries[13].access().unwrap().data, b"artx");
    assert_eq!(decoded.owner.unwrap().to_string(), "S-1-5-32-544");
}

#[test]
fn absent_null_and_empty_lists_are_three_things() {
    let (absent, null) = (descriptor(0, None), descriptor(control::DACL_PRESENT, None));
    let empty = descriptor(control::DACL_PRESENT, Some(&acl(&[])));
    assert_eq!(decode(&absent).unwrap().dacl, AclField::Absent);
    assert_eq!(decode(&null).unwrap().dacl, AclField::Null);
    assert!(decode(&empty).unwrap().dacl.acl().unwrap().empty());
    let texts = [&absent, &null, &empty].map(|bytes| decode(bytes).unwrap().to_sddl(None));
    assert_eq!(texts, ["O:BA", "O:BAD:NO_ACCESS_CONTROL", "O:BAD:"]);
}

#[test]
fn a_list_that_is_there_but_not_announced_is_absent() {
    let bytes = descriptor(0, Some(&acl(&every_type())));
    assert_eq!(decode(&bytes).unwrap().dacl, AclField::Absent);
}

#[test]
fn the_text_is_what_windows_writes() {
    let entries = [
        ace(0, 0x12, &[&mask::FULL_CONTROL.to_le_bytes()[..], &ADMINS].concat()),
        ace(5, 0x1a, &[&0x130_u32.to_le_bytes()[..], &2_u32.to_le_bytes(), &MEMBER, &EVERYONE].concat()),
        ace(1, 0, &[&0x200_u32.to_le_bytes()[..], &EVERYONE].concat()),
    ];
    let bytes = descriptor(control::DACL_PRESENT | control::DACL_PROTECTED, Some(&acl(&entries)));
    assert_eq!(
        decode(&bytes).unwrap().to_sddl(None),
        "O:BAD:P(A;CIID;CCDCLCSWRPWPDTLOCRSDRCWDWO;;;BA)\
         (OA;CIIOID;RPWPCR;;bf9679c0-0de6-11d0-a285-00aa003049e2;WD)(D;;0x200;;;WD)"
    );
}

#[test]
fn a_malformed_entry_does_not_hide_the_next() {
    let good = ace(0, 0, &[&0x20_u32.to_le_bytes()[..], &EVERYONE].concat());
    let bytes = descriptor(control::DACL_PRESENT, Some(&acl(&[ace(0, 0, &[1, 2]), good])));
    let entries: Vec<_> = decode(&bytes).unwrap().dacl.acl().unwrap().aces().collect();
    assert!(entries[0].is_err() && entries[1].is_ok() && entries.len() == 2);
}

#[test]
fn an_entry_shorter_than_its_header_ends_the_list() {
    let bytes = descriptor(control::DACL_PRESENT, Some(&acl(&[vec![0, 0, 3, 0], vec![0, 0, 3, 0]])));
    let entries: Vec<_> = decode(&bytes).unwrap().dacl.acl().unwrap().aces().collect();
    assert!(matches!(entries[..], [Err(Error::Malformed { .. })]));
}

#[test]
fn truncation_at_every_offset_is_an_error_and_never_a_panic() {
    let bytes = descriptor(control::DACL_PRESENT, Some(&acl(&every_type())));
    for cut in 0..bytes.len() {
        assert!(decode(&bytes[..cut]).is_err(), "{cut}");
        decode_everything(&bytes[..cut]);
    }
}

#[test]
fn identifiers_with_bytes_behind_them_or_too_many_parts_are_refused() {
    assert!(SidRef::decode(&ADMINS).is_ok());
    assert!(SidRef::decode(&[&ADMINS[..], &[0]].concat()).is_err());
    assert!(SidRef::decode(&[&[1, 16, 0, 0, 0, 0, 0, 5][..], &[0; 64]].concat()).is_err());
    assert!(SidRef::decode(&[&[2][..], &ADMINS[1..]].concat()).is_err());
}

#[test]
fn generic_rights_stand_for_those_of_directory_objects() {
    assert_eq!(mask::mapped(mask::GENERIC_ALL), mask::FULL_CONTROL);
    assert_eq!(mask::mapped(mask::GENERIC_WRITE), 0x2_0028);
    assert_eq!(mask::mapped(mask::GENERIC_READ), 0x2_0094);
    assert_eq!(mask::mapped(mask::GENERIC_EXECUTE), 0x2_0004);
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        decode_everything(&bytes);
    }

    #[test]
    fn a_changed_byte_never_panics(at in 0_usize..400, value in any::<u8>()) {
        let mut bytes = descriptor(control::DACL_PRESENT, Some(&acl(&every_type())));
        let at = at % bytes.len();
        bytes[at] = value;
        decode_everything(&bytes);
    }
}
