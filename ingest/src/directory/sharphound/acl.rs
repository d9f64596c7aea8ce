//! Access control lists → rights, by the rules that SharpHoundCommon publishes (`ACLProcessor`): which entries apply to
//! the object, and what each is worth on an object of its kind.
//!
//! A refusal is not weighed against a grant, as everywhere in BloodHound's world: its number is lost here, its effect not
//! seen. Attributes are known by the forest's schema; an entry about the property set that an attribute is in counts as
//! one about the attribute.

use hopwatch_model::{Guid, NodeKind, Sid};
use hopwatch_wire::security_descriptor::{self as sd, Access, Ace as WireAce, AclField, Effect, SidRef, mask};

use super::Summary;
use super::certificate::sha1_hex;
use super::index::{Index, Item};
use super::object::Ace;
use super::principal;

/// What an access control list grants.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) aces: Vec<Ace>,
    pub(super) protected: bool,
    /// Whether OWNER RIGHTS (`S-1-3-4`) is granted anything.
    pub(super) owner_rights: bool,
    /// Whether by an inherited entry.
    pub(super) inherited_owner_rights: bool,
    /// What children inherit from here, as they will name it.
    pub(super) pushed: Vec<String>,
}

/// The object that is accessed.
pub(super) struct Target {
    pub(super) kind: NodeKind,
    /// The classes that the object is of, as entries name them.
    classes: Vec<Guid>,
    /// Whether its local administrator's password is managed.
    pub(super) laps: bool,
}

/// The class that entries name for a kind, where the schema could not be read.
fn base_class(kind: NodeKind) -> Option<u128> {
    Some(match kind {
        NodeKind::User => 0xbf96_7aba_0de6_11d0_a285_00aa_0030_49e2,
        NodeKind::Computer => 0xbf96_7a86_0de6_11d0_a285_00aa_0030_49e2,
        NodeKind::Group => 0xbf96_7a9c_0de6_11d0_a285_00aa_0030_49e2,
        NodeKind::Domain => 0x1919_5a5a_6da0_11d0_afd3_00c0_4fd9_30c9,
        NodeKind::GPO => 0xf30e_3bc2_9ff0_11d1_b603_0000_f803_67c1,
        NodeKind::OU => 0xbf96_7aa5_0de6_11d0_a285_00aa_0030_49e2,
        NodeKind::Container => 0xbf96_7a8b_0de6_11d0_a285_00aa_0030_49e2,
        NodeKind::RootCA | NodeKind::AIACA | NodeKind::NTAuthStore => 0x3fdf_ee50_47f4_11d1_a9c3_0000_f803_67c1,
        NodeKind::EnterpriseCA => 0xee4a_a692_3bba_11d2_90cc_00c0_4fd9_1ab1,
        NodeKind::CertTemplate => 0xe520_9ca2_3bba_11d2_90cc_00c0_4fd9_1ab1,
        NodeKind::IssuancePolicy => 0x37cf_d85c_6719_4ad8_8f9e_8678_ba62_7563,
        _ => return None,
    })
}

impl Target {
    pub(super) fn of(index: &Index<'_>, item: &Item<'_>) -> Self {
        let schema = &index.snapshot.schema;
        let mut classes: Vec<Guid> = item.entry.texts("objectClass").filter_map(|name| schema.class(name)).collect();
        classes.extend(base_class(item.kind).map(Guid::from_u128));
        Self { kind: item.kind, classes, laps: super::computer::laps(item) }
    }

    /// Whether an entry applies to the object itself. Explicit entries do unless they are for children alone; inherited
    /// ones where the object is of the class that inherits.
    fn reached_by(&self, ace: &WireAce<'_>, access: &Access<'_>) -> bool {
        if ace.flags.inherit_only() {
            return false;
        }
        let class = access.types.inherited.filter(|class| !class.nil());
        !ace.flags.inherited() || class.is_none_or(|class| self.classes.contains(&class))
    }
}

/// Reads the descriptor of an object.
pub(super) fn read(index: &Index<'_>, target: &Target, descriptor: &[u8], summary: &mut Summary) -> Read {
    let mut out = Read::default();
    let Ok(descriptor) = sd::decode(descriptor) else {
        summary.gap("objects whose security descriptor is malformed");
        return out;
    };
    out.protected = descriptor.dacl_protected();
    match descriptor.owner {
        Some(owner) => grant(index, &mut out, &owner, "Owns", Inheritance::None),
        None => summary.gap("objects whose owner the account may not read"),
    }
    let acl = match descriptor.dacl {
        AclField::Present(acl) => acl,
        AclField::Null | AclField::Absent => {
            everybody(&mut out, index);
            return out;
        }
    };
    for ace in acl.aces() {
        let Ok(ace) = ace else {
            summary.gap("access control entries that are malformed");
            continue;
        };
        let Some(access) = ace.access() else { continue };
        // Entries with a condition hold only where it does, which the directory alone does not tell.
        if access.effect != Effect::Allow || access.callback {
            continue;
        }
        if ace.flags.inheritable() && !ace.flags.inherited() {
            out.pushed.push(inheritance_hash(access));
        }
        if target.reached_by(&ace, access) {
            entry(index, target, &ace, access, &mut out);
        }
    }
    out
}

