//! ## What it finds
//! A computer account whose `dNSHostName` is set to the name of another host (Certifried, CVE-2022-26923).
//!
//! ## Why it matters
//! Certificates for computers carry the `dNSHostName`. Whoever made a computer account, which by default anyone may do ten
//! times, could enrol in the name of a domain controller and log on as it.
//!
//! ## Evidence it needs
//! Events: 4741 and 4742 (audit policy *Computer Account Management*), 5136 on `dNSHostName`. Wire: LDAP add and modify,
//! where they are not sealed. The directory tells whose name it is.
//!
//! ## How it decides
//! The first label of the new name is not the account's own, and it is the name of another computer that the directory
//! knows. No count, no learning. A controller's name makes it sure (95), any other host's name likely (80).
//!
//! ## Blind spots
//! The name of a host that the directory does not know; changes inside sealed connections without events.
//!
//! ## Likely benign causes
//! A host renamed in two steps, with the old name still in the directory; cluster names.
//!
//! ## What to do
//! Disable the computer account, look for certificates that it enrolled since, and revoke them.
//!
//! ## References
//! T1068, T1649; Defender for Identity 2421; `[MS-ADTS] 3.1.1.5.3.1.1.2` (validated write of `dNSHostName`).

use hopwatch_graph::{NodeFlags, NodeId};
use hopwatch_model::identity::short_name;
use hopwatch_model::{Account, Event, NodeKind, Severity};
use serde::{Deserialize, Serialize};

use crate::change::{self, Written};
use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// Whether only names of domain controllers count.
    pub controllers_only: bool,
}

impl Preset for Config {
    fn preset(_: Sensitivity) -> Self {
        Self { controllers_only: false }
    }
}

/// No state: the write decides.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Certifried {}

impl Rule for Certifried {
    const META: Meta = Meta {
        slug: "certifried",
        title: "Computer account takes the DNS name of another host (CVE-2022-26923)",
        phase: Phase::DomainDominance,
        severity: Severity::High,
        techniques: &["T1068", "T1649"],
        external_id: Some(2421),
        actions: &[
            "Disable the computer account whose name was changed",
            "Revoke the certificates that were issued to it since",
            "Set ms-DS-MachineAccountQuota to 0",
        ],
        source: include_str!("certifried.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        for written in change::written(event, context.snapshot, &["dNSHostName"]) {
            for value in &written.values {
                judge(config, &written, value, event, context, verdicts);
            }
        }
    }

    fn entries(&self) -> usize {
        0
    }
}

fn judge(
    config: &Config,
    written: &Written<'_>,
    value: &str,
    event: &Event,
    context: &Context<'_>,
    verdicts: &mut Verdicts,
) {
    let snapshot = context.snapshot;
    let own = written.object.label.trim_end_matches('$');
    let claimed = short_name(value);
    // NetBIOS names are cut at 15 characters: the DNS name of a long-named host goes on.
    if claimed.is_empty()
        || own.eq_ignore_ascii_case(&claimed)
        || (own.len() == 15 && claimed.starts_with(&own.to_lowercase()))
    {
        return;
    }
    let Some(other) = bearer(context, &claimed).filter(|other| Some(*other) != written.object.node) else {
        verdicts.decline(event.time, own, format!("{value} is no other host's name"));
        return;
    };
    let controller = snapshot.flags(other).has(NodeFlags::DOMAIN_CONTROLLER);
    if config.controllers_only && !controller {
        return;
    }
    let who = change::who(event, snapshot);
    let of = if controller { "the domain controller" } else { "the host" };
    let story = format!("{who} set the DNS name of {} to {value}, the name of {of} {claimed}.", written.object.label);
    let key = format!("{}|{claimed}", written.object.key);
    let text = format!("the account is {own}, whose DNS name begins with its own; {value} belongs to another");
    verdicts.raise(
        Verdict::of(event, key, story, "dNSHostName written")
            .against(value)
            .because("another-hosts-name", 1.0, 60.0, text)
            .score(if controller { 95.0 } else { 80.0 }),
    );
}

/// The computer of the directory that has the name as its account's. Its DNS name may be borne twice by now.
fn bearer(context: &Context<'_>, short: &str) -> Option<NodeId> {
    let account = Account::named(&format!("{short}$"));
    let node = crate::directory::account(context.snapshot, &account)?;
    (context.snapshot.kind(node) == NodeKind::Computer).then_some(node)
}

#[cfg(test)]
mod tests {
    use hopwatch_model::event::{AccountChangeKind, ValueOperation};

    use super::*;
    use crate::testing::{account_change, alerts, change};

    const SLUG: &str = "certifried";

    fn set(secs: i64, account: &str, name: &str) -> Event {
        let object = format!("CN={account},CN=Computers,DC=lab,DC=example");
        change(secs, &object, "dNSHostName", ValueOperation::Replace, &[name], "ann")
    }

    #[test]
    fn the_name_of_a_controller_fires_from_ldap_and_from_the_record_as_one_alert() {
        let record =
            account_change(3, AccountChangeKind::Changed, "WS9$", &[("dNSHostName", "dc1.lab.example")], "ann");
        let wire =
            change(0, "CN=WS9$,CN=Computers,DC=lab", "dnshostname", ValueOperation::Add, &["dc1.lab.example"], "ann");
        let found = alerts(SLUG, &[wire, record]);
        assert_eq!(found.len(), 1);
        assert!(found[0].score > 90.0);
        assert!(found[0].explanation.contains("the domain controller dc1"), "{}", found[0].explanation);
    }

    #[test]
    fn the_accounts_own_name_stays_silent() {
        assert!(alerts(SLUG, &[set(0, "WS1", "ws1.lab.example"), set(1, "ws2", "WS2.other.example")]).is_empty());
    }

    #[test]
    fn a_name_that_nobody_bears_stays_silent() {
        assert!(alerts(SLUG, &[set(0, "WS1", "web.lab.example")]).is_empty());
    }

    #[test]
    fn a_refused_write_stays_silent() {
        let refused = Event { outcome: hopwatch_model::Outcome::Failure(50), ..set(0, "WS9", "dc1.lab.example") };
        assert!(alerts(SLUG, &[refused]).is_empty());
    }
}
