//! ## What it finds
//! A member added to a group of Tier Zero by someone who does not usually do that.
//!
//! ## Why it matters
//! Membership is the quietest way to keep the domain: no malware, one attribute.
//!
//! ## Evidence it needs
//! Events: 4728, 4732, 4756 (audit policy *Security Group Management*), 5136 on `member`, Samba's `groupChange`. Wire: LDAP
//! modify of `member`, SAMR `SamrAddMemberToGroup` (opnum 22) and `SamrAddMemberToAlias` (opnum 31), where they are not
//! sealed. The directory tells which groups are of Tier Zero; without it their well-known RIDs and names do.
//!
//! ## How it decides
//! Every successful addition counts, unless the same actor made `usual_changes` changes to the same group while learning.
//! Removals do not, nor does what a member host's own system does to its own local groups (set-up, joining the domain,
//! policy).
//!
//! ## Blind spots
//! Nesting through a group that is not of Tier Zero (exposure-increase); changes inside sealed connections without events.
//!
//! ## Likely benign causes
//! Provisioning tools (exclude them by account); an administrator's first day.
//!
//! ## What to do
//! Ask the actor; remove the member; look at how the actor got the right.
//!
//! ## References
//! T1098; Defender for Identity 2024; `[MS-SAMR] 3.1.5.8.1`.

use hopwatch_graph::{NodeFlags, Snapshot};
use hopwatch_model::event::{DirectoryChange, GroupChange, RpcArguments, RpcCall, ValueOperation};
use hopwatch_model::identity::short_name;
use hopwatch_model::{Account, Activity, Event, Guid, Severity};
use serde::{Deserialize, Serialize};

use crate::directory;
use crate::frame::{Context, Meta, Mode, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};
use hopwatch_ml::bounded::Table;

/// The most pairs of actor and group remembered.
const PAIRS: usize = 20_000;
/// SAMR (`[MS-SAMR] 1.9`).
const SAMR: Guid = Guid::from_u128(0x1234_5778_1234_abcd_ef00_0123_4567_89ac);
/// `SamrAddMemberToGroup` and `SamrAddMemberToAlias` (`[MS-SAMR] 3.1.5.8`).
const ADD_MEMBER: [u16; 2] = [22, 31];
/// Domain groups of Tier Zero by RID (`[MS-DTYP] 2.4.2.4`), where no directory is loaded: admins, schema, enterprise, key
/// admins, group policy creators, controllers.
const RIDS: [u32; 8] = [512, 516, 518, 519, 520, 521, 526, 527];
/// Local groups of a controller by RID: Administrators, Account, Server, Print and Backup Operators.
const ALIASES: [u32; 5] = [544, 548, 549, 550, 551];
/// The same by name, for sources that give no SID.
const NAMES: [&str; 12] = [
    "domain admins",
    "enterprise admins",
    "schema admins",
    "administrators",
    "account operators",
    "server operators",
    "print operators",
    "backup operators",
    "domain controllers",
    "key admins",
    "enterprise key admins",
    "dnsadmins",
];

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// Changes of the same group by the same actor while learning that make an addition usual.
    pub usual_changes: u32,
}

impl Preset for Config {
    fn preset(sensitivity: Sensitivity) -> Self {
        let usual_changes = match sensitivity {
            Sensitivity::High => 1,
            Sensitivity::Medium => 3,
            Sensitivity::Low => u32::MAX,
        };
        Self { usual_changes }
    }
}

/// Changes by actor and group while learning.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SensitiveGroupChange {
    learned: Table<u32>,
}

impl Default for SensitiveGroupChange {
    fn default() -> Self {
        Self { learned: Table::new(PAIRS) }
    }
}

/// An addition, whoever reported it.
struct Addition {
    group: Account,
    member: String,
}

