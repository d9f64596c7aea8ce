//! ## What it finds
//! A ticket-granting ticket asked for without pre-authentication, to crack the reply offline (AS-REP roasting).
//!
//! ## Why it matters
//! Where an account needs no pre-authentication, anyone who knows its name gets a reply sealed with its password. No
//! credential is needed to ask, and no logon fails.
//!
//! ## Evidence it needs
//! Wire: AS exchanges (etypes offered, padata, the KDC's answer). Events: 4768 with `PreAuthType` 0; audit policy
//! *Kerberos Authentication Service*. Samba: `Authentication` records of the KDC without a pre-authentication method.
//!
//! ## How it decides
//! An AS exchange of a user account that succeeded without pre-authentication (no encrypted timestamp, PKINIT or FAST),
//! and one of: the client offered nothing better than RC4, or the log shows an RC4 ticket; the directory says that the
//! account needs no pre-authentication (`dontreqpreauth`) and the host is none from which it is used. One such
//! exchange decides; each further account from the same host joins the alert. A host that did the same while learning is
//! its own usual client.
//!
//! ## Blind spots
//! A client that offers AES, where the directory is not loaded. Asking from the host on which the account is at home.
//!
//! ## Likely benign causes
//! Old Unix and Java services whose accounts were exempted from pre-authentication for their sake.
//!
//! ## What to do
//! Require pre-authentication for the accounts, and give them new long passwords.
//!
//! ## References
//! T1558.004; Defender for Identity 2412; RFC 4120 §5.2.7.2, §3.1.

use hopwatch_model::event::AsExchange;
use hopwatch_model::{Activity, Event, Host, Severity};
use serde::{Deserialize, Serialize};

use crate::directory;
use crate::frame::{Context, Meta, Mode, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};
use crate::usual::Usual;
use crate::words;

/// PA-FX-FAST (RFC 6113 §5.4.2): the inner request may pre-authenticate where it cannot be seen.
const FAST: i32 = 136;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// Whether a host that did the same while learning, or where the account is at home, is spared.
    pub spare_usual: bool,
}

impl Preset for Config {
    fn preset(sensitivity: Sensitivity) -> Self {
        Self { spare_usual: sensitivity != Sensitivity::Low }
    }
}

/// Clients that ask so by habit.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AsRepRoasting {
    usual: Usual,
}

impl Rule for AsRepRoasting {
    const META: Meta = Meta {
        slug: "as-rep-roasting",
        title: "A reply without pre-authentication collected for offline cracking (AS-REP roasting)",
        phase: Phase::CredentialAccess,
        severity: Severity::High,
        techniques: &["T1558.004"],
        external_id: Some(2412),
        actions: &[
            "Require pre-authentication for the account and change its password",
            "Look at what the source host did next",
        ],
        source: include_str!("as_rep_roasting.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let Activity::AsExchange(exchange) = &event.activity else { return };
        let account = exchange.cname.account();
        if !unproved(exchange, event) || account.machine() {
            return;
        }
        let exempt = directory::account(context.snapshot, &account)
            .and_then(|node| context.snapshot.node(node)?.flag("dontreqpreauth"));
        let host = event.source.as_ref().map(Host::key).unwrap_or_default();
        let key = format!("{}|{host}", account.key());
        if self.usual.met(&key, context.mode) && (config.spare_usual || context.mode == Mode::Learning) {
            verdicts.decline(event.time, key, "the host asked so while learning");
            return;
        }
        let weak = weak_only(exchange);
        let home = context.shared.baseline.account(&account).is_some_and(|known| known.hosts.contains_key(&host));
        if !weak && (exempt != Some(true) || (home && config.spare_usual)) {
            verdicts.decline(event.time, key, "AES was offered, and nothing else speaks against it");
            return;
        }
        let name = words::account(&account, context.snapshot);
        let from = event.source.as_ref().map_or_else(|| "an unknown host".into(), Host::label);
        let weakly = if weak { " with RC4" } else { "" };
        let story =
            format!("{from} got a reply for {name} without pre-authentication{weakly}, which can be cracked offline.");
        let text = if weak {
            "the client offered nothing better than RC4, which cracks fastest".into()
        } else {
            format!("{name} needs no pre-authentication, and is not used from {from}")
        };
        let verdict = Verdict::of(event, host, story, "AS reply without pre-authentication").against(name);
        verdicts.raise(verdict.because("unproved", 1.0, 60.0, text).score(if weak { 95.0 } else { 80.0 }));
    }

    fn entries(&self) -> usize {
        self.usual.entries()
    }
}

/// A reply was given, and the client proved nothing.
fn unproved(exchange: &AsExchange, event: &Event) -> bool {
    event.outcome.succeeded() && !exchange.preauthenticated() && !exchange.padata.contains(&FAST)
}

/// RC4 is the best that the client offers (DES alone is a client of another age); of a log that does not show the offer, what was issued.
fn weak_only(exchange: &AsExchange) -> bool {
    let weak = |etype: &i32| matches!(etype, 23 | 24 | 1 | 2 | 3 | -133 | -128 | -135);
    if exchange.etypes.is_empty() {
        return exchange.ticket_etype.or(exchange.reply_etype).is_some_and(|etype| weak(&etype));
    }
    exchange.etypes.iter().all(weak) && exchange.etypes.contains(&23)
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;

    use super::*;
    use crate::testing::{alerts, as_exchange, run};

    const SLUG: &str = "as-rep-roasting";

    fn asked(secs: i64, account: &str, source: &str, padata: &[i32], etypes: &[i32]) -> Event {
        let mut event = as_exchange(secs, account, source, Outcome::Success);
        if let Activity::AsExchange(exchange) = &mut event.activity {
            exchange.padata = padata.to_vec();
            exchange.etypes = etypes.to_vec();
            exchange.timestamp_etype = None;
        }
        event
    }

    #[test]
    fn an_rc4_reply_without_preauthentication_fires_once_for_all_accounts_of_a_host() {
        let events = [asked(0, "ann", "ws1", &[128], &[23]), asked(1, "bob", "ws1", &[128], &[23])];
        assert_eq!(alerts(SLUG, &events).len(), 1);
    }

    #[test]
    fn a_timestamp_pkinit_or_fast_stays_silent() {
        for padata in [2, 16, 136] {
            assert!(alerts(SLUG, &[asked(0, "ann", "ws1", &[padata], &[23])]).is_empty());
        }
    }

    #[test]
    fn an_aes_offer_for_an_account_of_no_exemption_stays_silent() {
        assert!(alerts(SLUG, &[asked(0, "ann", "ws1", &[128], &[18, 17, 23])]).is_empty());
    }

    #[test]
    fn a_probe_that_was_refused_and_a_machine_stay_silent() {
        let mut refused = asked(0, "ann", "ws1", &[128], &[23]);
        refused.outcome = Outcome::Failure(25);
        assert!(alerts(SLUG, &[refused, asked(1, "WS1$", "ws1", &[], &[23])]).is_empty());
    }

    #[test]
    fn the_habit_of_a_host_stays_silent() {
        let history = [asked(-9000, "ann", "ws1", &[], &[23])];
        assert!(run(SLUG, Sensitivity::High, &history, &[asked(0, "ann", "ws1", &[], &[23])]).is_empty());
        assert_eq!(run(SLUG, Sensitivity::High, &history, &[asked(0, "ann", "ws2", &[], &[23])]).len(), 1);
    }
}
