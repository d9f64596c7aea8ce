//! Self-relative security descriptors, `[MS-DTYP] 2.4.6`: owner, group, and the two access control lists, borrowed from
//! the bytes in which the directory stores them (`nTSecurityDescriptor`, `msDS-GroupMSAMembership`, …).
//!
//! An entry of an unknown type is skipped with its bytes kept, a malformed one is an error of its own: neither hides the
//! rest of its list. A list that is missing, null or empty are three different things: the first two let everybody in,
//! the third nobody.
//!
//! Deliberately not done here: access checks, inheritance, the evaluation of conditional expressions (their bytes are
//! kept), and what a right is good for (`ingest::directory`).

mod ace;
mod acl;
mod sddl;
mod sid;
#[cfg(test)]
mod tests;

pub use ace::{Access, Ace, AceBody, AceFlags, Effect, ObjectTypes, mask};
pub use acl::{Aces, Acl};
pub use sid::SidRef;

use crate::error::Result;
use crate::reader::Reader;

/// What is being read, for errors.
const WHAT: &str = "security descriptor";

/// The bits of `Control`, `[MS-DTYP] 2.4.6`.
pub mod control {
    /// The DACL is there, perhaps null.
    pub const DACL_PRESENT: u16 = 0x0004;
    /// The SACL is there, perhaps null.
    pub const SACL_PRESENT: u16 = 0x0010;
    /// The DACL is to be inherited automatically on the next change.
    pub const DACL_AUTO_INHERIT_REQ: u16 = 0x0100;
    /// The SACL likewise.
    pub const SACL_AUTO_INHERIT_REQ: u16 = 0x0200;
    /// The DACL was made by automatic inheritance.
    pub const DACL_AUTO_INHERITED: u16 = 0x0400;
    /// The SACL was made by automatic inheritance.
    pub const SACL_AUTO_INHERITED: u16 = 0x0800;
    /// The DACL takes nothing from the parent.
    pub const DACL_PROTECTED: u16 = 0x1000;
    /// The SACL takes nothing from the parent.
    pub const SACL_PROTECTED: u16 = 0x2000;
    /// Offsets count from the start of the descriptor.
    pub const SELF_RELATIVE: u16 = 0x8000;
}

/// An access control list as a descriptor has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AclField<'a> {
    /// The `PRESENT` bit is not set: the descriptor says nothing, so that nothing is refused.
    Absent,
    /// The bit is set and the offset is null: everybody has every right.
    Null,
    /// A list; an empty one grants nobody anything.
    Present(Acl<'a>),
}

impl<'a> AclField<'a> {
    /// The list, where there is one.
    #[must_use]
    pub fn acl(&self) -> Option<Acl<'a>> {
        match self {
            Self::Present(acl) => Some(*acl),
            Self::Absent | Self::Null => None,
        }
    }
}

/// A security descriptor.
///
/// ```text
/// Revision(1) Sbz1(1) Control(2) OffsetOwner(4) OffsetGroup(4) OffsetSacl(4) OffsetDacl(4)  OwnerSid GroupSid Sacl Dacl
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecurityDescriptor<'a> {
    /// The bits of [`control`].
    pub control: u16,
    /// Who owns the object; `None` where the asker was not told.
    pub owner: Option<SidRef<'a>>,
    /// The primary group, which Windows does not evaluate.
    pub group: Option<SidRef<'a>>,
    /// Whose access is audited.
    pub sacl: AclField<'a>,
    /// Who may do what.
    pub dacl: AclField<'a>,
}

impl SecurityDescriptor<'_> {
    /// Whether the object takes no entries from its parent.
    #[must_use]
    pub fn dacl_protected(&self) -> bool {
        self.control & control::DACL_PROTECTED != 0
    }
}

/// Reads a self-relative security descriptor. Bytes behind its parts are left alone.
///
/// # Errors
/// [`crate::Error::Incomplete`] where a part lies outside, [`crate::Error::Malformed`] where it is no descriptor of
/// revision 1 in self-relative form. Entries inside the lists are checked when they are asked for.
pub fn decode(bytes: &[u8]) -> Result<SecurityDescriptor<'_>> {
    let mut reader = Reader::new(bytes, WHAT);
    if reader.u8()? != 1 {
        return Err(reader.malformed());
    }
    let _resource_manager = reader.u8()?;
    let control = reader.u16()?;
    if control & control::SELF_RELATIVE == 0 {
        return Err(reader.malformed());
    }
    let (owner, group) = (reader.u32()?, reader.u32()?);
    let (sacl, dacl) = (reader.u32()?, reader.u32()?);
    Ok(SecurityDescriptor {
        control,
        owner: sid_at(bytes, owner)?,
        group: sid_at(bytes, group)?,
        sacl: acl_at(bytes, sacl, control & control::SACL_PRESENT)?,
        dacl: acl_at(bytes, dacl, control & control::DACL_PRESENT)?,
    })
}

fn at(bytes: &[u8], offset: u32) -> Result<Option<Reader<'_>>> {
    if offset == 0 {
        return Ok(None);
    }
    let mut reader = Reader::new(bytes, WHAT);
    let offset = usize::try_from(offset).map_err(|_| reader.malformed())?;
    reader.seek(offset)?;
    Ok(Some(reader))
}

fn sid_at(bytes: &[u8], offset: u32) -> Result<Option<SidRef<'_>>> {
    at(bytes, offset)?.map(|mut reader| SidRef::read(&mut reader)).transpose()
}

fn acl_at(bytes: &[u8], offset: u32, present: u16) -> Result<AclField<'_>> {
    if present == 0 {
        return Ok(AclField::Absent);
    }
    match at(bytes, offset)? {
        None => Ok(AclField::Null),
        Some(mut reader) => Acl::read(&mut reader).map(AclField::Present),
    }
}

/// Reads whatever the bytes may be, for the fuzzer.
pub fn decode_everything(bytes: &[u8]) {
    let _ = SidRef::decode(bytes);
    if let Ok(descriptor) = decode(bytes) {
        let _ = descriptor.to_sddl(None);
    }
}
