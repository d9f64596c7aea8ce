//! Writes: modify, add, delete and modifyDN as one directory change per attribute (RFC 4511 §4.6 to §4.9).
//!
//! Values are kept as text where they are text, else as base64; the values of attributes that hold secrets never are.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hopwatch_model::event::{DirectoryChange, ValueOperation};
use hopwatch_wire::ldap::{Attribute, Change, ChangeKind, ModifyDn};

use super::session::bounded;
use crate::analyzers::Output;

/// The most changes of one request that become events.
const MAX_CHANGES: usize = 256;
/// The most values of one change that are kept. A group's whole membership written at once is cut, and counted.
const MAX_VALUES: usize = 256;
/// The longest value that is kept, in bytes; a security descriptor is 64 KiB at most (`[MS-DTYP] 2.4.6`).
const MAX_VALUE: usize = 64 * 1024;
/// The most bytes of values that one connection holds while they wait for their answers.
const MAX_HELD: usize = 4 << 20;

/// Attributes whose values are passwords or keys, lower case: written over LDAP by clients, by LAPS and by trusts.
const SECRETS: &[&str] = &[
    "cleartextpassword",
    "currentvalue",
    "dbcspwd",
    "initialauthincoming",
    "initialauthoutgoing",
    "lmpwdhistory",
    "ms-mcs-admpwd",
    "msds-managedpassword",
    "msfve-keypackage",
    "msfve-recoverypassword",
    "mslaps-encrypteddsrmpassword",
    "mslaps-encrypteddsrmpasswordhistory",
    "mslaps-encryptedpassword",
    "mslaps-encryptedpasswordhistory",
    "mslaps-password",
    "ntpwdhistory",
    "peklist",
    "priorvalue",
    "supplementalcredentials",
    "trustauthincoming",
    "trustauthoutgoing",
    "unicodepwd",
    "unixuserpassword",
    "userpassword",
];

/// What the values that one connection holds may still take.
#[derive(Debug, Default)]
pub(super) struct Budget {
    held: usize,
}

impl Budget {
    /// Frees what an emitted change held.
    pub(super) fn give_back(&mut self, change: &DirectoryChange) {
        self.held = self.held.saturating_sub(size(&change.values));
    }
}

fn size(values: &[String]) -> usize {
    values.iter().map(String::len).sum()
}

pub(super) fn modify(
    object: &str,
    changes: &[Change<'_>],
    budget: &mut Budget,
    out: &mut Output<'_>,
) -> Vec<DirectoryChange> {
    if changes.len() > MAX_CHANGES {
        out.counters.drop("ldap.changes_cut");
    }
    let of = |change: &Change<'_>| match change.kind {
        ChangeKind::Add => ValueOperation::Add,
        ChangeKind::Delete => ValueOperation::Delete,
        // An increment gives no value but the step; what stands there is new either way.
        ChangeKind::Replace | ChangeKind::Increment => ValueOperation::Replace,
    };
    changes
        .iter()
        .take(MAX_CHANGES)
        .map(|change| attribute_change(object, "", of(change), &change.attribute, budget, out))
        .collect()
}

