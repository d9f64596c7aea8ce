//! What changed since a collection: the snapshot becomes what a new collection would give, by few reads.
//!
//! A controller numbers its changes (`uSNChanged`, `[MS-ADTS] 3.1.1.1.9`), so that the changed objects can be asked for by
//! number. Four things change without a number of their own, and are therefore followed here:
//! - what lies below a renamed or moved folder bears the folder's new name;
//! - what inherits access control is rewritten where the folder's entries change;
//! - lists of names (`member` …) follow a rename of the named, and forget the deleted;
//! - the deleted are gone. Who may not read the container of the deleted, as ordinary accounts may not, is told by a list
//!   of all that is there.
//!
//! *Blind spots*: what the account may or may not see because its own groups changed, and renames of members that other
//! domains hold, are seen by a whole collection only.

use hopwatch_model::Guid;
use ldap3::Scope;
use rustc_hash::{FxHashMap, FxHashSet};

use super::config::Config;
use super::entry::Entry;
use super::error::Result;
use super::search::{Deleted, Query, Searcher};
use super::{IN_CONFIGURATION, IN_DOMAIN, RootDse, Snapshot, below, collect, one, root_dse};

/// Attributes that name objects and are kept true by the server.
const LINKS: [&str; 3] = ["member", "msDS-HostServiceAccount", "msDS-OIDToGroupLink"];

/// Classes of objects that change often, hold nothing and are no node.
const LEAVES: [&str; 6] = ["dnsNode", "rIDSet", "rIDManager", "secret", "serviceConnectionPoint", "printQueue"];

/// Classes of objects that are no folders, although the directory would let them be.
const SINGLE: [&str; 6] =
    ["user", "group", "trustedDomain", "foreignSecurityPrincipal", "pKICertificateTemplate", "msPKI-Enterprise-Oid"];

/// The classes that [`IN_DOMAIN`] and [`IN_CONFIGURATION`] ask for.
const OF_DOMAIN: [&str; 10] = [
    "user",
    "group",
    "organizationalUnit",
    "container",
    "builtinDomain",
    "domainDNS",
    "trustedDomain",
    "foreignSecurityPrincipal",
    "msDS-GroupManagedServiceAccount",
    "msDS-ManagedServiceAccount",
];
const OF_CONFIGURATION: [&str; 8] = [
    "certificationAuthority",
    "pKIEnrollmentService",
    "pKICertificateTemplate",
    "msPKI-Enterprise-Oid",
    "container",
    "configuration",
    "crossRef",
    "nTDSService",
];

/// What a refresh changed.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Whether everything was read anew, since the server is another copy of the directory or forgot what it was.
    pub whole: bool,
    /// The objects that are new or differ.
    pub touched: FxHashSet<Guid>,
    /// What the objects that differ or are gone were before.
    pub before: Vec<Entry>,
}

/// Brings a snapshot up to date. On an error it is as it was.
///
/// # Errors
/// As a collection.
pub async fn refresh(config: &Config, snapshot: &mut Snapshot) -> Result<Changes> {
    let mut first = None;
    for url in &config.urls {
        let result = match Searcher::open(config, url).await {
            Ok(mut searcher) => refresh_from(&mut searcher, snapshot).await,
            Err(error) => Err(error),
        };
        match result {
            Ok(Some(changes)) => return Ok(changes),
            // Another copy: its numbers say nothing here, but the next server may be the right one.
            Ok(None) => {}
            Err(error) if error.elsewhere() => _ = first.get_or_insert(error),
            Err(error) => return Err(error),
        }
    }
    let fresh = match collect(config).await {
        Ok(fresh) => fresh,
        Err(error) => return Err(first.unwrap_or(error)),
    };
    Ok(replaced(snapshot, fresh))
}

async fn refresh_from(searcher: &mut Searcher<'_>, snapshot: &mut Snapshot) -> Result<Option<Changes>> {
    let root = root_dse(searcher).await?;
    let Some(since) = comparable(&snapshot.root, &root) else { return Ok(None) };
    let mut live = Live { searcher, root: &root };
    let Some(found) = read(&mut live, snapshot, since).await? else { return Ok(None) };
    let changes = found.apply(snapshot);
    snapshot.root = root;
    Ok(Some(changes))
}

