//! A directory snapshot as SharpHound's JSON of version 6, one file per kind in a flat zip: what `hopwatch import`,
//! BloodHound and its kin read. BloodHound `packages/go/ein/incoming_models.go` for the members, SharpHoundCommon's
//! published rules for what an access control entry is worth ([`acl`]).
//!
//! Objects are written one after the other: beside the snapshot, memory holds one object and the index.
//!
//! What the files of policies say of local groups is applied to each computer by the scope of the policy ([`scope`]), where
//! SYSVOL was read. Deliberately not done here: what only the hosts know (sessions, other local groups, registries, web
//! enrolment); those members say that they were not collected.

mod account;
mod acl;
mod certificate;
mod computer;
mod container;
mod index;
mod object;
mod pki;
mod policy;
mod principal;
mod properties;
mod scope;
mod template;
#[cfg(test)]
mod tests;
mod trust;
mod well_known;

use std::collections::BTreeMap;
use std::io::{Seek, Write};

use hopwatch_model::{DirectoryDelta, Guid, NodeKind, Timestamp};
use rustc_hash::FxHashSet;
use serde::Serialize;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::bloodhound;
use super::ldap::{Entry, Snapshot};
use crate::{Counters, Sink};
use index::{Index, Item};
use object::Object;

/// Why an archive could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The archive.
    #[error("cannot write the archive")]
    Archive(#[from] zip::result::ZipError),
    /// A file in it.
    #[error("cannot write into the archive")]
    Io(#[from] std::io::Error),
    /// A text in it.
    #[error("cannot write an object")]
    Json(#[from] serde_json::Error),
    /// The snapshot holds no domain.
    #[error("the snapshot holds no domain object with a SID")]
    NoDomain,
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Objects per type of file.
    pub objects: BTreeMap<&'static str, u64>,
    /// How many objects lack something, by what is missing.
    pub gaps: BTreeMap<&'static str, u64>,
}

impl Summary {
    pub(super) fn gap(&mut self, what: &'static str) {
        *self.gaps.entry(what).or_default() += 1;
    }
}

/// The types of files in the order in which they are written.
const FILES: [(&str, NodeKind); 13] = [
    ("domains", NodeKind::Domain),
    ("ous", NodeKind::OU),
    ("containers", NodeKind::Container),
    ("gpos", NodeKind::GPO),
    ("groups", NodeKind::Group),
    ("users", NodeKind::User),
    ("computers", NodeKind::Computer),
    ("aiacas", NodeKind::AIACA),
    ("rootcas", NodeKind::RootCA),
    ("enterprisecas", NodeKind::EnterpriseCA),
    ("ntauthstores", NodeKind::NTAuthStore),
    ("certtemplates", NodeKind::CertTemplate),
    ("issuancepolicies", NodeKind::IssuancePolicy),
];

/// The bits of `methods` that say what was collected: groups, trusts, access control, containers, properties, service
/// names and certificate services.
const METHODS: u32 = 1 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 9 | 1 << 13 | 1 << 18;

/// The version of the format.
const VERSION: u32 = 6;

#[derive(Serialize)]
struct Meta<'a> {
    methods: u32,
    r#type: &'a str,
    count: u64,
    version: u32,
    collectorversion: &'a str,
}

/// Writes a snapshot as an archive.
///
/// # Errors
/// Where `out` fails, or the snapshot is of no domain.
pub fn write<W: Write + Seek>(snapshot: &Snapshot, out: W) -> Result<Summary, Error> {
    let index = Index::of(snapshot).ok_or(Error::NoDomain)?;
    let mut summary = Summary::default();
    let mut archive = ZipWriter::new(out);
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).large_file(true);
    for (name, kind) in FILES {
        archive.start_file(format!("{name}.json"), options)?;
        let items = index.items.iter().filter(|item| item.kind == kind);
        let count = document(&mut archive, &index, (name, kind), items, &mut summary)?;
        summary.objects.insert(name, count);
    }
    archive.finish()?;
    Ok(summary)
}

