//! Requests (RFC 4511 §4.2, §4.5.1, §4.6, §4.7, §4.9).

use super::{FilterText, Operation, list};
use crate::ber::{Element, tag};
use crate::error::{Error, Result};

/// ```text
/// BindRequest ::= [APPLICATION 0] SEQUENCE {
///     version        INTEGER (1 .. 127),
///     name           LDAPDN,
///     authentication AuthenticationChoice
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindRequest<'a> {
    /// The protocol version: 3, seldom 2.
    pub version: i64,
    /// The name: a DN, and with Windows also a UPN or `DOMAIN\name`; empty for SASL.
    pub name: String,
    /// The proof.
    pub authentication: Authentication<'a>,
}

/// How a bind proves who binds.
#[derive(Clone, PartialEq, Eq)]
pub enum Authentication<'a> {
    /// `[0]`: the password, a secret.
    Simple(&'a [u8]),
    /// `[3]`: a mechanism and its credentials.
    Sasl(String, Option<&'a [u8]>),
    /// `[9]`: sicily asks which packages there are.
    SicilyDiscovery,
    /// `[10]`: sicily's first token.
    SicilyNegotiate(&'a [u8]),
    /// `[11]`: sicily's last token.
    SicilyResponse(&'a [u8]),
    /// Another choice.
    Other(u32),
}

impl std::fmt::Debug for Authentication<'_> {
    /// Names the method; passwords and tokens are never shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Simple(_) => f.write_str("Simple(…)"),
            Self::Sasl(mechanism, _) => write!(f, "Sasl({mechanism}, …)"),
            Self::SicilyDiscovery => f.write_str("SicilyDiscovery"),
            Self::SicilyNegotiate(_) => f.write_str("SicilyNegotiate(…)"),
            Self::SicilyResponse(_) => f.write_str("SicilyResponse(…)"),
            Self::Other(tag) => write!(f, "Other({tag})"),
        }
    }
}

impl<'a> BindRequest<'a> {
    pub(super) fn decode(element: Element<'a>) -> Result<Self> {
        let what = "BindRequest";
        let mut parts = element.children(what)?;
        let version = parts.universal(tag::INTEGER, "version")?.integer("version")?;
        let name = parts.universal(tag::OCTET_STRING, "name")?.text("name")?;
        let choice = parts.element()?;
        if !choice.context(choice.tag) {
            return Err(Error::Malformed { what, offset: choice.offset });
        }
        let authentication = match choice.tag {
            0 => Authentication::Simple(choice.octets("simple")?),
            3 => {
                let mut sasl = choice.children("SaslCredentials")?;
                let mechanism = sasl.universal(tag::OCTET_STRING, "mechanism")?.text("mechanism")?;
                let credentials =
                    sasl.next_element()?.map(|credentials| credentials.octets("credentials")).transpose()?;
                Authentication::Sasl(mechanism, credentials)
            }
            9 => Authentication::SicilyDiscovery,
            10 => Authentication::SicilyNegotiate(choice.octets("sicilyNegotiate")?),
            11 => Authentication::SicilyResponse(choice.octets("sicilyResponse")?),
            other => Authentication::Other(other),
        };
        Ok(Self { version, name, authentication })
    }
}

/// ```text
/// SearchRequest ::= [APPLICATION 3] SEQUENCE {
///     baseObject LDAPDN, scope ENUMERATED, derefAliases ENUMERATED,
///     sizeLimit INTEGER, timeLimit INTEGER, typesOnly BOOLEAN,
///     filter Filter, attributes AttributeSelection
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchRequest {
    /// The base DN.
    pub base: String,
    /// 0 base, 1 one level, 2 subtree.
    pub scope: u8,
    /// The most entries wanted; 0 for no limit.
    pub size_limit: i64,
    /// The filter.
    pub filter: FilterText,
    /// The attributes wanted; empty for all.
    pub attributes: Vec<String>,
}

