//! ## What it finds
//! The root keys of managed service accounts read from the directory (Golden gMSA).
//!
//! ## Why it matters
//! With a root key of the key distribution service, the password of every group managed account can be computed, now and
//! later, offline.
//!
//! ## Evidence it needs
//! Wire: LDAP searches. Events: 4662 on objects of class `msKds-ProvRootKey` (an auditing entry on
//! `CN=Master Root Keys` is needed), 1644.
//!
//! ## How it decides
//! A search that asks for `msKds-RootKeyData` or names the class `msKds-ProvRootKey`, or a 4662 that reads such an object,
//! by anyone but a controller or the system. Searches that merely pass by the container do not count. No count, no
//! learning.
//!
//! ## Blind spots
//! Reads inside sealed connections without auditing; a key stolen from a controller's database.
//!
//! ## Likely benign causes
//! An administrator who looks at or adds root keys with PowerShell (`Get-KdsRootKey`).
//!
//! ## What to do
//! Make a new root key and new managed accounts; the old ones stay computable for ever.
//!
//! ## References
//! T1555, T1003; Defender for Identity (SuspiciousGoldenGmsaActivity); `[MS-GKDI] 3.1.4.1`.

use hopwatch_graph::NodeFlags;
use hopwatch_model::event::{DirectoryAccess, LdapSearch};
use hopwatch_model::{Activity, Event, Guid, Severity};
use serde::{Deserialize, Serialize};

use crate::change;
use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};

/// `schemaIDGUID` of `msKds-ProvRootKey`.
const ROOT_KEY_CLASS: Guid = Guid::from_u128(0xaa02_fd41_17e0_4f18_8687_b223_9649_736b);
/// ADS_RIGHT_DS_READ_PROP and ADS_RIGHT_DS_CONTROL_ACCESS: the attribute is confidential (`[MS-ADTS] 5.1.3.2`).
const READS: u32 = 0x10 | 0x100;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// Whether refused reads count.
    pub refused_counts: bool,
}

impl Preset for Config {
    fn preset(_: Sensitivity) -> Self {
        Self { refused_counts: true }
    }
}

/// No state: the read decides.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct GoldenGmsa {}

impl Rule for GoldenGmsa {
    const META: Meta = Meta {
        slug: "golden-gmsa",
        title: "Root keys of managed accounts read (Golden gMSA)",
        phase: Phase::CredentialAccess,
        severity: Severity::High,
        techniques: &["T1555", "T1003"],
        external_id: None,
        actions: &[
            "Ask the actor; isolate the source where nobody knows of it",
            "Make a new root key, and new managed accounts under it",
            "Look at what the managed accounts did since",
        ],
        source: include_str!("golden_gmsa.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let reads = match &event.activity {
            Activity::LdapSearch(search) => asks(search),
            Activity::DirectoryAccess(access) => accesses(access),
            _ => false,
        };
        if !reads || (event.outcome.failed() && !config.refused_counts) {
            return;
        }
        let actor = change::actor(event, context.snapshot);
        let controller = actor.node.is_some_and(|node| context.snapshot.flags(node).has(NodeFlags::DOMAIN_CONTROLLER))
            || event
                .source
                .as_ref()
                .is_some_and(|source| context.shared.controllers.contains(source, context.snapshot));
        if controller || change::system(event) {
            verdicts.decline(event.time, actor.key, "a controller reads its own keys");
            return;
        }
        let who = change::who(event, context.snapshot);
        let refused = if event.outcome.failed() { ", and was refused" } else { "" };
        let story = format!("{who} asked for the root keys of managed service accounts{refused}.");
        let key = if actor.key.is_empty() {
            event.source.as_ref().map(hopwatch_model::Host::key).unwrap_or_default()
        } else {
            actor.key
        };
        verdicts.raise(
            Verdict::of(event, key, story, "root keys read")
                .against("msKds-ProvRootKey")
                .because("root-keys", 1.0, 60.0, "only controllers need the root keys".into())
                .score(if event.outcome.failed() { 75.0 } else { 88.0 }),
        );
    }

    fn entries(&self) -> usize {
        0
    }
}

fn asks(search: &LdapSearch) -> bool {
    let by_attribute = search.attributes.iter().any(|name| name.eq_ignore_ascii_case("msKds-RootKeyData"));
    let filter = search.filter.to_lowercase().replace(' ', "");
    by_attribute || filter.contains("=mskds-provrootkey)") || filter.contains("(mskds-rootkeydata")
}

fn accesses(access: &DirectoryAccess) -> bool {
    let class = access.class.eq_ignore_ascii_case("msKds-ProvRootKey")
        || access.class.parse::<Guid>().is_ok_and(|class| class == ROOT_KEY_CLASS)
        || access.properties.contains(&ROOT_KEY_CLASS);
    class && access.access_mask & READS != 0
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;

    use super::*;
    use crate::testing::{alerts, by, event};

    const SLUG: &str = "golden-gmsa";

    fn search(secs: i64, filter: &str, attributes: &[&str], source: &str) -> Event {
        let attributes = attributes.iter().map(|name| (*name).into()).collect();
        let search = LdapSearch { filter: filter.into(), attributes, ..LdapSearch::default() };
        by(event(secs, Activity::LdapSearch(Box::new(search))), "ann", source, Outcome::Success)
    }

    fn access(secs: i64, actor: &str, mask: u32) -> Event {
        let access = DirectoryAccess {
            object: "%{0}".into(),
            class: ROOT_KEY_CLASS.to_string(),
            access_mask: mask,
            properties: Vec::new(),
            logon_id: None,
        };
        by(event(secs, Activity::DirectoryAccess(Box::new(access))), actor, "", Outcome::Success)
    }

    #[test]
    fn a_search_and_its_access_record_are_one_alert() {
        let found = alerts(SLUG, &[search(0, "(objectClass=msKds-ProvRootKey)", &[], "ws1"), access(0, "ann", 0x10)]);
        assert_eq!((found.len(), found[0].events), (1, 2));
        assert_eq!(alerts(SLUG, &[search(0, "(objectClass=*)", &["cn", "mskds-rootkeydata"], "ws1")]).len(), 1);
    }

    #[test]
    fn passing_by_and_reading_other_attributes_stay_silent() {
        let events =
            [search(0, "(objectClass=*)", &[], "ws1"), search(1, "(objectClass=group)", &["msKds-CreateTime"], "ws1")];
        assert!(alerts(SLUG, &events).is_empty());
    }

    #[test]
    fn controllers_and_an_access_that_reads_nothing_stay_silent() {
        let events = [
            search(0, "(objectClass=msKds-ProvRootKey)", &[], "dc1"),
            access(1, "DC1$", 0x10),
            access(2, "ann", 0x20000),
        ];
        assert!(alerts(SLUG, &events).is_empty());
    }
}