/// The creation of the object, then its attributes.
pub(super) fn add(
    object: &str,
    attributes: &[Attribute<'_>],
    budget: &mut Budget,
    out: &mut Output<'_>,
) -> Vec<DirectoryChange> {
    if attributes.len() > MAX_CHANGES {
        out.counters.drop("ldap.changes_cut");
    }
    // The most specific class stands last.
    let class = attributes
        .iter()
        .find(|attribute| attribute.name.eq_ignore_ascii_case("objectClass"))
        .and_then(|attribute| attribute.values.last())
        .map(|class| bounded(String::from_utf8_lossy(class).into_owned()).0)
        .unwrap_or_default();
    let mut changes = vec![DirectoryChange { class: class.clone(), ..whole(object, ValueOperation::Create) }];
    for attribute in attributes.iter().take(MAX_CHANGES) {
        changes.push(attribute_change(object, &class, ValueOperation::Add, attribute, budget, out));
    }
    changes
}

pub(super) fn delete(object: &str) -> DirectoryChange {
    whole(object, ValueOperation::Remove)
}

pub(super) fn rename(request: &ModifyDn) -> DirectoryChange {
    let parent = request.new_superior.as_deref().or_else(|| parent(&request.entry));
    let new_object = match parent {
        Some(parent) => format!("{},{parent}", request.new_rdn),
        None => request.new_rdn.clone(),
    };
    DirectoryChange { new_object: Some(bounded(new_object).0), ..whole(&request.entry, ValueOperation::Move) }
}

fn whole(object: &str, operation: ValueOperation) -> DirectoryChange {
    DirectoryChange {
        object: bounded(object.to_owned()).0,
        guid: None,
        class: String::new(),
        operation,
        attribute: String::new(),
        values: Vec::new(),
        old_values: Vec::new(),
        new_object: None,
    }
}

fn attribute_change(
    object: &str,
    class: &str,
    operation: ValueOperation,
    attribute: &Attribute<'_>,
    budget: &mut Budget,
    out: &mut Output<'_>,
) -> DirectoryChange {
    let mut values = Vec::new();
    if !secret(&attribute.name) {
        for value in attribute.values.iter().take(MAX_VALUES) {
            let text = value_text(value.get(..MAX_VALUE).unwrap_or(value));
            if value.len() > MAX_VALUE || budget.held + text.len() > MAX_HELD {
                out.counters.drop("ldap.value_cut");
            }
            if budget.held + text.len() <= MAX_HELD {
                budget.held += text.len();
                values.push(text);
            }
        }
        if attribute.values.len() > MAX_VALUES {
            out.counters.drop("ldap.values_cut");
        }
    }
    let (attribute, _) = bounded(attribute.name.clone());
    DirectoryChange { class: class.into(), attribute, values, ..whole(object, operation) }
}

/// True for an attribute whose values are secrets, whatever options (`;binary`) its name carries, or its OID.
fn secret(name: &str) -> bool {
    let base = name.split(';').next().unwrap_or(name).to_ascii_lowercase();
    // unicodePwd and userPassword by their OIDs ([MS-ADA3] 2.332, [MS-ADA3] 2.350).
    SECRETS.contains(&&*base) || matches!(&*base, "1.2.840.113556.1.4.90" | "2.5.4.35")
}

fn value_text(value: &[u8]) -> String {
    let legible = |text: &&str| !text.contains(|c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r'));
    match std::str::from_utf8(value).ok().filter(legible) {
        Some(text) => text.to_owned(),
        None => STANDARD.encode(value),
    }
}

/// The DN behind the first comma that is not escaped (RFC 4514 §2.4).
fn parent(dn: &str) -> Option<&str> {
    let mut escaped = false;
    for (at, character) in dn.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ',' => return dn.get(at + 1..).map(str::trim_start),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_is_behind_the_first_bare_comma() {
        assert_eq!(parent("CN=Doe\\, Ann,OU=x,DC=y"), Some("OU=x,DC=y"));
        assert_eq!(parent("CN=a"), None);
    }

    #[test]
    fn passwords_are_known_in_any_spelling() {
        for name in ["unicodePwd", "UNICODEPWD;binary", "userPassword", "ms-Mcs-AdmPwd", "2.5.4.35"] {
            assert!(secret(name), "{name}");
        }
        assert!(!secret("servicePrincipalName"));
    }

    #[test]
    fn text_stays_text_and_the_rest_is_base64() {
        assert_eq!(value_text("Ørsted\n".as_bytes()), "Ørsted\n");
        assert_eq!(value_text(&[1, 0, 4]), "AQAE");
        assert_eq!(value_text(&[0xff]), "/w==");
    }
}
