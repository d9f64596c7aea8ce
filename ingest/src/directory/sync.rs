//! A directory that is collected again and again: what changed becomes deltas that replace, so that the graph knows since
//! when and until when each right holds.

use std::collections::BTreeSet;

use hopwatch_model::directory::DeltaKind;
use hopwatch_model::{DirectoryDelta, DirectoryNode, Event, Guid, NodeKind, Timestamp};
use rustc_hash::FxHashSet;

use super::ldap::{Changes, Entry, Snapshot};
use super::sharphound;
use crate::{Counters, Sink};

/// Delivers what a refresh changed: objects whole, and the ids of those that are gone.
///
/// # Errors
/// Where the snapshot is of no domain.
pub fn deliver(
    snapshot: &Snapshot,
    changes: &Changes,
    source: (&str, Timestamp),
    sink: &mut dyn Sink,
    counters: &mut Counters,
) -> Result<sharphound::Summary, sharphound::Error> {
    let touched = reached(snapshot, changes);
    let now: FxHashSet<String> =
        with_guid(snapshot, &touched).filter_map(|e| sharphound::node_id(snapshot, e)).collect();
    let mut replacing = Replacing(sink);
    let summary = sharphound::read_into(snapshot, Some(&touched), source, &mut replacing, counters)?;
    let before: BTreeSet<String> = changes.before.iter().filter_map(|e| sharphound::node_id(snapshot, e)).collect();
    let removed: Vec<String> = before.into_iter().filter(|id| !now.contains(id)).collect();
    if !removed.is_empty() {
        let (name, time) = source;
        sink.directory(DirectoryDelta { time, source: name.to_owned(), removed, ..DirectoryDelta::default() });
    }
    Ok(summary)
}

/// Delivers a snapshot whole, as the first of a source.
///
/// # Errors
/// Where the snapshot is of no domain.
pub fn deliver_all(
    snapshot: &Snapshot,
    source: (&str, Timestamp),
    sink: &mut dyn Sink,
    counters: &mut Counters,
) -> Result<sharphound::Summary, sharphound::Error> {
    let mut replacing = Replacing(sink);
    sharphound::read_into(snapshot, None, source, &mut replacing, counters)
}

fn with_guid<'s>(snapshot: &'s Snapshot, guids: &'s FxHashSet<Guid>) -> impl Iterator<Item = &'s Entry> {
    snapshot.entries.iter().filter(|entry| entry.guid("objectGUID").is_some_and(|guid| guids.contains(&guid)))
}

/// The objects that differ, and those whose edges depend on one of them: names of hosts in services, links of policies,
/// templates of authorities, what AdminSDHolder stamps, and what lies in a folder that came or went.
fn reached(snapshot: &Snapshot, changes: &Changes) -> FxHashSet<Guid> {
    let mut touched = changes.touched.clone();
    let stirred = || with_guid(snapshot, &changes.touched).chain(&changes.before);
    let kinds: FxHashSet<NodeKind> = stirred().filter_map(sharphound::kind_of).collect();
    let class = |name: &str| stirred().any(|entry| entry.class(name));
    let has = |names: &'static [&'static str]| move |entry: &Entry| names.iter().any(|name| entry.has(name));
    let mut reach = |which: &dyn Fn(&Entry) -> bool| {
        touched
            .extend(snapshot.entries.iter().filter(|entry| which(entry)).filter_map(|entry| entry.guid("objectGUID")));
    };
    if kinds.contains(&NodeKind::Computer) {
        reach(&has(&["msDS-AllowedToDelegateTo", "certificateTemplates"]));
        reach(&|entry| entry.texts("servicePrincipalName").any(|name| name.to_lowercase().starts_with("mssqlsvc")));
    }
    if kinds.contains(&NodeKind::CertTemplate) {
        reach(&has(&["certificateTemplates"]));
    }
    if kinds.contains(&NodeKind::GPO) {
        reach(&has(&["gPLink"]));
    }
    if kinds.contains(&NodeKind::Group) || kinds.contains(&NodeKind::User) || kinds.contains(&NodeKind::Computer) {
        reach(&has(&["msDS-OIDToGroupLink", "msDS-HostServiceAccount"]));
    }
    if class("foreignSecurityPrincipal") {
        reach(&has(&["member"]));
    }
    if class("trustedDomain") || class("crossRef") || class("nTDSService") {
        reach(&|entry| entry.dn.eq_ignore_ascii_case(&snapshot.root.domain));
    }
    let holder = format!("CN=AdminSDHolder,CN=System,{}", snapshot.root.domain);
    if stirred().any(|entry| entry.dn.eq_ignore_ascii_case(&holder)) {
        reach(&|entry| {
            matches!(sharphound::kind_of(entry), Some(NodeKind::User | NodeKind::Group | NodeKind::Computer))
        });
    }
    // A folder that came, went or moved: what lies below has another nearest folder, and the folder other children.
    let folders: Vec<String> = stirred()
        .filter(|entry| matches!(sharphound::kind_of(entry), Some(NodeKind::OU | NodeKind::Container)))
        .map(|entry| format!(",{}", entry.dn.to_lowercase()))
        .collect();
    if !folders.is_empty() {
        reach(&|entry| {
            let dn = entry.dn.to_lowercase();
            folders.iter().any(|folder| dn.ends_with(folder.as_str()))
        });
    }
    // With the files of policies every computer depends on links, groups and folders above it.
    if !snapshot.policies.is_empty() && kinds.iter().any(|kind| !matches!(kind, NodeKind::User | NodeKind::Computer)) {
        reach(&|entry| sharphound::kind_of(entry) == Some(NodeKind::Computer));
    }
    touched
}

/// Objects that are given whole replace; what is merely mentioned, as the trustee of another's right is, is added. The part in
/// which an object is given whole names it and holds every edge that its attributes make.
struct Replacing<'s>(&'s mut dyn Sink);

impl Sink for Replacing<'_> {
    fn event(&mut self, event: Event) {
        self.0.event(event);
    }

    fn directory(&mut self, mut delta: DirectoryDelta) {
        let given = |node: &DirectoryNode| node.kind == NodeKind::Base || node.properties.contains_key("name");
        let (whole, mentioned): (Vec<_>, Vec<_>) = delta.nodes.into_iter().partition(given);
        if !mentioned.is_empty() {
            let (time, source) = (delta.time, delta.source.clone());
            self.0.directory(DirectoryDelta { time, source, nodes: mentioned, ..DirectoryDelta::default() });
        }
        delta.nodes = whole;
        delta.kind = DeltaKind::Replace;
        self.0.directory(delta);
    }
}
