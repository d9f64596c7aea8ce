//! Access control entries of every type of `[MS-DTYP] 2.4.4`.

use hopwatch_model::Guid;

use super::sid::SidRef;
use crate::error::Result;
use crate::reader::Reader;

/// The bits of an access mask as Active Directory uses them, `[MS-ADTS] 5.1.3.2`.
pub mod mask {
    /// Create a child object.
    pub const CREATE_CHILD: u32 = 0x1;
    /// Delete a child object.
    pub const DELETE_CHILD: u32 = 0x2;
    /// List the children.
    pub const LIST: u32 = 0x4;
    /// A validated write, such as adding oneself to a group.
    pub const SELF: u32 = 0x8;
    /// Read a property.
    pub const READ_PROPERTY: u32 = 0x10;
    /// Write a property.
    pub const WRITE_PROPERTY: u32 = 0x20;
    /// Delete a tree.
    pub const DELETE_TREE: u32 = 0x40;
    /// See the object.
    pub const LIST_OBJECT: u32 = 0x80;
    /// An extended right, and reading confidential attributes.
    pub const CONTROL_ACCESS: u32 = 0x100;
    /// Delete the object.
    pub const DELETE: u32 = 0x1_0000;
    /// Read owner, group and DACL.
    pub const READ_CONTROL: u32 = 0x2_0000;
    /// Write the DACL.
    pub const WRITE_DAC: u32 = 0x4_0000;
    /// Write the owner.
    pub const WRITE_OWNER: u32 = 0x8_0000;
    /// Everything, mapped by the object's type.
    pub const GENERIC_ALL: u32 = 0x1000_0000;
    /// Execute, mapped by the object's type.
    pub const GENERIC_EXECUTE: u32 = 0x2000_0000;
    /// Write, mapped by the object's type.
    pub const GENERIC_WRITE: u32 = 0x4000_0000;
    /// Read, mapped by the object's type.
    pub const GENERIC_READ: u32 = 0x8000_0000;
    /// Full control of a directory object: all that [`GENERIC_ALL`] maps to.
    pub const FULL_CONTROL: u32 = 0xf_01ff;

    /// The mask with the generic bits replaced by what they stand for on directory objects (`[MS-ADTS] 5.1.3.2`).
    #[must_use]
    pub const fn mapped(mask: u32) -> u32 {
        let mut out = mask & 0x0fff_ffff;
        if mask & GENERIC_ALL != 0 {
            out |= FULL_CONTROL;
        }
        if mask & GENERIC_WRITE != 0 {
            out |= READ_CONTROL | WRITE_PROPERTY | SELF;
        }
        if mask & GENERIC_READ != 0 {
            out |= READ_CONTROL | READ_PROPERTY | LIST | LIST_OBJECT;
        }
        if mask & GENERIC_EXECUTE != 0 {
            out |= READ_CONTROL | LIST;
        }
        out
    }
}

/// How an entry is inherited, `[MS-DTYP] 2.4.4.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AceFlags(pub u8);

impl AceFlags {
    /// Objects that hold no others inherit it.
    pub const OBJECT_INHERIT: u8 = 0x01;
    /// Objects that hold others inherit it; in Active Directory every object does.
    pub const CONTAINER_INHERIT: u8 = 0x02;
    /// Children inherit it, their children do not.
    pub const NO_PROPAGATE: u8 = 0x04;
    /// It does not apply to the object that carries it.
    pub const INHERIT_ONLY: u8 = 0x08;
    /// It came from the parent.
    pub const INHERITED: u8 = 0x10;
    /// An access that succeeds is audited.
    pub const SUCCESSFUL_ACCESS: u8 = 0x40;
    /// An access that fails is audited.
    pub const FAILED_ACCESS: u8 = 0x80;

    /// Whether it came from the parent.
    #[must_use]
    pub fn inherited(self) -> bool {
        self.0 & Self::INHERITED != 0
    }

    /// Whether it does not apply to the object that carries it.
    #[must_use]
    pub fn inherit_only(self) -> bool {
        self.0 & Self::INHERIT_ONLY != 0
    }

    /// Whether children inherit it.
    #[must_use]
    pub fn inheritable(self) -> bool {
        self.0 & (Self::CONTAINER_INHERIT | Self::OBJECT_INHERIT) != 0
    }
}

/// What an entry does with the rights that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Grants them.
    Allow,
    /// Refuses them.
    Deny,
    /// Has their use recorded.
    Audit,
    /// Has their use announced; reserved, never made by Windows.
    Alarm,
}

/// What part of an object an entry is about, and which objects inherit it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectTypes {
    /// The attribute, property set, extended right or child class; `None` is the whole object.
    pub object: Option<Guid>,
    /// The class that inherits it; `None` is every class.
    pub inherited: Option<Guid>,
}

/// An entry about access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access<'a> {
    /// What it does.
    pub effect: Effect,
    /// Whether it has the form of an object entry, even one that names no type.
    pub object_form: bool,
    /// Whether it has the form of a callback entry, which holds only where its condition does.
    pub callback: bool,
    /// The rights, bits of [`mask`].
    pub mask: u32,
    /// What it is about.
    pub types: ObjectTypes,
    /// Whom it concerns.
    pub trustee: SidRef<'a>,
    /// A condition (`artx…`, `[MS-DTYP] 2.4.4.17`) or what an application put there; mostly empty.
    pub data: &'a [u8],
}

