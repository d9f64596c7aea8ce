//! Who is who in a snapshot: objects by distinguished name, SID and host name.

use hopwatch_model::{Guid, NodeKind, Sid};
use rustc_hash::{FxHashMap, FxHashSet};

use super::object::Principal;
use super::scope::Scope;
use super::well_known;
use crate::directory::ldap::{Entry, Snapshot};

/// An object that is written.
#[derive(Debug)]
pub(super) struct Item<'a> {
    pub(super) entry: &'a Entry,
    pub(super) kind: NodeKind,
    pub(super) id: String,
}

impl Item<'_> {
    /// A policy's identifier in SYSVOL and in links: its `cn` in braces, which is not its `objectGUID`.
    pub(super) fn policy_guid(&self) -> Option<Guid> {
        let name = self.entry.text("cn").or_else(|| self.entry.text("name"))?;
        name.strip_prefix('{')?.strip_suffix('}')?.parse().ok()
    }
}

/// The index of a snapshot.
pub(super) struct Index<'a> {
    pub(super) snapshot: &'a Snapshot,
    /// What is written, in the server's order.
    pub(super) items: Vec<Item<'a>>,
    /// The domain's SID.
    pub(super) domain_sid: Sid,
    /// The domain's DNS name in upper case.
    pub(super) domain: String,
    /// The forest's DNS name in upper case.
    pub(super) forest: String,
    /// The domain's NetBIOS name.
    pub(super) netbios: Option<String>,
    /// Trusts of the domain.
    pub(super) trusts: Vec<&'a Entry>,
    /// `dSHeuristics` of the forest; `None` where they could not be read, empty where they are not set.
    pub(super) heuristics: Option<String>,
    /// Items by distinguished name in lower case.
    by_dn: FxHashMap<String, usize>,
    /// Foreign security principals by distinguished name in lower case.
    foreign: FxHashMap<String, Sid>,
    by_sid: FxHashMap<Sid, usize>,
    /// Computers by the names that service principal names use, in lower case.
    hosts: FxHashMap<String, usize>,
    /// Children by the index of their folder.
    children: FxHashMap<usize, Vec<usize>>,
    /// Well-known SIDs that somebody's membership or right refers to.
    pub(super) well_known: FxHashSet<Sid>,
    /// The identifier that this one has in the access control of its kind, computed once.
    pub(super) admin_sd_holder: Option<Vec<String>>,
    /// What applies policies, where their files were read.
    pub(super) scope: Option<Scope>,
}

impl<'a> Index<'a> {
    /// The index; `None` where there is no domain.
    pub(super) fn of(snapshot: &'a Snapshot) -> Option<Self> {
        let same = |dn: &str, other: &str| dn.eq_ignore_ascii_case(other);
        let head = snapshot.entries.iter().find(|entry| same(&entry.dn, &snapshot.root.domain))?;
        let mut index = Self {
            snapshot,
            items: Vec::new(),
            domain_sid: head.sid("objectSid")?,
            domain: dns_name(&snapshot.root.domain),
            forest: dns_name(&snapshot.root.forest),
            netbios: None,
            trusts: Vec::new(),
            heuristics: None,
            by_dn: FxHashMap::default(),
            foreign: FxHashMap::default(),
            by_sid: FxHashMap::default(),
            hosts: FxHashMap::default(),
            children: FxHashMap::default(),
            well_known: FxHashSet::default(),
            admin_sd_holder: None,
            scope: None,
        };
        snapshot.entries.iter().for_each(|entry| index.add(entry));
        index.link();
        super::acl::note_trustees(&mut index);
        Some(index.scope())
    }

    /// Finds what the files of policies make of computers, once everything else is known.
    fn scope(mut self) -> Self {
        self.scope = Scope::of(&self);
        self
    }

    fn add(&mut self, entry: &'a Entry) {
        let dn = entry.dn.to_lowercase();
        if entry.class("trustedDomain") {
            self.trusts.push(entry);
        } else if entry.class("foreignSecurityPrincipal") {
            if let Some(sid) = entry.sid("objectSid") {
                self.foreign.insert(dn, sid);
            }
        } else if entry.class("crossRef") {
            if entry.text("nCName").is_some_and(|name| name.eq_ignore_ascii_case(&self.snapshot.root.domain)) {
                self.netbios = entry.text("nETBIOSName").map(str::to_owned);
            }
        } else if entry.class("nTDSService") {
            self.heuristics = Some(entry.text("dSHeuristics").unwrap_or_default().to_owned());
        } else if let Some(kind) = kind(entry)
            && let Some(id) = self.identifier(entry, kind)
        {
            let at = self.items.len();
            if let Some(sid) = entry.sid("objectSid") {
                self.by_sid.insert(sid, at);
            }
            if kind == NodeKind::Computer {
                self.hosts_of(entry, at);
            }
            self.by_dn.insert(dn, at);
            self.items.push(Item { entry, kind, id });
        }
    }

