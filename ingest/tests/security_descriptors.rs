//! Our reading of security descriptors against Samba's: every distinct descriptor of the lab's directory as the wire has
//! it beside the SDDL that the domain controller's own library writes. The first line names the domain.
//!
//! Samba orders the letters of rights in its own way, and writes flags of inheritance likewise, so that both are compared
//! as sets; entries are compared in their order.

use std::collections::BTreeSet;
use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use hopwatch_model::Sid;
use hopwatch_wire::security_descriptor::decode;

const FIXTURE: &[u8] = include_bytes!("fixtures/security_descriptors.tsv.gz");

/// The fields of an entry, those that are sets of letter pairs in order of the alphabet.
fn entry(text: &str) -> Vec<String> {
    let sorted = |field: &str| {
        let pairs: BTreeSet<String> =
            field.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).into_owned()).collect();
        pairs.into_iter().collect::<String>()
    };
    let fields = text.split(';').enumerate();
    fields
        .map(|(at, field)| match at {
            1 => sorted(field),
            2 if !field.starts_with("0x") => sorted(field),
            _ => field.to_owned(),
        })
        .collect()
}

/// What stands before the entries, and the entries.
fn apart(sddl: &str) -> (String, Vec<Vec<String>>) {
    let mut head = String::new();
    let mut entries = Vec::new();
    for part in sddl.split('(') {
        match part.split_once(')') {
            Some((inside, behind)) => {
                entries.push(entry(inside));
                head.push_str(behind);
            }
            None => head.push_str(part),
        }
    }
    (head, entries)
}

#[test]
fn every_descriptor_of_the_lab_reads_as_samba_reads_it() {
    let mut text = String::new();
    GzDecoder::new(FIXTURE).read_to_string(&mut text).unwrap();
    let mut lines = text.lines();
    let domain: Sid = lines.next().unwrap().strip_prefix("domain\t").unwrap().parse().unwrap();
    let (mut descriptors, mut entries) = (0, 0);
    for line in lines {
        let (bytes, theirs) = line.split_once('\t').unwrap();
        let bytes = STANDARD.decode(bytes).unwrap();
        let ours = decode(&bytes).unwrap().to_sddl(Some(&domain));
        let (ours, theirs) = (apart(&ours), apart(theirs));
        assert_eq!(ours, theirs);
        descriptors += 1;
        entries += ours.1.len();
    }
    assert!(descriptors >= 40 && entries >= 500, "{descriptors} descriptors with {entries} entries");
}