/// The number to continue from, where both are of the same copy of the same directory.
fn comparable(before: &RootDse, now: &RootDse) -> Option<u64> {
    let same = before.invocation.is_some()
        && before.invocation == now.invocation
        && before.domain.eq_ignore_ascii_case(&now.domain)
        && before.configuration.eq_ignore_ascii_case(&now.configuration);
    before.highest_usn.filter(|usn| same && now.highest_usn.is_some_and(|highest| highest >= *usn))
}

/// A whole collection instead: what differs is told all the same.
fn replaced(snapshot: &mut Snapshot, mut fresh: Snapshot) -> Changes {
    let changes = Changes { whole: true, ..Changes::between(&snapshot.entries, &fresh.entries) };
    fresh.policies = std::mem::take(&mut snapshot.policies);
    *snapshot = fresh;
    changes
}

impl Changes {
    /// What differs between two collections of the same directory.
    #[must_use]
    pub fn between(old: &[Entry], new: &[Entry]) -> Self {
        let index = |entries| by_guid(entries).collect::<FxHashMap<Guid, &Entry>>();
        let (before, now) = (index(old), index(new));
        let touched = now.iter().filter(|(guid, entry)| before.get(*guid) != Some(*entry)).map(|(guid, _)| *guid);
        let gone = before.iter().filter(|(guid, entry)| now.get(*guid) != Some(*entry));
        Self { whole: false, touched: touched.collect(), before: gone.map(|(_, entry)| (*entry).clone()).collect() }
    }
}

fn by_guid(entries: &[Entry]) -> impl Iterator<Item = (Guid, &Entry)> {
    entries.iter().filter_map(|entry| Some((entry.guid("objectGUID")?, entry)))
}

/// What a refresh asks a server.
pub(super) trait Server {
    /// Every object that changed after a number, of whatever class.
    async fn changed(&mut self, since: u64) -> Result<Vec<Entry>>;
    /// What a collection would read at and below a name.
    async fn below(&mut self, dn: &str) -> Result<Vec<Entry>>;
    /// The objects that were deleted after a number; `None` where the account may not know.
    async fn deleted(&mut self, since: u64) -> Result<Option<Vec<Guid>>>;
    /// Every object that a collection would read.
    async fn present(&mut self) -> Result<FxHashSet<Guid>>;
}

struct Live<'s, 'c> {
    searcher: &'s mut Searcher<'c>,
    root: &'s RootDse,
}

impl Server for Live<'_, '_> {
    async fn changed(&mut self, since: u64) -> Result<Vec<Entry>> {
        let filter = format!("(uSNChanged>={})", since.saturating_add(1));
        let mut found = self.searcher.run(&below(&self.root.domain, &filter)).await?;
        let configuration = self.searcher.run(&below(&self.root.configuration, &filter)).await?;
        // The schema is below the configuration by name and a directory of its own.
        let schema = format!(",{}", self.root.schema.to_lowercase());
        found.extend(configuration.into_iter().filter(|entry| !entry.dn.to_lowercase().ends_with(&schema)));
        Ok(found)
    }

    async fn below(&mut self, dn: &str) -> Result<Vec<Entry>> {
        let configuration = within(&dn.to_lowercase(), &self.root.configuration.to_lowercase());
        self.searcher.run(&below(dn, if configuration { IN_CONFIGURATION } else { IN_DOMAIN })).await
    }

    async fn deleted(&mut self, since: u64) -> Result<Option<Vec<Guid>>> {
        let filter = format!("(&(isDeleted=TRUE)(uSNChanged>={}))", since.saturating_add(1));
        let mut gone = Vec::new();
        for context in [&self.root.domain, &self.root.configuration] {
            let folder = format!("CN=Deleted Objects,{context}");
            let container = Query { deleted: Deleted::Shown, ..one(&folder, &["objectGUID"]) };
            // Its name alone is shown to everybody, its attributes to those who may read what it holds.
            if !self.searcher.run(&container).await?.iter().any(|entry| entry.has("objectGUID")) {
                return Ok(None);
            }
            let query = Query {
                base: &folder,
                scope: Scope::OneLevel,
                filter: &filter,
                attributes: &["objectGUID"],
                deleted: Deleted::Shown,
            };
            gone.extend(self.searcher.run(&query).await?.iter().filter_map(|entry| entry.guid("objectGUID")));
        }
        Ok(Some(gone))
    }