/// A missing or null list lets everybody in.
fn everybody(out: &mut Read, index: &Index<'_>) {
    if let Some(everyone) = Sid::new(1, &[0]) {
        let principal = index.of_sid(&everyone);
        out.aces.push(Ace {
            principal: principal.object_identifier,
            principal_type: principal.object_type,
            right_name: "GenericAll",
            is_inherited: false,
            inheritance_hash: String::new(),
            is_permission_for_owner_rights_sid: false,
            is_inherited_permission_for_owner_rights_sid: false,
        });
    }
}

fn entry(index: &Index<'_>, target: &Target, ace: &WireAce<'_>, access: &Access<'_>, out: &mut Read) {
    let inheritance =
        if ace.flags.inherited() { Inheritance::From(inheritance_hash(access)) } else { Inheritance::None };
    if access.trustee.to_string() == OWNER_RIGHTS {
        out.owner_rights = true;
        out.inherited_owner_rights |= ace.flags.inherited();
    }
    for right in principal::rights(index, target, access) {
        grant(index, out, &access.trustee, right, inheritance.clone());
    }
}

/// `S-1-3-4`: what owners may do instead of everything.
const OWNER_RIGHTS: &str = "S-1-3-4";

/// Where a right came from.
#[derive(Clone)]
enum Inheritance {
    None,
    /// The parent's entry, by its hash.
    From(String),
}

/// Adds a right unless it says nothing: the system has all, CREATOR OWNER and SELF stand for others.
fn grant(index: &Index<'_>, out: &mut Read, trustee: &SidRef<'_>, right: &'static str, inheritance: Inheritance) {
    let Some(sid) = trustee.to_sid() else { return };
    if principal::says_nothing(&sid) {
        return;
    }
    let owner_rights = (sid.authority(), sid.sub_authorities()) == (3, &[4][..]);
    let principal = index.of_sid(&sid);
    let (is_inherited, inheritance_hash) = match inheritance {
        Inheritance::None => (false, String::new()),
        Inheritance::From(hash) => (true, hash),
    };
    let ace = Ace {
        principal: principal.object_identifier,
        principal_type: principal.object_type,
        right_name: right,
        is_inherited,
        inheritance_hash,
        is_permission_for_owner_rights_sid: owner_rights,
        is_inherited_permission_for_owner_rights_sid: owner_rights && is_inherited,
    };
    if !out.aces.contains(&ace) {
        out.aces.push(ace);
    }
}

/// What an inherited entry and the one that it comes from have in common: trustee, rights, and what they are about.
fn inheritance_hash(access: &Access<'_>) -> String {
    let guid = |guid: Option<Guid>| guid.unwrap_or_default();
    let (object, inherited) = (guid(access.types.object), guid(access.types.inherited));
    sha1_hex(format!("{}{:08x}{object}{inherited}", access.trustee, mask::mapped(access.mask)).as_bytes())
}

/// The entries that an object has of its own, in a form that can be compared: AdminSDHolder stamps its own on others.
pub(super) fn explicit(descriptor: &[u8]) -> Option<Vec<String>> {
    let decoded = sd::decode(descriptor).ok()?;
    let aces = decoded.dacl.acl()?.aces().filter_map(Result::ok).filter(|ace| !ace.flags.inherited());
    let mut texts: Vec<String> = aces.map(|ace| format!("{ace:?}")).collect();
    texts.sort_unstable();
    texts.dedup();
    texts.push(format!("protected: {}", decoded.dacl_protected()));
    Some(texts)
}

/// Notes which well-known groups have rights, so that they are written with a name, and what AdminSDHolder stamps.
pub(super) fn note_trustees(index: &mut Index<'_>) {
    let mut found: Vec<Sid> = Vec::new();
    let mut seen = rustc_hash::FxHashSet::default();
    for item in &index.items {
        let Some(descriptor) = &item.entry.descriptor else { continue };
        // Descriptors are shared, so that the address tells whether it was seen.
        if !seen.insert(std::sync::Arc::as_ptr(descriptor)) {
            continue;
        }
        let Ok(decoded) = sd::decode(descriptor) else { continue };
        let aces = decoded.dacl.acl().into_iter().flat_map(|acl| acl.aces()).filter_map(Result::ok);
        let trustees = aces.filter_map(|ace| ace.access().and_then(|access| access.trustee.to_sid()));
        found.extend(trustees.chain(decoded.owner.and_then(|owner| owner.to_sid())));
    }
    let known = found.into_iter().filter(|sid| !principal::says_nothing(sid) && super::well_known::everywhere(sid));
    index.well_known.extend(known);
    // Its members are known without an entry, and paths start there.
    index.well_known.extend([Sid::new(5, &[9]), Sid::new(5, &[11]), Sid::new(1, &[0])].into_iter().flatten());
    let holder = format!("CN=AdminSDHolder,CN=System,{}", index.snapshot.root.domain);
    let stamped = index.item(&holder).and_then(|item| item.entry.descriptor.as_deref()).and_then(explicit);
    index.admin_sd_holder = stamped;
}
