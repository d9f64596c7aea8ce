//! ## What it finds
//! A Kerberos logon by certificate where that is suspicious: a certificate of an authority that the domain does not know, or
//! an account that never used certificates.
//!
//! ## Why it matters
//! Whoever wrote a key into an account, forged a certificate with a stolen authority's key, or got one in another's name,
//! uses it here. It yields a ticket, and with it the account's password hash.
//!
//! ## Evidence it needs
//! Events: 4768 with the certificate's issuer. Wire: AS exchanges with PA-PK-AS-REQ (padata 16). The directory tells the
//! domain's authorities; learning tells who uses certificates.
//!
//! ## How it decides
//! The logon succeeded, and the issuer is none of the authorities that the directory holds, while it holds some (high); or
//! the account authenticated by password at least `passwords` times while learning and never by certificate (medium; high
//! for Tier Zero and controllers). Self-signed certificates of key trust name their own subject as issuer and are judged by
//! habit alone.
//!
//! ## Blind spots
//! An account that was not seen while learning.
//!
//! ## Likely benign causes
//! The day on which smart cards or Windows Hello are introduced.
//!
//! ## What to do
//! Revoke the certificate, look for keys on the account (`msDS-KeyCredentialLink`), reset its password twice.
//!
//! ## References
//! T1558, T1649; Defender for Identity 2047, 2425; RFC 4556; event 4768.

use hopwatch_graph::Snapshot;
use hopwatch_ml::bounded::Table;
use hopwatch_model::event::AsExchange;
use hopwatch_model::{Activity, Event, NodeKind, Severity};
use serde::{Deserialize, Serialize};

use crate::change;
use crate::frame::{Context, Meta, Mode, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};

/// The most accounts whose ways to log on are remembered.
const ACCOUNTS: usize = 100_000;
/// PA-PK-AS-REQ (RFC 4556 §3.2.1) and its predecessor.
const PKINIT: [i32; 2] = [16, 15];

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// Logons by password while learning from which a certificate is unusual.
    pub passwords: u32,
}

impl Preset for Config {
    fn preset(sensitivity: Sensitivity) -> Self {
        let passwords = match sensitivity {
            Sensitivity::High => 5,
            Sensitivity::Medium => 3,
            Sensitivity::Low => 1,
        };
        Self { passwords }
    }
}

/// Logons by password and by certificate while learning, by account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RoguePkinit {
    ways: Table<(u32, u32)>,
}

impl Default for RoguePkinit {
    fn default() -> Self {
        Self { ways: Table::new(ACCOUNTS) }
    }
}

impl Rule for RoguePkinit {
    const META: Meta = Meta {
        slug: "rogue-pkinit",
        title: "Suspicious Kerberos logon by certificate",
        phase: Phase::CredentialAccess,
        severity: Severity::Medium,
        techniques: &["T1558", "T1649"],
        external_id: Some(2047),
        actions: &[
            "Revoke the certificate, or remove the key from the account",
            "Reset the account's password twice",
            "Find out how the certificate or key came to be",
        ],
        source: include_str!("rogue_pkinit.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let Activity::AsExchange(exchange) = &event.activity else { return };
        if !event.outcome.succeeded() || crate::shared::ledger::anonymous(&exchange.cname.account().name) {
            return;
        }
        let account = change::of_account(context.snapshot, &exchange.cname.account());
        let by_certificate = exchange.certificate.is_some() || exchange.padata.iter().any(|kind| PKINIT.contains(kind));
        if context.mode == Mode::Learning {
            let ways = self.ways.entry(&account.key, || (0, 0));
            let count = if by_certificate { &mut ways.1 } else { &mut ways.0 };
            *count = count.saturating_add(1);
            return;
        }
        if !by_certificate {
            return;
        }
        let foreign = foreign_issuer(exchange, context.snapshot);
        let (passwords, certificates) = self.ways.get(&account.key).copied().unwrap_or_default();
        let unusual = passwords >= config.passwords && certificates == 0;
        if foreign.is_none() && !unusual {
            let why = format!("{certificates} certificates and {passwords} passwords while learning");
            verdicts.decline(event.time, account.key, why);
            return;
        }
        let privileged = change::privileged(context.snapshot, account.node);
        let severity = if foreign.is_some() || privileged { Severity::High } else { Severity::Medium };
        let why =
            foreign.unwrap_or_else(|| format!("{passwords} logons by password while learning, none by certificate"));
        let whence = event.source.as_ref().map(|host| format!(" from {}", host.label())).unwrap_or_default();
        let story = format!("{} logged on by certificate{whence}: {why}.", account.label);
        verdicts.raise(
            Verdict::of(event, account.key, story, "AS exchange by certificate")
                .against(account.label)
                .because("unusual-certificate", 1.0, 50.0, why)
                .severity(severity)
                .score(if severity == Severity::High { 85.0 } else { 65.0 }),
        );
    }

    fn entries(&self) -> usize {
        self.ways.len()
    }
}

/// The issuer, where it is none of the authorities that the directory holds.
fn foreign_issuer(exchange: &AsExchange, snapshot: &Snapshot) -> Option<String> {
    let (_, issuer) = exchange.certificate.as_deref()?.split_once(' ')?;
    let issuer = issuer.trim().to_lowercase();
    // Key trust signs itself: its issuer is the account's own name, or a SID with a tenant behind it (`S-1-5-21-…/…`).
    let name = exchange.cname.account().name.to_lowercase();
    if issuer.is_empty() || issuer.contains(&name) || issuer.contains("s-1-5-21-") || issuer.contains("ms-organization")
    {
        return None;
    }
    let kinds = [NodeKind::EnterpriseCA, NodeKind::RootCA, NodeKind::AIACA];
    let authorities = snapshot.nodes().filter(|id| kinds.contains(&snapshot.kind(*id)));
    let mut names = authorities.filter_map(|id| snapshot.node(id)).filter_map(|node| {
        let full = node.text("caname").or_else(|| node.text("name"))?;
        Some(full.split('@').next().unwrap_or(full).to_lowercase())
    });
    let first = names.next()?;
    let known = std::iter::once(first).chain(names).any(|name| issuer.contains(&name));
    (!known).then(|| format!("its issuer {issuer} is no authority of the directory"))
}

#[cfg(test)]
mod tests {
    use hopwatch_model::{DirectoryDelta, Outcome};

