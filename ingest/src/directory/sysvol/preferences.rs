//! Preferences: the XML files below `Preferences`, `[MS-GPPREF] 2.2`. Local groups of `Groups.xml`; passwords anywhere.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::inf::local_group;
use super::{Effect, GroupChange, Policy, Trustee};
use crate::Counters;

/// Takes what a file says of local groups, and whether it holds a password.
pub(super) fn read(text: &str, place: &str, policy: &mut Policy, counters: &mut Counters) {
    let mut reader = Reader::from_str(text);
    // The group whose members follow.
    let mut open: Option<(u32, Vec<Trustee>, Vec<Trustee>)> = None;
    let machine = place.to_ascii_lowercase().starts_with("machine/");
    let mut disabled = false;
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag) | Event::Empty(tag)) => {
                if attribute(&tag, "cpassword").is_some_and(|value| !value.is_empty()) {
                    policy.passwords.insert(place.to_owned());
                }
                match tag.local_name().as_ref() {
                    "Group" => disabled = attribute(&tag, "disabled").as_deref() == Some("1"),
                    "Properties" if machine && !disabled => {
                        finish(&mut open, policy);
                        open = group(&tag, policy);
                    }
                    "Member" => member(&tag, &mut open),
                    _ => {}
                }
            }
            Ok(Event::End(tag)) if tag.local_name().as_ref() == "Group" => finish(&mut open, policy),
            Ok(Event::Eof) => break,
            Ok(_) => {}
            Err(_) => {
                counters.drop("malformed preferences of a policy");
                break;
            }
        }
    }
    finish(&mut open, policy);
}

fn finish(open: &mut Option<(u32, Vec<Trustee>, Vec<Trustee>)>, policy: &mut Policy) {
    let Some((rid, added, removed)) = open.take() else { return };
    if !removed.is_empty() {
        policy.groups.push(GroupChange { rid, effect: Effect::Remove(removed) });
    }
    if !added.is_empty() {
        policy.groups.push(GroupChange { rid, effect: Effect::Add(added) });
    }
}

/// `<Properties action="C|R|U|D" groupSid="…" groupName="…" deleteAllUsers="1" deleteAllGroups="1">`; a group that is
/// deleted has no members, a builtin one cannot be.
fn group(tag: &BytesStart<'_>, policy: &mut Policy) -> Option<(u32, Vec<Trustee>, Vec<Trustee>)> {
    let sid = attribute(tag, "groupSid").filter(|sid| !sid.is_empty());
    let named = sid.or_else(|| attribute(tag, "groupName"))?;
    let rid = local_group(&Trustee::parse(&named)?)?;
    let set = |name: &str| attribute(tag, name).as_deref() == Some("1");
    let action = attribute(tag, "action").unwrap_or_default();
    if action.eq_ignore_ascii_case("D") {
        return None;
    }
    // Replacing makes the group anew; the two marks together empty it, one alone leaves the members of the other sort.
    if action.eq_ignore_ascii_case("R") || set("deleteAllUsers") && set("deleteAllGroups") {
        policy.groups.push(GroupChange { rid, effect: Effect::Clear });
    }
    Some((rid, Vec::new(), Vec::new()))
}

fn member(tag: &BytesStart<'_>, open: &mut Option<(u32, Vec<Trustee>, Vec<Trustee>)>) {
    let Some((_, added, removed)) = open else { return };
    let sid = attribute(tag, "sid").filter(|sid| !sid.is_empty());
    let Some(who) = sid.or_else(|| attribute(tag, "name")).as_deref().and_then(Trustee::parse) else { return };
    match attribute(tag, "action").unwrap_or_default().to_ascii_uppercase().as_str() {
        "REMOVE" => removed.push(who),
        _ => added.push(who),
    }
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let mut attributes = tag.attributes();
    let mut attributes = attributes.with_checks(false).flatten();
    let found = attributes.find(|attribute| attribute.key.local_name().as_ref() == name)?;
    let raw: &str = &found.value;
    Some(quick_xml::escape::unescape(raw).map_or_else(|_| raw.to_owned(), std::borrow::Cow::into_owned))
}