    fn identifier(&self, entry: &Entry, kind: NodeKind) -> Option<String> {
        identifier(entry, kind, &self.domain, &self.forest)
    }

    /// A computer's own names. Its host names count first: an alias may be given to another computer meanwhile.
    fn hosts_of(&mut self, entry: &Entry, at: usize) {
        let account = entry.text("sAMAccountName").unwrap_or_default().trim_end_matches('$').to_lowercase();
        let full = format!("{account}.{}", self.domain.to_lowercase());
        if let Some(name) = entry.text("dNSHostName") {
            self.hosts.insert(name.to_lowercase(), at);
        }
        for name in [account, full] {
            self.hosts.entry(name).or_insert(at);
        }
        for name in entry.texts("servicePrincipalName") {
            if let Some(host) = name.strip_prefix("HOST/").and_then(|rest| rest.split(['/', ':']).next()) {
                self.hosts.entry(host.to_lowercase()).or_insert(at);
            }
        }
    }

    fn link(&mut self) {
        for at in 0..self.items.len() {
            if let Some(folder) = self.items.get(at).and_then(|item| self.folder(item)) {
                self.children.entry(folder).or_default().push(at);
            }
        }
    }

    /// The nearest folder that is written. The builtin groups are the domain's, whose folder is no node.
    fn folder(&self, item: &Item<'_>) -> Option<usize> {
        if item.kind == NodeKind::Domain {
            return None;
        }
        let mut dn = item.entry.dn.to_lowercase();
        while let Some(parent) = parent(&dn) {
            if let Some(at) = self.by_dn.get(parent) {
                return Some(*at);
            }
            dn = parent.to_owned();
        }
        None
    }

    /// The folder of an object.
    pub(super) fn contained_by(&self, item: &Item<'_>) -> Option<Principal> {
        self.items.get(self.folder(item)?).map(Self::principal_of)
    }

    /// What a folder holds directly.
    pub(super) fn children(&self, item: &Item<'_>) -> Vec<Principal> {
        let Some(at) = self.by_dn.get(&item.entry.dn.to_lowercase()) else { return Vec::new() };
        let children = self.children.get(at).map(Vec::as_slice).unwrap_or_default();
        children.iter().filter_map(|child| self.items.get(*child)).map(Self::principal_of).collect()
    }

    /// The folders of an object that are written, from its own up to the domain.
    pub(super) fn folders<'s>(&'s self, item: &Item<'_>) -> impl Iterator<Item = &'s Item<'a>> {
        let first = self.folder(item).and_then(|at| self.items.get(at));
        std::iter::successors(first, |folder| self.folder(folder).and_then(|at| self.items.get(at)))
    }

    /// The object with a SID.
    pub(super) fn holder(&self, sid: &Sid) -> Option<&Item<'a>> {
        self.items.get(*self.by_sid.get(sid)?)
    }

    fn principal_of(item: &Item<'_>) -> Principal {
        Principal { object_identifier: item.id.clone(), object_type: item.kind.name() }
    }

    /// The item with a distinguished name.
    pub(super) fn item(&self, dn: &str) -> Option<&Item<'a>> {
        self.items.get(*self.by_dn.get(&dn.to_lowercase())?)
    }

    /// Whom a distinguished name is; `None` for objects that this domain does not hold.
    pub(super) fn named(&self, dn: &str) -> Option<Principal> {
        match self.item(dn) {
            Some(item) => Some(Self::principal_of(item)),
            None => self.foreign.get(&dn.to_lowercase()).map(|sid| self.of_sid(sid)),
        }
    }

    /// Whom a SID is; of another domain's only the identifier is known.
    pub(super) fn of_sid(&self, sid: &Sid) -> Principal {
        let known = self.by_sid.get(sid).and_then(|at| self.items.get(*at)).map(|item| item.kind);
        let kind = known.unwrap_or_else(|| well_known::kind(sid));
        Principal { object_identifier: self.sid_text(sid), object_type: kind.name() }
    }

    /// Whether an entry of the directory has the SID.
    pub(super) fn holds(&self, sid: &Sid) -> bool {
        self.by_sid.contains_key(sid)
    }

    /// A SID as identifier: one that every domain has is qualified by the domain. Enterprise Domain Controllers are the
    /// forest's.
    pub(super) fn sid_text(&self, sid: &Sid) -> String {
        sid_text(sid, &self.domain, &self.forest)
    }

    /// The foreign security principals that stand for well-known SIDs.
    pub(super) fn foreign(&self) -> impl Iterator<Item = &Sid> {
        self.foreign.values()
    }

    /// The computer that a service principal name or host name means.
    pub(super) fn host(&self, name: &str) -> Option<&Item<'a>> {
        self.items.get(*self.hosts.get(&name.to_lowercase())?)
    }
}