/// An entry by its layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AceBody<'a> {
    /// One of the sixteen types about access.
    Access(Access<'a>),
    /// `SYSTEM_MANDATORY_LABEL_ACE`: the integrity level.
    MandatoryLabel {
        /// What lower levels may not do.
        policy: u32,
        /// The level.
        level: SidRef<'a>,
    },
    /// `SYSTEM_RESOURCE_ATTRIBUTE_ACE`: a claim about the object.
    ResourceAttribute {
        /// Always Everyone.
        trustee: SidRef<'a>,
        /// A `CLAIM_SECURITY_ATTRIBUTE_RELATIVE_V1`.
        claim: &'a [u8],
    },
    /// `SYSTEM_SCOPED_POLICY_ID_ACE`: the central access policy.
    ScopedPolicy {
        /// The policy.
        policy: SidRef<'a>,
    },
    /// Of a type that the specification does not define; its bytes behind the header.
    Unknown(&'a [u8]),
}

/// An access control entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ace<'a> {
    /// `AceType`.
    pub code: u8,
    /// How it is inherited.
    pub flags: AceFlags,
    /// What it says.
    pub body: AceBody<'a>,
}

/// The type of a mandatory label.
const MANDATORY_LABEL: u8 = 0x11;
/// The type of a resource attribute.
const RESOURCE_ATTRIBUTE: u8 = 0x12;
/// The type of a central access policy.
const SCOPED_POLICY: u8 = 0x13;
/// `Flags` of an object entry: `ObjectType` is there.
const OBJECT_TYPE_PRESENT: u32 = 1;
/// `Flags` of an object entry: `InheritedObjectType` is there.
const INHERITED_OBJECT_TYPE_PRESENT: u32 = 2;

impl<'a> Ace<'a> {
    pub(super) fn read(code: u8, flags: u8, bytes: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(bytes, "ACE");
        let body = match code {
            MANDATORY_LABEL => AceBody::MandatoryLabel { policy: reader.u32()?, level: SidRef::read(&mut reader)? },
            RESOURCE_ATTRIBUTE => {
                let _mask = reader.u32()?;
                AceBody::ResourceAttribute { trustee: SidRef::read(&mut reader)?, claim: reader.rest() }
            }
            SCOPED_POLICY => {
                let _mask = reader.u32()?;
                AceBody::ScopedPolicy { policy: SidRef::read(&mut reader)? }
            }
            _ => match form(code) {
                Some(form) => AceBody::Access(access(form, &mut reader)?),
                None => AceBody::Unknown(bytes),
            },
        };
        Ok(Self { code, flags: AceFlags(flags), body })
    }

    /// The entry about access, where it is one.
    #[must_use]
    pub fn access(&self) -> Option<&Access<'a>> {
        match &self.body {
            AceBody::Access(access) => Some(access),
            AceBody::MandatoryLabel { .. }
            | AceBody::ResourceAttribute { .. }
            | AceBody::ScopedPolicy { .. }
            | AceBody::Unknown(_) => None,
        }
    }
}

/// The layout that a type has.
#[derive(Clone, Copy)]
struct Form {
    effect: Effect,
    object: bool,
    callback: bool,
}

/// The types 0x00 to 0x10; 0x04 is a compound entry, which was never defined.
fn form(code: u8) -> Option<Form> {
    use Effect::{Alarm, Allow, Audit, Deny};
    let (effect, object, callback) = match code {
        0x00 => (Allow, false, false),
        0x01 => (Deny, false, false),
        0x02 => (Audit, false, false),
        0x03 => (Alarm, false, false),
        0x05 => (Allow, true, false),
        0x06 => (Deny, true, false),
        0x07 => (Audit, true, false),
        0x08 => (Alarm, true, false),
        0x09 => (Allow, false, true),
        0x0a => (Deny, false, true),
        0x0b => (Allow, true, true),
        0x0c => (Deny, true, true),
        0x0d => (Audit, false, true),
        0x0e => (Alarm, false, true),
        0x0f => (Audit, true, true),
        0x10 => (Alarm, true, true),
        _ => return None,
    };
    Some(Form { effect, object, callback })
}

/// `Mask(4)`, in object entries `Flags(4) [ObjectType(16)] [InheritedObjectType(16)]`, `Sid`, in callback entries data.
fn access<'a>(form: Form, reader: &mut Reader<'a>) -> Result<Access<'a>> {
    let mask = reader.u32()?;
    let mut types = ObjectTypes { object: None, inherited: None };
    if form.object {
        let present = reader.u32()?;
        if present & OBJECT_TYPE_PRESENT != 0 {
            types.object = Some(reader.guid()?);
        }
        if present & INHERITED_OBJECT_TYPE_PRESENT != 0 {
            types.inherited = Some(reader.guid()?);
        }
    }
    let trustee = SidRef::read(reader)?;
    let Form { effect, object: object_form, callback } = form;
    Ok(Access { effect, object_form, callback, mask, types, trustee, data: reader.rest() })
}