impl Rule for SensitiveGroupChange {
    const META: Meta = Meta {
        slug: "sensitive-group-change",
        title: "Member added to a group of Tier Zero",
        phase: Phase::DomainDominance,
        severity: Severity::Medium,
        techniques: &["T1098"],
        external_id: Some(2024),
        actions: &[
            "Ask the actor whether the change was meant",
            "Remove the member from the group",
            "Find out by which right the actor could make the change, and cut it",
        ],
        source: include_str!("sensitive_group_change.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        if event.outcome.failed() {
            return;
        }
        for addition in additions(event) {
            let Some(name) = sensitive(&addition.group, context.snapshot) else { continue };
            let actor = event.actor.clone().unwrap_or_default();
            if by_own_system(event, &actor, &addition.group, context) {
                verdicts.decline(event.time, name, "the host's own system changed its own local group");
                continue;
            }
            let pair = format!("{}|{}", actor.key(), name.to_lowercase());
            if context.mode == Mode::Learning {
                *self.learned.entry(&pair, || 0) += 1;
                continue;
            }
            if self.learned.get(&pair).is_some_and(|count| *count >= config.usual_changes) {
                verdicts.decline(event.time, pair, "the actor changed the group while learning");
                continue;
            }
            let member = member_name(&addition.member, context.snapshot);
            verdicts.raise(verdict(event, &directory::name(context.snapshot, &actor), &name, &member));
        }
    }

    fn entries(&self) -> usize {
        self.learned.len()
    }
}

/// A member host's own system at a local group of its own. A controller's local groups are the domain's.
fn by_own_system(event: &Event, actor: &Account, group: &Account, context: &Context<'_>) -> bool {
    let builtin = group.sid.as_ref().is_some_and(|sid| sid.to_string().starts_with("S-1-5-32-"));
    let Some(host) = &event.target else { return false };
    let system = actor.sid.as_ref().is_some_and(|sid| sid.to_string() == "S-1-5-18");
    let own = system || (actor.machine() && (short_name(&actor.name) == host.key() || actor.domain.is_none()));
    builtin && own && !context.shared.controllers.contains(host, context.snapshot)
}

/// One act has many spellings: the log gives a SID, LDAP a distinguished name. The directory's name joins them.
fn member_name(member: &str, snapshot: &Snapshot) -> String {
    let account = directory::account_of(member);
    match directory::account(snapshot, &account) {
        Some(node) => directory::label(snapshot, node),
        None => first_value(member.rsplit(">;").next().unwrap_or(member)),
    }
}

fn verdict(event: &Event, actor: &str, group: &str, member: &str) -> Verdict {
    let who = if actor.is_empty() { "Someone" } else { actor };
    let whence = event.source.as_ref().map(|host| format!(" from {}", host.label())).unwrap_or_default();
    let story = format!("{who} added {member} to {group}{whence}.");
    // Not by actor: of several views of the change, some do not tell it.
    let key = format!("{}|{}", group.to_lowercase(), member.to_lowercase());
    let text = format!("{who} never changed {group} while learning");
    Verdict::of(event, key, story, "member added").against(format!("{member} → {group}")).because(
        "unusual-actor",
        1.0,
        50.0,
        text,
    )
}

fn additions(event: &Event) -> Vec<Addition> {
    match &event.activity {
        Activity::GroupChange(change) if change.added => vec![of_group_change(change)],
        Activity::DirectoryChange(change) if change.attribute.eq_ignore_ascii_case("member") => {
            of_member_values(change)
        }
        Activity::RpcCall(call) => of_call(call),
        _ => Vec::new(),
    }
}

fn of_group_change(change: &GroupChange) -> Addition {
    let member = if change.member.name.is_empty() || change.member.name == "-" {
        change.member.sid.as_ref().map(ToString::to_string).unwrap_or_default()
    } else {
        change.member.name.clone()
    };
    Addition { group: change.group.clone(), member }
}

fn of_member_values(change: &DirectoryChange) -> Vec<Addition> {
    let added = |value: &&String| match change.operation {
        ValueOperation::Add => true,
        // A replacement tells the old values where the source has them: what is not among them was added.
        ValueOperation::Replace => !change.old_values.contains(value),
        _ => false,
    };
    let group = Account { name: change.object.clone(), ..Account::default() };
    change.values.iter().filter(added).map(|value| Addition { group: group.clone(), member: value.clone() }).collect()
}