/// The id of the node that an entry becomes.
pub(super) fn id_of(snapshot: &Snapshot, entry: &Entry) -> Option<String> {
    identifier(entry, kind(entry)?, &dns_name(&snapshot.root.domain), &dns_name(&snapshot.root.forest))
}

fn identifier(entry: &Entry, kind: NodeKind, domain: &str, forest: &str) -> Option<String> {
    match kind {
        NodeKind::User | NodeKind::Computer | NodeKind::Group | NodeKind::Domain => {
            Some(sid_text(&entry.sid("objectSid")?, domain, forest))
        }
        _ => Some(upper(&entry.guid("objectGUID")?)),
    }
}

fn sid_text(sid: &Sid, domain: &str, forest: &str) -> String {
    match (sid.authority(), sid.sub_authorities()) {
        (5, [9]) => format!("{forest}-{sid}"),
        (5, [21, ..]) => sid.to_string(),
        _ if well_known::everywhere(sid) => format!("{domain}-{sid}"),
        _ => sid.to_string(),
    }
}

/// The kind of node that an entry becomes.
pub(super) fn kind(entry: &Entry) -> Option<NodeKind> {
    let class = |name| entry.class(name);
    let below = |folder: &str| parent(&entry.dn).is_some_and(|dn| dn.to_lowercase().starts_with(folder));
    // Managed accounts are computers by class and users by use.
    if class("msDS-GroupManagedServiceAccount") || class("msDS-ManagedServiceAccount") {
        return Some(NodeKind::User);
    }
    if class("computer") {
        return Some(NodeKind::Computer);
    }
    if class("user") {
        return Some(NodeKind::User);
    }
    if class("group") {
        return Some(NodeKind::Group);
    }
    if class("groupPolicyContainer") {
        return Some(NodeKind::GPO);
    }
    if class("organizationalUnit") {
        return Some(NodeKind::OU);
    }
    if class("domainDNS") || class("domain") {
        // Application partitions are of the class too and have no SID.
        return entry.has("objectSid").then_some(NodeKind::Domain);
    }
    if class("pKICertificateTemplate") {
        return Some(NodeKind::CertTemplate);
    }
    if class("pKIEnrollmentService") {
        return Some(NodeKind::EnterpriseCA);
    }
    if class("msPKI-Enterprise-Oid") {
        // 1 is a template's own number, 2 an issuance policy, 3 an application policy.
        return (entry.integer("flags") == Some(2)).then_some(NodeKind::IssuancePolicy);
    }
    if class("certificationAuthority") {
        if entry.dn.to_lowercase().starts_with("cn=ntauthcertificates,") {
            return Some(NodeKind::NTAuthStore);
        }
        return match () {
            () if below("cn=aia,") => Some(NodeKind::AIACA),
            () if below("cn=certification authorities,") => Some(NodeKind::RootCA),
            () => None,
        };
    }
    (class("configuration") || class("container") && !marker(entry)).then_some(NodeKind::Container)
}

/// Containers that hold nothing and never will: the notes of single steps of domain and forest updates, of which there are
/// hundreds, and the halves of a policy, which is an object of its own. The folders of the updates are folders like others.
pub(super) fn marker(entry: &Entry) -> bool {
    let dn = entry.dn.to_lowercase();
    let step = [",cn=operations,cn=domainupdates,cn=system,", ",cn=operations,cn=forestupdates,cn=configuration,"];
    step.iter().any(|folder| dn.contains(folder))
        || parent(&dn).is_some_and(|folder| folder.starts_with("cn={") && folder.contains(",cn=policies,cn=system,"))
}

/// The folder part of a distinguished name: what follows the first comma that is not escaped.
pub(super) fn parent(dn: &str) -> Option<&str> {
    let mut escaped = false;
    for (at, byte) in dn.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b',' => return dn.get(at.checked_add(1)?..),
            _ => {}
        }
    }
    None
}

/// `DC=lab,DC=example` as `LAB.EXAMPLE`.
pub(super) fn dns_name(dn: &str) -> String {
    let labels = dn.split(',').filter_map(|part| {
        let (key, value) = part.trim().split_once('=')?;
        key.eq_ignore_ascii_case("dc").then(|| value.to_uppercase())
    });
    labels.collect::<Vec<_>>().join(".")
}

/// A GUID as BloodHound writes it.
pub(super) fn upper(guid: &Guid) -> String {
    guid.to_string().to_uppercase()
}