    async fn present(&mut self) -> Result<FxHashSet<Guid>> {
        let mut found = FxHashSet::default();
        for (base, filter) in [(&self.root.domain, IN_DOMAIN), (&self.root.configuration, IN_CONFIGURATION)] {
            let query = Query { attributes: &["objectGUID"], ..below(base, filter) };
            found.extend(self.searcher.run(&query).await?.iter().filter_map(|entry| entry.guid("objectGUID")));
        }
        Ok(found)
    }
}

/// What was read, before anything is changed by it.
struct Found {
    /// Objects as they are now.
    fresh: FxHashMap<Guid, Entry>,
    /// Their order, so that the same reads give the same snapshot.
    order: Vec<Guid>,
    /// Names at and below which `fresh` is all there is, in lower case: the old and the new names of folders.
    covered: Vec<String>,
    /// Objects that were deleted.
    deleted: FxHashSet<Guid>,
    /// Everything that is there, where deletions could not be asked for.
    present: Option<FxHashSet<Guid>>,
}

/// Reads what changed; `None` where it is so much that a whole collection is cheaper.
async fn read<S: Server>(server: &mut S, snapshot: &Snapshot, since: u64) -> Result<Option<Found>> {
    let old: FxHashMap<Guid, &Entry> = by_guid(&snapshot.entries).collect();
    let changed = server.changed(since).await?;
    let domain = snapshot.root.domain.to_lowercase();
    let mut found = Found {
        fresh: FxHashMap::default(),
        order: Vec::new(),
        covered: Vec::new(),
        deleted: FxHashSet::default(),
        present: None,
    };
    let mut folders: Vec<(String, Option<String>)> = Vec::new();
    let mut strangers = false;
    for entry in changed {
        let before = entry.guid("objectGUID").and_then(|guid| old.get(&guid).copied());
        if let Some(was) = stirs(&entry, before) {
            folders.push((entry.dn.clone(), was));
        }
        if wanted(&entry, snapshot) {
            found.note(entry);
        } else {
            strangers |= !LEAVES.iter().any(|class| entry.class(class));
        }
    }
    // A folder within another that is read anyway is read with it. Names sort behind their folder when turned around.
    folders.sort_by_key(|(dn, _)| dn.len());
    let mut read: Vec<String> = Vec::new();
    for (dn, was) in folders {
        let lower = dn.to_lowercase();
        found.covered.extend(was.map(|was| was.to_lowercase()));
        if read.iter().any(|folder| within(&lower, folder)) {
            continue;
        }
        if lower == domain {
            return Ok(None);
        }
        server.below(&dn).await?.into_iter().for_each(|entry| found.note(entry));
        found.covered.push(lower.clone());
        read.push(lower);
    }
    match server.deleted(since).await? {
        Some(gone) => {
            strangers |= gone.iter().any(|guid| !old.contains_key(guid));
            found.deleted.extend(gone);
        }
        None => {
            strangers = true;
            found.present = Some(server.present().await?);
        }
    }
    if strangers {
        for dn in naming_strangers(&old, &found) {
            server.below(&dn).await?.into_iter().for_each(|entry| found.note(entry));
        }
    }
    Ok(Some(found))
}

/// The objects whose lists name what no collection reads, a contact for instance, and that were not read again: of a
/// stranger that was renamed or deleted nobody knows the former name.
fn naming_strangers(old: &FxHashMap<Guid, &Entry>, found: &Found) -> Vec<String> {
    let known: FxHashSet<String> = old.values().map(|entry| entry.dn.to_lowercase()).collect();
    let names =
        |entry: &Entry| LINKS.iter().any(|link| entry.texts(link).any(|dn| !known.contains(&dn.to_lowercase())));
    let stale = old.iter().filter(|(guid, entry)| !found.fresh.contains_key(*guid) && names(entry));
    let mut stale: Vec<String> = stale.map(|(_, entry)| entry.dn.clone()).collect();
    stale.sort_unstable();
    stale
}