fn of_call(call: &RpcCall) -> Vec<Addition> {
    if call.interface != Some(SAMR) || !ADD_MEMBER.contains(&call.opnum) {
        return Vec::new();
    }
    let RpcArguments::Membership { group, member } = &call.arguments else { return Vec::new() };
    let identified = |text: &String| match text.parse() {
        Ok(sid) => Account { sid: Some(sid), ..Account::default() },
        Err(_) => Account::named(text),
    };
    vec![Addition { group: identified(group), member: member.clone() }]
}

/// The group's name, where it is of Tier Zero.
fn sensitive(group: &Account, snapshot: &Snapshot) -> Option<String> {
    if let Some(node) = directory::account(snapshot, group) {
        return snapshot.flags(node).has(NodeFlags::TIER_ZERO).then(|| directory::label(snapshot, node));
    }
    let name = first_value(&group.name);
    let by_sid = group.sid.as_ref().is_some_and(|sid| {
        let rid = sid.rid().unwrap_or(0);
        if sid.domain().is_some() { RIDS.contains(&rid) } else { ALIASES.contains(&rid) }
    });
    let by_name = NAMES.iter().any(|known| name.eq_ignore_ascii_case(known));
    (by_sid || by_name).then_some(if name.is_empty() { group.key() } else { name })
}

/// The value of a distinguished name's first part; any other name as it is. `\,` inside the value is kept.
fn first_value(name: &str) -> String {
    let upper = name.get(..3).map(str::to_ascii_uppercase);
    if upper.as_deref() != Some("CN=") {
        return name.to_owned();
    }
    let mut value = String::new();
    let mut characters = name.chars().skip(3);
    while let Some(character) = characters.next() {
        match character {
            ',' => break,
            '\\' => value.extend(characters.next()),
            _ => value.push(character),
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;

    use super::*;
    use crate::testing::{DOMAIN, alerts, by, event, run};

    const SLUG: &str = "sensitive-group-change";

    fn change(secs: i64, group_sid: &str, added: bool) -> Event {
        let group = Account { name: String::new(), domain: None, sid: group_sid.parse().ok() };
        let member = Account::named("CN=Smith\\, Bob,CN=Users,DC=lab,DC=example");
        let change = GroupChange { group, member, added };
        by(event(secs, Activity::GroupChange(Box::new(change))), "ann", "ws1", Outcome::Success)
    }

    #[test]
    fn an_addition_to_domain_admins_fires_and_names_the_member() {
        let found = alerts(SLUG, &[change(0, &format!("{DOMAIN}-512"), true)]);
        assert!(found[0].explanation.contains("Smith, Bob"), "{}", found[0].explanation);
    }

    #[test]
    fn an_addition_to_an_ordinary_group_and_a_removal_stay_silent() {
        let events = [change(0, &format!("{DOMAIN}-513"), true), change(1, &format!("{DOMAIN}-512"), false)];
        assert!(alerts(SLUG, &events).is_empty());
    }

    #[test]
    fn the_usual_actor_stays_silent() {
        let history = [change(-9000, &format!("{DOMAIN}-512"), true)];
        assert!(run(SLUG, Sensitivity::High, &history, &[change(0, &format!("{DOMAIN}-512"), true)]).is_empty());
    }

    #[test]
    fn a_foreign_domains_admins_count_by_rid() {
        assert_eq!(alerts(SLUG, &[change(0, "S-1-5-21-9-9-9-519", true)]).len(), 1);
    }

    #[test]
    fn a_refused_change_stays_silent() {
        let refused = Event { outcome: Outcome::Failure(50), ..change(0, &format!("{DOMAIN}-512"), true) };
        assert!(alerts(SLUG, &[refused]).is_empty());
    }

    #[test]
    fn a_members_own_system_at_its_own_administrators_stays_silent_and_a_controllers_does_not() {
        let by_system = |target: &str| {
            let system = Account { sid: "S-1-5-18".parse().ok(), ..Account::named("SRV1$") };
            let target = Some(crate::testing::host(target));
            Event { actor: Some(system), target, ..change(0, "S-1-5-32-544", true) }
        };
        assert!(alerts(SLUG, &[by_system("srv1")]).is_empty());
        assert_eq!(alerts(SLUG, &[by_system("dc1")]).len(), 1);
    }
}