impl SearchRequest {
    pub(super) fn decode(element: Element<'_>) -> Result<Self> {
        let what = "SearchRequest";
        let mut parts = element.children(what)?;
        let base = parts.universal(tag::OCTET_STRING, "baseObject")?.text("baseObject")?;
        let scope = parts.universal(tag::ENUMERATED, "scope")?;
        let scope =
            u8::try_from(scope.integer("scope")?).map_err(|_| Error::Malformed { what, offset: scope.offset })?;
        parts.universal(tag::ENUMERATED, "derefAliases")?;
        let size_limit = parts.universal(tag::INTEGER, "sizeLimit")?.integer("sizeLimit")?;
        parts.universal(tag::INTEGER, "timeLimit")?;
        parts.universal(tag::BOOLEAN, "typesOnly")?;
        let filter = FilterText::read(parts.element()?)?;
        // Some clients leave the list of attributes away altogether.
        let attributes = match parts.next_element()? {
            Some(selection) => list(selection.sequence("attributes")?, "attributes", |a| a.text("attribute"))?,
            None => Vec::new(),
        };
        Ok(Self { base, scope, size_limit, filter, attributes })
    }
}

/// `PartialAttribute ::= SEQUENCE { type AttributeDescription, vals SET OF AttributeValue }`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// Its name as sent.
    pub name: String,
    /// Its values.
    pub values: Vec<&'a [u8]>,
}

impl<'a> Attribute<'a> {
    fn decode(element: Element<'a>) -> Result<Self> {
        let mut parts = element.sequence("Attribute")?;
        let name = parts.universal(tag::OCTET_STRING, "type")?.text("type")?;
        let values = match parts.next_element()? {
            Some(values) => list(values.children("vals")?, "vals", |value| value.octets("value"))?,
            None => Vec::new(),
        };
        Ok(Self { name, values })
    }

    /// `AddRequest ::= [APPLICATION 8] SEQUENCE { entry LDAPDN, attributes SEQUENCE OF Attribute }`
    pub(super) fn decode_add(element: Element<'a>) -> Result<Operation<'a>> {
        let mut parts = element.children("AddRequest")?;
        let entry = parts.universal(tag::OCTET_STRING, "entry")?.text("entry")?;
        let attributes = list(parts.sequence("attributes")?, "attributes", Self::decode)?;
        Ok(Operation::AddRequest(entry, attributes))
    }
}

/// What a modify does to an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// 0.
    Add,
    /// 1.
    Delete,
    /// 2.
    Replace,
    /// 3, of RFC 4525.
    Increment,
}

/// `SEQUENCE { operation ENUMERATED, modification PartialAttribute }`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change<'a> {
    /// The operation.
    pub kind: ChangeKind,
    /// The attribute and its values.
    pub attribute: Attribute<'a>,
}

impl<'a> Change<'a> {
    fn decode(element: Element<'a>) -> Result<Self> {
        let what = "change";
        let mut parts = element.sequence(what)?;
        let kind = match parts.universal(tag::ENUMERATED, "operation")?.integer("operation")? {
            0 => ChangeKind::Add,
            1 => ChangeKind::Delete,
            2 => ChangeKind::Replace,
            3 => ChangeKind::Increment,
            _ => return Err(Error::Malformed { what, offset: element.offset }),
        };
        Ok(Self { kind, attribute: Attribute::decode(parts.element()?)? })
    }

    /// `ModifyRequest ::= [APPLICATION 6] SEQUENCE { object LDAPDN, changes SEQUENCE OF change }`
    pub(super) fn decode_request(element: Element<'a>) -> Result<Operation<'a>> {
        let mut parts = element.children("ModifyRequest")?;
        let object = parts.universal(tag::OCTET_STRING, "object")?.text("object")?;
        let changes = list(parts.sequence("changes")?, "changes", Self::decode)?;
        Ok(Operation::ModifyRequest(object, changes))
    }
}

/// ```text
/// ModifyDNRequest ::= [APPLICATION 12] SEQUENCE {
///     entry LDAPDN, newrdn RelativeLDAPDN, deleteoldrdn BOOLEAN, newSuperior [0] LDAPDN OPTIONAL
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModifyDn {
    /// The object.
    pub entry: String,
    /// Its new relative name.
    pub new_rdn: String,
    /// Where it moves, where it does.
    pub new_superior: Option<String>,
}

impl ModifyDn {
    pub(super) fn decode(element: Element<'_>) -> Result<Self> {
        let mut parts = element.children("ModifyDNRequest")?;
        let entry = parts.universal(tag::OCTET_STRING, "entry")?.text("entry")?;
        let new_rdn = parts.universal(tag::OCTET_STRING, "newrdn")?.text("newrdn")?;
        parts.universal(tag::BOOLEAN, "deleteoldrdn")?;
        let new_superior = parts.optional_context(0)?.map(|superior| superior.text("newSuperior")).transpose()?;
        Ok(Self { entry, new_rdn, new_superior })
    }
}
