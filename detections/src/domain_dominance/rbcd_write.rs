//! ## What it finds
//! Resource-based constrained delegation configured on a computer: `msDS-AllowedToActOnBehalfOfOtherIdentity` written.
//!
//! ## Why it matters
//! Whoever is named there takes tickets for that computer in any user's name, an administrator's too.
//!
//! ## Evidence it needs
//! Events: 5136; audit policy *Directory Service Changes* and an auditing entry. Wire: LDAP modify in clear. Samba:
//! `dsdbChange`.
//!
//! ## How it decides
//! A descriptor is added or replaced, with at least one trustee where it can be read, by an actor that wrote none while
//! learning and is not in `writers`. Refused writes count; removal stays silent. High where the object is of Tier Zero
//! or where a machine account writes (as relayed authentication does).
//!
//! ## Blind spots
//! Sealed LDAP on the wire.
//!
//! ## Likely benign causes
//! Administrators who set delegation up for file clusters, Hyper-V, web front ends.
//!
//! ## What to do
//! Clear the attribute; look for tickets that the trustee took (`delegation-abuse`); take the right to write it away.
//!
//! ## References
//! T1098, T1484; Defender for Identity 2422, 2423; `[MS-ADA2] 2.215`; `[MS-SFU] 3.2.5.2.3`.

use hopwatch_graph::Snapshot;
use hopwatch_model::event::{DirectoryChange, ValueOperation};
use hopwatch_model::{Account, Activity, Event, Severity};
use serde::{Deserialize, Serialize};

use crate::directory;
use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};
use crate::usual::Usual;
use crate::{descriptor, words};

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// Accounts that set delegation up by right.
    pub writers: Vec<String>,
}

impl Preset for Config {
    fn preset(_: Sensitivity) -> Self {
        Self { writers: Vec::new() }
    }
}

/// Actors that set delegation up while learning.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RbcdWrite {
    usual: Usual,
}

impl Rule for RbcdWrite {
    const META: Meta = Meta {
        slug: "rbcd-write",
        title: "Resource-based delegation configured",
        phase: Phase::DomainDominance,
        severity: Severity::Medium,
        techniques: &["T1098", "T1484"],
        external_id: Some(2423),
        actions: &[
            "Clear msDS-AllowedToActOnBehalfOfOtherIdentity on the object",
            "Look for tickets that the trustee took in other names",
            "Take the right to write the attribute away from the actor",
        ],
        source: include_str!("rbcd_write.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let Activity::DirectoryChange(change) = &event.activity else { return };
        let writes = matches!(change.operation, ValueOperation::Add | ValueOperation::Replace);
        let attribute = "msDS-AllowedToActOnBehalfOfOtherIdentity";
        if !change.attribute.eq_ignore_ascii_case(attribute) || !writes || change.values.is_empty() {
            return;
        }
        let actor = event.actor.clone().unwrap_or_default();
        let name = words::account(&actor, context.snapshot);
        let Some(trustees) = trustees(change, context.snapshot) else {
            verdicts.decline(event.time, name, "the descriptor names nobody");
            return;
        };
        let right = config.writers.iter().any(|writer| writer.eq_ignore_ascii_case(&name));
        if self.usual.met(&name.to_lowercase(), context.mode) || right {
            verdicts.decline(event.time, name, "the actor sets delegation up by right or habit");
            return;
        }
        let object = Account::named(&change.object);
        let node = directory::account(context.snapshot, &object);
        let whose = node.map_or_else(|| change.object.clone(), |node| directory::label(context.snapshot, node));
        let sensitive = node.is_some_and(|node| directory::sensitive(context.snapshot, node));
        let who = words::who(event, context.snapshot);
        let story = format!("{who} let {trustees} act on {whose} in any user's name{}.", words::answer(event));
        let key = format!("{}|{}", name.to_lowercase(), change.object.to_lowercase());
        let high = sensitive || name.ends_with('$');
        let text = format!("{attribute} was written, naming {trustees}");
        let verdict = Verdict::of(event, key, story, "delegation written").against(whose);
        let severity = if high { Severity::High } else { Severity::Medium };
        verdicts.raise(verdict.because("delegation", 1.0, 70.0, text).severity(severity).score(if high {
            90.0
        } else {
            80.0
        }));
    }

    fn entries(&self) -> usize {
        self.usual.entries()
    }
}

/// Whom a descriptor names; `None` where it names nobody, `someone` where it cannot be read.
fn trustees(change: &DirectoryChange, snapshot: &Snapshot) -> Option<String> {
    let Some(grants) = change.values.iter().find_map(|value| descriptor::grants(value)) else {
        return Some("someone".into());
    };
    let named = |sid: &String| words::account(&Account { sid: sid.parse().ok(), ..Account::default() }, snapshot);
    let names: Vec<String> = grants.iter().map(|grant| named(&grant.trustee)).take(5).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;

    use super::*;
    use crate::testing::{alerts, by, event, run};

    const SLUG: &str = "rbcd-write";
    const GRANT: &str =
        "AQAEgEAAAAAAAAAAAAAAABQAAAAEACwAAQAAAAAAJAD/AQ8AAQUAAAAAAAUVAAAA/XclJbAfSqNpqJyfLgYAAAECAAAAAAAFIAAAACACAAA=";

    fn write(secs: i64, actor: &str, operation: ValueOperation, value: &str) -> Event {
        let change = DirectoryChange {
            object: "CN=SRV1,CN=Computers,DC=lab,DC=example".into(),
            guid: None,
            class: String::new(),
            operation,
            attribute: "msDS-AllowedToActOnBehalfOfOtherIdentity".into(),
            values: vec![value.into()],
            old_values: vec![],
            new_object: None,
        };
        by(event(secs, Activity::DirectoryChange(Box::new(change))), actor, "ws1", Outcome::Success)
    }

    #[test]
    fn a_written_descriptor_fires_and_a_machine_that_writes_is_worse() {
        assert_eq!(alerts(SLUG, &[write(0, "ann", ValueOperation::Replace, GRANT)])[0].severity, Severity::Medium);
        assert_eq!(
            alerts(SLUG, &[write(0, "WS1$", ValueOperation::Add, "O:BAD:(A;;GA;;;S-1-5-21-1-2-3-9)")])[0].severity,
            Severity::High
        );
    }

    #[test]
    fn an_empty_descriptor_removal_and_habit_stay_silent() {
        assert!(alerts(SLUG, &[write(0, "ann", ValueOperation::Replace, "O:BAG:BAD:")]).is_empty());
        assert!(alerts(SLUG, &[write(0, "ann", ValueOperation::Delete, GRANT)]).is_empty());
        let history = [write(-9000, "ann", ValueOperation::Add, GRANT)];
        assert!(run(SLUG, Sensitivity::High, &history, &[write(0, "ann", ValueOperation::Add, GRANT)]).is_empty());
    }
}
