//! Group policy objects, and where they are linked: `gPLink`, `[MS-GPOL] 2.2.2`.

use serde::Serialize;

use super::Summary;
use super::index::{Index, Item};
use super::object::Object;
use super::properties::common;

/// A link that does not apply.
const DISABLED: u32 = 1;
/// A link that folders below cannot block.
const ENFORCED: u32 = 2;

/// A linked policy. A list is in the order in which its policies take effect: the last of it overrides the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Link {
    #[serde(rename = "IsEnforced")]
    pub(super) enforced: bool,
    #[serde(rename = "GUID")]
    pub(super) gpo: String,
}

/// A policy.
pub(super) fn object(index: &Index<'_>, item: &Item<'_>, summary: &mut Summary) -> Object {
    let mut object = common(index, item, summary);
    if let Some(path) = item.entry.text("gPCFileSysPath") {
        object.property("gpcpath", path.to_uppercase());
    }
    object.property("gpostatus", item.entry.flags("flags").unwrap_or(0).to_string());
    if let Some(files) = item.policy_guid().and_then(|guid| index.snapshot.policies.get(&guid)) {
        object.texts("gpppasswords", files.passwords.iter().map(String::as_str));
        object.texts("scripts", files.scripts.iter().map(String::as_str));
        object.texts("passwordscripts", files.password_scripts.iter().map(String::as_str));
        let values = files.registry.iter().map(|(path, value)| format!("{path}={value}").into());
        object.property("registryvalues", values.collect::<Vec<serde_json::Value>>());
    }
    object
}

/// The policies that a folder links and that apply, and whether each is enforced; those that are gone are left out.
pub(super) fn linked<'i, 'a>(index: &'i Index<'a>, folder: &Item<'_>) -> Vec<(&'i Item<'a>, bool)> {
    let links = parse(folder.entry.text("gPLink").unwrap_or_default());
    let links = links.filter(|(_, options)| options & DISABLED == 0);
    links.filter_map(|(dn, options)| Some((index.item(dn)?, options & ENFORCED != 0))).collect()
}

/// The policies that a folder links and that apply.
pub(super) fn links(index: &Index<'_>, item: &Item<'_>, summary: &mut Summary) -> Vec<Link> {
    let mut links = Vec::new();
    for (dn, options) in parse(item.entry.text("gPLink").unwrap_or_default()) {
        if options & DISABLED != 0 {
            continue;
        }
        match index.item(dn) {
            Some(gpo) => links.push(Link { enforced: options & ENFORCED != 0, gpo: gpo.id.clone() }),
            None => summary.gap("links to policies that the account may not see or that are gone"),
        }
    }
    links
}

/// `[LDAP://DN;OPTIONS][LDAP://DN;OPTIONS]…`
fn parse(text: &str) -> impl Iterator<Item = (&str, u32)> {
    text.split('[').filter_map(|link| {
        let (dn, options) = link.trim_end().strip_suffix(']')?.rsplit_once(';')?;
        let dn = dn.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("ldap://")).and_then(|_| dn.get(7..))?;
        Some((dn, options.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_come_apart_in_their_order() {
        let text = "[LDAP://cn={A},cn=policies,dc=x;0][ldap://CN={B};x,DC=y;2][LDAP://CN={C};1] [broken";
        let found: Vec<_> = parse(text).collect();
        assert_eq!(found, [("cn={A},cn=policies,dc=x", 0), ("CN={B};x,DC=y", 2), ("CN={C}", 1)]);
        assert_eq!(parse(" ").count(), 0);
    }
}
