//! What rules ask of the directory: objects that a directory source reported, never stubs that only traffic named.

use std::cell::RefCell;
use std::hash::{Hash, Hasher};

use hopwatch_graph::{NodeFlags, NodeId, Snapshot};
use hopwatch_model::{Account, NodeKind};
use rustc_hash::{FxHashMap, FxHasher};

/// The most look-ups remembered; all are forgotten beyond.
const REMEMBERED: usize = 1 << 16;

/// What was looked up in one snapshot. A dozen rules ask for the same account of the same event, and the next events name
/// the same few accounts: looking up by name, domain and SID costs ten times as much as remembering. The answers are those
/// of the snapshot itself, so that remembering changes no result.
#[derive(Default)]
struct Remembered {
    serial: u64,
    accounts: FxHashMap<u64, (Account, Option<NodeId>)>,
    services: FxHashMap<String, Option<NodeId>>,
    loaded: Option<(usize, bool)>,
}

thread_local! {
    static REMEMBERED_OF: RefCell<Remembered> = RefCell::default();
}

/// Does something with what is remembered of a snapshot, and of no other.
fn remembered<T>(snapshot: &Snapshot, work: impl FnOnce(&mut Remembered) -> T) -> T {
    REMEMBERED_OF.with_borrow_mut(|remembered| {
        let full = remembered.accounts.len() >= REMEMBERED || remembered.services.len() >= REMEMBERED;
        if remembered.serial != snapshot.serial() || full {
            *remembered = Remembered { serial: snapshot.serial(), ..Remembered::default() };
        }
        work(remembered)
    })
}

/// The account of a name, where a directory source reported it.
#[must_use]
pub fn account(snapshot: &Snapshot, account: &Account) -> Option<NodeId> {
    let mut hasher = FxHasher::default();
    account.hash(&mut hasher);
    let hash = hasher.finish();
    remembered(snapshot, |remembered| {
        if let Some((_, node)) = remembered.accounts.get(&hash).filter(|(known, _)| known == account) {
            return *node;
        }
        let node = snapshot.lookup().account(account).filter(|node| !snapshot.flags(*node).has(NodeFlags::STUB));
        remembered.accounts.insert(hash, (account.clone(), node));
        node
    })
}

/// The account that runs the service of a service principal name.
#[must_use]
pub fn service(snapshot: &Snapshot, principal: &str) -> Option<NodeId> {
    remembered(snapshot, |remembered| {
        if let Some(node) = remembered.services.get(principal) {
            return *node;
        }
        let node = snapshot.lookup().service(principal);
        remembered.services.insert(principal.to_owned(), node);
        node
    })
}

/// The user account that runs a service, where it is a user and not the host itself. Their passwords are chosen by
/// people, so their tickets can be cracked.
#[must_use]
pub fn user_of_service(snapshot: &Snapshot, principal: &str) -> Option<NodeId> {
    let node = service(snapshot, principal)?;
    let user = snapshot.kind(node) == NodeKind::User && !snapshot.flags(node).has(NodeFlags::STUB);
    let managed = |node: &hopwatch_graph::Node| {
        node.flag("gmsa").unwrap_or(false) || node.text("samaccountname").is_some_and(|name| name.ends_with('$'))
    };
    (user && !snapshot.node(node).is_some_and(managed)).then_some(node)
}

/// The name to show for a node: `sAMAccountName`, else its label.
#[must_use]
pub fn label(snapshot: &Snapshot, node: NodeId) -> String {
    let Some(node) = snapshot.node(node) else { return String::from("an unknown object") };
    node.text("samaccountname").map_or_else(|| node.label().to_owned(), str::to_owned)
}

/// Who an account is, in words: its name as the source spelt it, else what the directory calls its SID or its
/// distinguished name.
#[must_use]
pub fn name(snapshot: &Snapshot, account: &Account) -> String {
    let dn = account.name.contains('=');
    if !account.name.is_empty() && !dn {
        return account.name.clone();
    }
    match self::account(snapshot, account) {
        Some(node) => label(snapshot, node),
        None => account.key(),
    }
}

/// The account of a text that is a name, a SID, a distinguished name, or Samba's extended one
/// (`<GUID=…>;<SID=…>;CN=…`).
#[must_use]
pub fn account_of(text: &str) -> Account {
    let sid = text.split(';').find_map(|part| part.strip_prefix("<SID=")?.strip_suffix('>')?.parse().ok());
    let name = text.rsplit(">;").next().unwrap_or(text);
    let bare: Option<hopwatch_model::Sid> = name.parse().ok();
    match bare {
        Some(sid) => Account { sid: Some(sid), ..Account::default() },
        None => Account { sid, ..Account::named(name) },
    }
}

/// True where the directory was loaded: it has at least `least` accounts of its own.
#[must_use]
pub fn loaded(snapshot: &Snapshot, least: usize) -> bool {
    let own = |node: &NodeId| {
        let flags = snapshot.flags(*node);
        flags.has(NodeFlags::ACCOUNT) && !flags.has(NodeFlags::STUB)
    };
    remembered(snapshot, |remembered| match remembered.loaded {
        Some((asked, answer)) if asked == least => answer,
        _ => {
            let answer = snapshot.nodes().filter(own).take(least).count() >= least;
            remembered.loaded = Some((least, answer));
            answer
        }
    })
}

/// True where an account belongs to Tier Zero, or is tagged sensitive.
#[must_use]
pub fn privileged(snapshot: &Snapshot, who: &Account) -> bool {
    account(snapshot, who).is_some_and(|node| sensitive(snapshot, node))
}

/// True where a node belongs to Tier Zero, or is tagged sensitive.
#[must_use]
pub fn sensitive(snapshot: &Snapshot, node: NodeId) -> bool {
    let flags = snapshot.flags(node);
    flags.has(NodeFlags::TIER_ZERO) || flags.has(NodeFlags::SENSITIVE)
}

/// True where two namings are one account: by their node, else by SID or name.
#[must_use]
pub fn same(snapshot: &Snapshot, a: &Account, b: &Account) -> bool {
    match (snapshot.lookup().account(a), snapshot.lookup().account(b)) {
        (Some(a), Some(b)) => a == b,
        _ => (a.sid.is_some() && a.sid == b.sid) || (!a.name.is_empty() && a.name.eq_ignore_ascii_case(&b.name)),
    }
}

/// True where a domain's functional level is 2008 or later: `krbtgt` and every account whose password was set since have
/// AES keys (`[MS-KILE] 3.1.1.5`).
#[must_use]
pub fn aes_domain(snapshot: &Snapshot, realm: &str) -> bool {
    let Some(node) = snapshot.lookup().domain(realm).and_then(|node| snapshot.node(node)) else { return false };
    let level = node.text("functionallevel").unwrap_or_default();
    let year: u32 = level.get(..4).and_then(|year| year.parse().ok()).unwrap_or(0);
    node.kind == NodeKind::Domain && year >= 2008
}