    use super::*;
    use crate::estate_testing::{live, with_edges};
    use crate::testing::{as_exchange, node, run};

    const SLUG: &str = "rogue-pkinit";

    fn by_certificate(secs: i64, account: &str, certificate: Option<&str>) -> Event {
        let mut event = as_exchange(secs, account, "ws1", Outcome::Success);
        if let Activity::AsExchange(exchange) = &mut event.activity {
            exchange.padata = vec![16];
            exchange.certificate = certificate.map(String::from);
        }
        event
    }

    fn passwords(account: &str, count: i64) -> Vec<Event> {
        (0..count).map(|i| as_exchange(-9000 + i * 60, account, "ws1", Outcome::Success)).collect()
    }

    fn found(history: &[Event], events: &[Event]) -> Vec<hopwatch_model::Alert> {
        run(SLUG, Sensitivity::High, history, events)
    }

    #[test]
    fn an_account_that_always_used_its_password_fires_from_five_logons() {
        assert!(found(&passwords("ann", 4), &[by_certificate(0, "ann", None)]).is_empty());
        assert_eq!(found(&passwords("ann", 5), &[by_certificate(0, "ann", None)])[0].severity, Severity::Medium);
        assert_eq!(found(&passwords("admin", 5), &[by_certificate(0, "admin", None)])[0].severity, Severity::High);
    }

    #[test]
    fn a_user_of_certificates_and_a_stranger_stay_silent() {
        let mut history = passwords("ann", 9);
        history.push(by_certificate(-100, "ann", None));
        assert!(found(&history, &[by_certificate(0, "ann", None), by_certificate(1, "bob", None)]).is_empty());
    }

    fn with_authority() -> DirectoryDelta {
        let mut delta = with_edges(&[]);
        delta.nodes.push(node("CA1".into(), NodeKind::EnterpriseCA, "lab-ca@lab.example", &[]));
        delta
    }

    #[test]
    fn an_issuer_that_the_directory_does_not_hold_fires() {
        let rogue = by_certificate(0, "bob", Some("0badc0de CN=Evil CA"));
        assert_eq!(live(SLUG, &with_authority(), &[], std::slice::from_ref(&rogue), None)[0].severity, Severity::High);
        assert!(live(SLUG, &with_edges(&[]), &[], &[rogue], None).is_empty(), "no authority is known");
        let own = by_certificate(0, "bob", Some("17 LAB-CA"));
        let key_trust = by_certificate(1, "bob", Some("01 CN=S-1-5-21-1-2-3-1101/4f2a/login.windows.net"));
        assert!(live(SLUG, &with_authority(), &[], &[own, key_trust], None).is_empty());
    }
}