/// Hands a snapshot, or some of its objects, to the importer, as if it had been written and read again.
///
/// # Errors
/// Where the snapshot is of no domain.
pub fn read_into(
    snapshot: &Snapshot,
    only: Option<&FxHashSet<Guid>>,
    source: (&str, Timestamp),
    sink: &mut dyn Sink,
    counters: &mut Counters,
) -> Result<Summary, Error> {
    let index = Index::of(snapshot).ok_or(Error::NoDomain)?;
    let mut summary = Summary::default();
    for (name, kind) in FILES {
        let wanted = |item: &&Item<'_>| {
            item.kind == kind
                && only.is_none_or(|only| item.entry.guid("objectGUID").is_some_and(|guid| only.contains(&guid)))
        };
        let items: Vec<&Item<'_>> = index.items.iter().filter(wanted).collect();
        let mut chunks: Vec<&[&Item<'_>]> = items.chunks(CHUNK).collect();
        // Groups that have no entry are told all the same.
        if chunks.is_empty() && kind == NodeKind::Group {
            chunks.push(&[]);
        }
        for (number, chunk) in chunks.iter().enumerate() {
            let mut text = Vec::new();
            let extra = if number == 0 { kind } else { NodeKind::Base };
            let count = document(&mut text, &index, (name, extra), chunk.iter().copied(), &mut summary)?;
            *summary.objects.entry(name).or_default() += count;
            // INVARIANT: the text was just made by the writer whose form the importer reads.
            if bloodhound::read(&text[..], source.0, source.1, sink, counters).is_err() {
                counters.drop("part of a snapshot that cannot be imported");
            }
        }
    }
    let (source, time) = (source.0.to_owned(), source.1);
    let gaps: Vec<String> = summary.gaps.keys().map(|what| (*what).to_owned()).collect();
    if !gaps.is_empty() {
        sink.directory(DirectoryDelta { time, source, gaps, ..DirectoryDelta::default() });
    }
    Ok(summary)
}

/// Objects that are held as text at once.
const CHUNK: usize = 2_000;

/// One file: the objects, and those of the kind that no entry stands for.
fn document<'i, 'a: 'i>(
    out: &mut impl Write,
    index: &'i Index<'a>,
    (name, kind): (&'static str, NodeKind),
    items: impl Iterator<Item = &'i Item<'a>>,
    summary: &mut Summary,
) -> Result<u64, Error> {
    let mut file = File { out, count: 0 };
    file.out.write_all(b"{\"data\":[")?;
    for item in items {
        file.object(&convert(index, item, summary))?;
    }
    for object in extra(index, kind) {
        file.object(&object)?;
    }
    let count = file.count;
    let collector = concat!("hopwatch ", env!("CARGO_PKG_VERSION"));
    let meta = Meta { methods: METHODS, r#type: name, count, version: VERSION, collectorversion: collector };
    out.write_all(b"],\"meta\":")?;
    serde_json::to_writer(&mut *out, &meta)?;
    out.write_all(b"}")?;
    Ok(count)
}

struct File<'a, W: Write> {
    out: &'a mut W,
    count: u64,
}

impl<W: Write> File<'_, W> {
    fn object(&mut self, object: &Object) -> Result<(), Error> {
        if self.count > 0 {
            self.out.write_all(b",")?;
        }
        self.count = self.count.saturating_add(1);
        serde_json::to_writer(&mut *self.out, object)?;
        Ok(())
    }
}

/// The kind of node that an entry becomes; `None` where it becomes none.
#[must_use]
pub fn kind_of(entry: &Entry) -> Option<NodeKind> {
    index::kind(entry)
}

/// The id of the node that an entry becomes; `None` where it becomes none.
#[must_use]
pub fn node_id(snapshot: &Snapshot, entry: &Entry) -> Option<String> {
    index::id_of(snapshot, entry)
}

fn convert(index: &Index<'_>, item: &Item<'_>, summary: &mut Summary) -> Object {
    match item.kind {
        NodeKind::User => account::user(index, item, summary),
        NodeKind::Computer => computer::object(index, item, summary),
        NodeKind::Group => account::group(index, item, summary),
        NodeKind::Domain => container::domain(index, item, summary),
        NodeKind::OU | NodeKind::Container => container::object(index, item, summary),
        NodeKind::GPO => policy::object(index, item, summary),
        NodeKind::EnterpriseCA => pki::enterprise_ca(index, item, summary),
        NodeKind::CertTemplate => template::object(index, item, summary),
        NodeKind::IssuancePolicy => pki::issuance_policy(index, item, summary),
        _ => pki::store(index, item, summary),
    }
}

/// Objects that no entry stands for: groups that everybody has without a list of members.
fn extra(index: &Index<'_>, kind: NodeKind) -> Vec<Object> {
    if kind == NodeKind::Group { well_known::groups(index) } else { Vec::new() }
}