/// Whether a change may reach what lies below: then the name that the folder had before, where it had another.
fn stirs(entry: &Entry, before: Option<&Entry>) -> Option<Option<String>> {
    if LEAVES.iter().any(|class| entry.class(class)) {
        return None;
    }
    match before {
        Some(before) if before.dn != entry.dn => Some(Some(before.dn.clone())),
        Some(before) => (before.descriptor != entry.descriptor).then_some(None),
        // A folder that was not seen before may have been there with all that it holds.
        None => (!SINGLE.iter().any(|class| entry.class(class))).then_some(None),
    }
}

/// Whether a collection would read the entry.
fn wanted(entry: &Entry, snapshot: &Snapshot) -> bool {
    let configuration = within(&entry.dn.to_lowercase(), &snapshot.root.configuration.to_lowercase());
    let classes = if configuration { &OF_CONFIGURATION[..] } else { &OF_DOMAIN[..] };
    classes.iter().any(|class| entry.class(class))
}

/// Whether a name is the folder's or below it; both in lower case.
fn within(dn: &str, folder: &str) -> bool {
    dn.strip_suffix(folder).is_some_and(|rest| rest.is_empty() || rest.ends_with(',') && !rest.ends_with("\\,"))
}

impl Found {
    fn note(&mut self, entry: Entry) {
        let Some(guid) = entry.guid("objectGUID") else { return };
        if self.fresh.insert(guid, entry).is_none() {
            self.order.push(guid);
        }
    }

    /// Whether an object that was there and was not read again is gone.
    fn gone(&self, guid: &Guid, dn: &str) -> bool {
        let lower = dn.to_lowercase();
        self.deleted.contains(guid)
            || self.present.as_ref().is_some_and(|present| !present.contains(guid))
            || self.covered.iter().any(|folder| within(&lower, folder))
    }

    fn apply(mut self, snapshot: &mut Snapshot) -> Changes {
        let mut changes = Changes::default();
        let read: FxHashSet<Guid> = self.fresh.keys().copied().collect();
        // New names by old ones, `None` for the gone; in lower case.
        let mut names: FxHashMap<String, Option<String>> = FxHashMap::default();
        let old = std::mem::take(&mut snapshot.entries);
        for mut entry in old {
            let Some(guid) = entry.guid("objectGUID") else {
                snapshot.entries.push(entry);
                continue;
            };
            match self.fresh.remove(&guid) {
                Some(fresh) if !self.deleted.contains(&guid) => {
                    if fresh.dn != entry.dn {
                        names.insert(entry.dn.to_lowercase(), Some(fresh.dn.clone()));
                    }
                    if fresh != entry {
                        changes.touched.insert(guid);
                        changes.before.push(std::mem::replace(&mut entry, fresh));
                    }
                    snapshot.entries.push(entry);
                }
                Some(_) => {
                    names.insert(entry.dn.to_lowercase(), None);
                    changes.before.push(entry);
                }
                None if self.gone(&guid, &entry.dn) => {
                    names.insert(entry.dn.to_lowercase(), None);
                    changes.before.push(entry);
                }
                None => snapshot.entries.push(entry),
            }
        }
        for guid in &self.order {
            if let Some(entry) = self.fresh.remove(guid)
                && !self.deleted.contains(guid)
            {
                changes.touched.insert(*guid);
                snapshot.entries.push(entry);
            }
        }
        relink(snapshot, &names, &read, &mut changes);
        changes
    }
}

/// Lists of names follow renames and deletions, but for those that were read now and are as the server has them.
fn relink(
    snapshot: &mut Snapshot,
    names: &FxHashMap<String, Option<String>>,
    read: &FxHashSet<Guid>,
    changes: &mut Changes,
) {
    if names.is_empty() {
        return;
    }
    for entry in &mut snapshot.entries {
        let Some(guid) = entry.guid("objectGUID") else { continue };
        if read.contains(&guid) {
            continue;
        }
        let stale = LINKS.iter().any(|link| entry.texts(link).any(|dn| names.contains_key(&dn.to_lowercase())));
        if stale {
            let was = entry.clone();
            for link in LINKS {
                entry.rewrite(link, |dn| names.get(&dn.to_lowercase()).cloned());
            }
            if *entry != was {
                changes.touched.insert(guid);
                changes.before.push(was);
            }
        }
    }
}

#[cfg(test)]
#[path = "refresh_tests.rs"]
mod tests;
