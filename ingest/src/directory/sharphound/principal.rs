//! What one entry is worth on an object of its kind. A pure function of kind, mask and object type.

use hopwatch_model::{Guid, NodeKind, Sid};
use hopwatch_wire::security_descriptor::{Access, mask};

use super::acl::Target;
use super::index::Index;

/// Trustees whose rights say nothing: Local System, CREATOR OWNER, SELF.
pub(super) fn says_nothing(sid: &Sid) -> bool {
    matches!((sid.authority(), sid.sub_authorities()), (5, [18 | 10]) | (3, [0]))
}

const GET_CHANGES: Guid = Guid::from_u128(0x1131_f6aa_9c07_11d1_f79f_00c0_4fc2_dcd2);
const GET_CHANGES_ALL: Guid = Guid::from_u128(0x1131_f6ad_9c07_11d1_f79f_00c0_4fc2_dcd2);
const GET_CHANGES_FILTERED: Guid = Guid::from_u128(0x89e9_5b76_444d_4c62_991a_0fac_beda_640c);
const FORCE_CHANGE_PASSWORD: Guid = Guid::from_u128(0x0029_9570_246d_11d0_a768_00aa_006e_0529);
const ENROLL: Guid = Guid::from_u128(0x0e10_c968_78fb_11d2_90d4_00c0_4f79_dc55);
const USER_ACCOUNT_RESTRICTIONS: Guid = Guid::from_u128(0x4c16_4200_20c0_11d0_a768_00aa_006e_0529);
const PUBLIC_INFORMATION: Guid = Guid::from_u128(0xe48d_0154_bcf8_11d1_8702_00c0_4fb9_6050);

/// The bit with which an authority's descriptor grants its administration.
const CA_MANAGE: u32 = 0x1;
/// Likewise, to approve requests.
const CA_CERTIFICATES: u32 = 0x2;
/// Likewise, to request.
const CA_ENROLL: u32 = 0x200;

/// The attributes in which LAPS keeps a password, old and new.
const LAPS: [&str; 3] = ["ms-Mcs-AdmPwd", "msLAPS-Password", "msLAPS-EncryptedPassword"];

/// The rights that an entry grants.
pub(super) fn rights(index: &Index<'_>, target: &Target, access: &Access<'_>) -> Vec<&'static str> {
    let granted = mask::mapped(access.mask);
    let about = access.types.object.filter(|guid| !guid.nil());
    let mut out = Vec::new();
    if about.is_none() {
        if granted & mask::FULL_CONTROL == mask::FULL_CONTROL {
            return vec!["GenericAll"];
        }
        if granted & mask::WRITE_DAC != 0 {
            out.push("WriteDacl");
        }
        if granted & mask::WRITE_OWNER != 0 {
            out.push("WriteOwner");
        }
    }
    let question = Question { index, kind: target.kind, about };
    if granted & mask::SELF != 0 && granted & mask::WRITE_PROPERTY == 0 && target.kind == NodeKind::Group {
        let member = about.is_none() || question.attribute("member");
        out.extend(member.then_some("AddSelf"));
    }
    if granted & mask::CONTROL_ACCESS != 0 {
        out.extend(question.extended_right(target.laps));
    }
    if granted & mask::WRITE_PROPERTY != 0 {
        out.extend(question.write().filter(|right| *right != RESTRICTIONS || !domain_admins(access)));
    }
    if target.kind == NodeKind::EnterpriseCA {
        out.extend(question.authority(granted));
    }
    out
}

/// The right that the schema's default descriptor gives Domain Admins on every computer; BloodHound's collectors leave it
/// out there, for an edge per computer that says nothing new.
const RESTRICTIONS: &str = "WriteAccountRestrictions";

fn domain_admins(access: &Access<'_>) -> bool {
    access.trustee.sub_authorities().last() == Some(512)
}

/// What an entry is about, on which kind of object.
struct Question<'q, 'a> {
    index: &'q Index<'a>,
    kind: NodeKind,
    about: Option<Guid>,
}

impl Question<'_, '_> {
    /// Whether it is about the attribute, or about the property set that it is in.
    fn attribute(&self, name: &str) -> bool {
        let ids = self.index.snapshot.schema.attribute(name);
        ids.is_some_and(|ids| self.about == Some(ids.own) || (ids.set.is_some() && self.about == ids.set))
    }

    fn extended_right(&self, laps: bool) -> Option<&'static str> {
        let all = self.about.is_none().then_some("AllExtendedRights");
        match self.kind {
            NodeKind::Domain => match self.about {
                Some(GET_CHANGES) => Some("GetChanges"),
                Some(GET_CHANGES_ALL) => Some("GetChangesAll"),
                Some(GET_CHANGES_FILTERED) => Some("GetChangesInFilteredSet"),
                _ => all,
            },
            NodeKind::User => match self.about {
                Some(FORCE_CHANGE_PASSWORD) => Some("ForceChangePassword"),
                _ => all,
            },
            NodeKind::CertTemplate => match self.about {
                Some(ENROLL) => Some("Enroll"),
                _ => all,
            },
            NodeKind::Computer if laps => {
                if LAPS.iter().any(|name| self.attribute(name)) {
                    Some("ReadLAPSPassword")
                } else {
                    all
                }
            }
            _ => None,
        }
    }

    fn write(&self) -> Option<&'static str> {
        use NodeKind::{CertTemplate, Computer, Domain, Group, OU, User};
        let Some(about) = self.about else {
            return (self.kind != NodeKind::Container).then_some("GenericWrite");
        };
        match self.kind {
            Computer if about == USER_ACCOUNT_RESTRICTIONS => Some(RESTRICTIONS),
            User | Computer if about == PUBLIC_INFORMATION => Some("WritePublicInformation"),
            User if self.attribute("servicePrincipalName") => Some("WriteSPN"),
            Computer if self.attribute("msDS-AllowedToActOnBehalfOfOtherIdentity") => Some("AddAllowedToAct"),
            User | Computer if self.attribute("msDS-KeyCredentialLink") => Some("AddKeyCredentialLink"),
            User | Computer if self.attribute("altSecurityIdentities") => Some("WriteAltSecurityIdentities"),
            OU | Domain if self.attribute("gPLink") => Some("WriteGPLink"),
            Group if self.attribute("member") => Some("AddMember"),
            CertTemplate if self.attribute("msPKI-Enrollment-Flag") => Some("WritePKIEnrollmentFlag"),
            CertTemplate if self.attribute("msPKI-Certificate-Name-Flag") => Some("WritePKINameFlag"),
            _ => None,
        }
    }

    /// The directory's copy of what the authority enforces.
    fn authority(&self, granted: u32) -> impl Iterator<Item = &'static str> {
        let enroll = self.about == Some(ENROLL) || granted & CA_ENROLL != 0;
        let whole = self.about.is_none();
        [
            (enroll, "Enroll"),
            (whole && granted & CA_MANAGE != 0, "ManageCA"),
            (whole && granted & CA_CERTIFICATES != 0, "ManageCertificates"),
        ]
        .into_iter()
        .filter_map(|(holds, right)| holds.then_some(right))
    }
}
