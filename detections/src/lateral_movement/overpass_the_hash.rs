//! ## What it finds
//! A Kerberos logon made with a stolen key instead of a password: with the NT hash, which is the RC4 key, or with an AES
//! key by a tool.
//!
//! ## Why it matters
//! It turns a hash taken from memory or a backup into tickets, which pass where NTLM is forbidden.
//!
//! ## Evidence it needs
//! Wire: AS exchanges (etypes offered, etype of the encrypted timestamp, etype of the ticket). Samba: the key type of
//! `Authentication` records. Events: 4768 with `PreAuthEncryptionType`. History: the account's own etypes and hosts.
//!
//! ## How it decides
//! A pre-authenticated AS exchange of a user account, either
//! (a) *forced RC4*: the client offers nothing better than RC4 (or, in a log, the timestamp is RC4), while the account
//! is known to have AES keys (its history, or AES-sealed replies), or the domain issues AES tickets, so that only
//! the client's wish explains RC4; 4768 counts where the account had AES before, or the request's options are those of a
//! tool's own client; or
//! (b) *one AES key*: the client offers one single etype, which systems do not do (they offer all that they have), and
//! the account is used from hosts known by name or address, of which this is none.
//! An account or host that offered no AES while learning is an old client, and is spared. Where the account's own
//! history does not speak, (a) waits `hold_secs`: roasting tools ask for RC4 too, and where the logon's tickets are then
//! asked for by the name of a service account, `kerberoasting` speaks. A log that shows keys and no tickets (Samba's) cannot
//! show that; there a bind by NTLM of the same account from the same host within `hold_secs` before says that a tool is at
//! work that has the secret and reads the directory with it, not one that turns a hash into tickets.
//!
//! ## Blind spots
//! From Samba's log alone, a hash that was used for both. An AES key used by a client that offers the usual list; accounts never seen before, for (b); armoured requests (FAST).
//!
//! ## Likely benign causes
//! An appliance, script or keytab that is limited to RC4; an administrator testing etypes.
//!
//! ## What to do
//! Ask the owner. Isolate the source, reset the password twice, find where the hash was stolen.
//!
//! ## References
//! T1550.002; Defender for Identity 2008 and 2002; RFC 4120 §5.2.7.2; RFC 4757; `[MS-KILE] 3.1.5.2`.

use std::time::Duration;

use hopwatch_model::event::{AsExchange, TgsExchange};
use hopwatch_model::{Account, Activity, Event, Host, Severity, Timestamp};
use serde::{Deserialize, Serialize};

use crate::directory;
use crate::frame::{Context, Meta, Mode, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};
use crate::usual::Usual;
use crate::words;
use hopwatch_ml::bounded::Table;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// Whether one single AES etype from a host new to the account counts.
    pub single_aes_etype: bool,
    /// Whether an AES ticket for an RC4-only client suffices where nothing is known of the account.
    pub domain_suffices: bool,
    /// How long such a logon waits for what it is used for, in seconds.
    pub hold_secs: u64,
}

impl Preset for Config {
    fn preset(_: Sensitivity) -> Self {
        Self { single_aes_etype: true, domain_suffices: true, hold_secs: 60 }
    }
}

/// The event of an AS exchange in Windows' log, beside which 4769 shows the tickets.
const TGT_REQUESTED: u32 = 4768;
/// KDC options of attack tools' own clients: forwardable, renewable and renewable-ok without canonicalize, which Windows
/// always sends; forwardable, proxiable and renewable (RFC 4120 §5.4.1).
const TOOL_OPTIONS: [u32; 2] = [0x4080_0010, 0x5080_0000];
/// How such a logon was made, for its story.
const RC4: &str = "with an RC4 key, which is the account's NT hash, where its password would have given AES";
/// The most logons that wait.
const PENDING: usize = 10_000;

/// A logon that waits.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Pending {
    event: Event,
    account: Account,
    text: String,
}

/// Accounts and hosts that are limited to RC4 by habit, and logons that wait.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OverpassTheHash {
    old_clients: Usual,
    pending: Table<Pending>,
    /// Latest bind by NTLM, by account and host.
    binds: Table<Timestamp>,
}

impl Default for OverpassTheHash {
    fn default() -> Self {
        Self { old_clients: Usual::default(), pending: Table::new(PENDING), binds: Table::new(PENDING) }
    }
}

impl Rule for OverpassTheHash {
    const META: Meta = Meta {
        slug: "overpass-the-hash",
        title: "A Kerberos logon with a stolen key (overpass-the-hash)",
        phase: Phase::LateralMovement,
        severity: Severity::Medium,
        techniques: &["T1550.002"],
        external_id: Some(2008),
        actions: &[
            "Ask the owner whether they logged on from this host",
            "Isolate the source host and reset the account's password twice",
            "Find the host from whose memory the key was taken",
        ],
        source: include_str!("overpass_the_hash.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let exchange = match &event.activity {
            Activity::AsExchange(exchange) => exchange,
            Activity::NtlmLogon(logon) if logon.carrier == "ldap" && event.outcome.succeeded() => {
                if let (Some(actor), Some(source)) = (&event.actor, &event.source) {
                    let time = event.time;
                    *self.binds.entry(&format!("{}|{}", actor.key(), source.key()), || time) = time;
                }
                return;
            }
            Activity::TgsExchange(exchange) if roasts(exchange) => {
                self.pending.retain(|_, waiting| {
                    waiting.event.source.as_ref().map(Host::key) != event.source.as_ref().map(Host::key)
                });
                return;
            }
            _ => return,
        };
        let account = exchange.cname.account();
        if !event.outcome.succeeded() || !exchange.preauthenticated() || account.machine() {
            return;
        }
        if forced(exchange) || logged_rc4(exchange, event) {
            self.judge_rc4(config, exchange, &account, event, context, verdicts);
        } else if config.single_aes_etype && exchange.etypes.len() == 1 {
            judge_aes(exchange, &account, event, context, verdicts);
        }
    }

    fn tick(&mut self, config: &Config, now: Timestamp, context: &Context<'_>, verdicts: &mut Verdicts) {
        let hold = Duration::from_secs(config.hold_secs);
        let due = self.pending.sorted().into_iter().filter(|(_, waiting)| waiting.event.time + hold <= now);
        let due: Vec<String> = due.map(|(key, _)| key.to_owned()).collect();
        for waiting in due.iter().filter_map(|key| self.pending.remove(key)) {
            verdicts.raise(verdict(&waiting.event, &waiting.account, context, RC4, &waiting.text).score(75.0));
        }
    }

    fn entries(&self) -> usize {
        self.old_clients.entries() + self.pending.len() + self.binds.len()
    }
}

impl OverpassTheHash {
    fn judge_rc4(
        &mut self,
        config: &Config,
        exchange: &AsExchange,
        account: &Account,
        event: &Event,
        context: &Context<'_>,
        verdicts: &mut Verdicts,
    ) {
        let host = event.source.as_ref().map(Host::key).unwrap_or_default();
        let by_account = self.old_clients.met(&format!("account|{}", account.key()), context.mode);
        let by_host = self.old_clients.met(&format!("host|{host}"), context.mode);
        if context.mode == Mode::Learning || by_account || by_host {
            verdicts.decline(event.time, account.key(), "the account or its host is limited to RC4 by habit");
            return;
        }
        let known = context.shared.baseline.account(account);
        let had_aes = known.is_some_and(|known| known.etypes.keys().any(|etype| aes(*etype)));
        let aes_ticket = exchange.ticket.as_ref().map(|ticket| ticket.etype).or(exchange.ticket_etype).is_some_and(aes);
        // Samba's log shows the key alone: what else the domain's accounts use tells whether it knows AES.
        let windows = event.provenance.event_id == Some(TGT_REQUESTED);
        let sealed =
            exchange.etypes.is_empty() && !windows && directory::aes_domain(context.snapshot, &exchange.cname.realm);
        let by_tool = windows && TOOL_OPTIONS.contains(&exchange.kdc_options);
        let text = match () {
            () if had_aes => "RC4 instead of AES, which the account used before",
            () if config.domain_suffices && aes_ticket => {
                "RC4 is all that the client offered, to a KDC that issues AES tickets"
            }
            () if config.domain_suffices && sealed => "an RC4 key in a domain of functional level 2008 or later",
            () if config.domain_suffices && by_tool => {
                "an RC4 key, by a client whose options are those of an attack tool"
            }
            () => {
                verdicts.decline(event.time, account.key(), "nothing says that the account has AES keys");
                return;
            }
        };
        let key = format!("{}|{host}", account.key());
        let hold = Duration::from_secs(config.hold_secs);
        let bound = self.binds.get(&key).is_some_and(|bind| *bind <= event.time && *bind + hold >= event.time);
        if exchange.etypes.is_empty() && !windows && bound {
            verdicts.decline(
                event.time,
                key,
                "a tool that read the directory by NTLM just before, in a log without tickets",
            );
            return;
        }
        if had_aes {
            verdicts.raise(verdict(event, account, context, RC4, text).score(90.0));
            return;
        }
        let waiting = Pending { event: event.clone(), account: account.clone(), text: text.to_owned() };
        self.pending.entry(&key, || waiting);
    }
}

/// A ticket asked for by the name of an account, as roasting tools do (`[MS-KILE] 3.1.5.14`, NT-MS-PRINCIPAL).
fn roasts(exchange: &TgsExchange) -> bool {
    matches!(exchange.sname.name_type, -128 | -129) || exchange.sname.name.contains('\\')
}

/// 4768 of the years before it told the pre-authentication's etype: pre-authenticated, and its etype is the reply's.
fn logged_rc4(exchange: &AsExchange, event: &Event) -> bool {
    let silent = exchange.etypes.is_empty() && exchange.timestamp_etype.is_none();
    silent && event.provenance.event_id == Some(TGT_REQUESTED) && exchange.ticket_etype == Some(23)
}

/// Nothing better than RC4 was offered, and RC4 sealed the timestamp.
fn forced(exchange: &AsExchange) -> bool {
    let weak = |etype: &i32| matches!(etype, 23 | 24 | -133 | -128 | -135 | 1 | 3);
    let sealed = exchange.timestamp_etype.is_none_or(|etype| etype == 23);
    let only = match exchange.etypes.as_slice() {
        [] => exchange.timestamp_etype == Some(23),
        offered => offered.iter().all(weak) && offered.contains(&23),
    };
    only && sealed
}

/// AES by RFC 3962 or RFC 8009.
fn aes(etype: i32) -> bool {
    matches!(etype, 17..=20)
}

/// One single AES etype from a host that the account does not use.
fn judge_aes(exchange: &AsExchange, account: &Account, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
    let Some(host) = event.source.as_ref().map(Host::key).filter(|host| !host.is_empty()) else { return };
    let Some(known) = context.shared.baseline.account(account).filter(|known| !known.hosts.is_empty()) else {
        verdicts.decline(event.time, account.key(), "no history of the account");
        return;
    };
    let address = event.source.as_ref().and_then(|host| host.address).map(|address| address.to_string());
    if known.hosts.contains_key(&host) || address.is_some_and(|address| known.hosts.contains_key(&address)) {
        verdicts.decline(event.time, account.key(), "the account is used from this host");
        return;
    }
    let hosts: Vec<&str> = known.hosts.keys().map(String::as_str).take(5).collect();
    let etype = exchange.etypes.first().copied().unwrap_or_default();
    let text = format!("etype {etype} alone was offered, from a host new to the account; known: {}", hosts.join(", "));
    let privileged = directory::privileged(context.snapshot, account);
    let score = if privileged { 80.0 } else { 65.0 };
    verdicts.raise(
        verdict(
            event,
            account,
            context,
            "with a single AES key as tools offer it, from a host that is new to it",
            &text,
        )
        .score(score),
    );
}

fn verdict(event: &Event, account: &Account, context: &Context<'_>, how: &str, text: &str) -> Verdict {
    let name = words::account(account, context.snapshot);
    let from = event.source.as_ref().map_or_else(|| "an unknown host".into(), Host::label);
    let story = format!("{name} logged on by Kerberos from {from} {how}.");
    let key = format!("{}|{from}", account.key());
    Verdict::of(event, key, story, "AS exchange").because("key", 1.0, 60.0, text.into())
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::Principal;

    use super::*;
    use crate::testing::{alerts, as_exchange, by, event, run, ticket};

    const SLUG: &str = "overpass-the-hash";

    fn logon(secs: i64, account: &str, source: &str, etypes: &[i32], sealed: i32, ticket_etype: i32) -> Event {
        let mut event = as_exchange(secs, account, source, Outcome::Success);
        if let Activity::AsExchange(exchange) = &mut event.activity {
            exchange.etypes = etypes.to_vec();
            exchange.timestamp_etype = Some(sealed);
            exchange.ticket = Some(ticket(secs.unsigned_abs() + 1, "krbtgt/LAB.EXAMPLE", ticket_etype));
        }
        event
    }

    #[test]
    fn rc4_of_an_account_that_used_aes_fires() {
        let history = [logon(-9000, "ann", "ws1", &[18, 17, 23], 18, 18)];
        let events = [logon(0, "ann", "ws1", &[23], 23, 23)];
        assert_eq!(run(SLUG, Sensitivity::High, &history, &events).len(), 1);
    }

    #[test]
    fn rc4_alone_against_a_kdc_with_aes_fires_without_history() {
        assert_eq!(alerts(SLUG, &[logon(0, "ann", "ws1", &[23], 23, 18)]).len(), 1);
    }

    #[test]
    fn a_roasting_tools_logon_is_left_to_kerberoasting() {
        let sname = Principal { name_type: -128, name: "LAB\\svc_sql".into(), ..Principal::default() };
        let request = TgsExchange { sname, ..TgsExchange::default() };
        let request = by(event(5, Activity::TgsExchange(Box::new(request))), "ann", "ws1", Outcome::Failure(7));
        assert!(alerts(SLUG, &[logon(0, "ann", "ws1", &[23], 23, 18), request]).is_empty());
    }

    #[test]
    fn an_old_client_in_an_old_domain_stays_silent() {
        assert!(alerts(SLUG, &[logon(0, "ann", "ws1", &[23, -133, -128, 3, 1], 23, 23)]).is_empty());
    }

    #[test]
    fn an_account_without_aes_keys_whose_client_offers_aes_stays_silent() {
        assert!(alerts(SLUG, &[logon(0, "ann", "ws1", &[18, 17, 23], 23, 18)]).is_empty());
    }

    #[test]
    fn a_client_limited_to_rc4_by_habit_stays_silent() {
        let history = [logon(-9000, "bob", "ws1", &[23], 23, 18)];
        assert!(run(SLUG, Sensitivity::High, &history, &[logon(0, "ann", "ws1", &[23], 23, 18)]).is_empty());
    }

    #[test]
    fn one_aes_etype_fires_from_a_new_host_alone() {
        let history = [logon(-9000, "ann", "ws1", &[18, 17, 23], 18, 18)];
        assert_eq!(run(SLUG, Sensitivity::High, &history, &[logon(0, "ann", "ws2", &[18], 18, 18)]).len(), 1);
        assert!(run(SLUG, Sensitivity::High, &history, &[logon(0, "ann", "ws1", &[18], 18, 18)]).is_empty());
        assert!(alerts(SLUG, &[logon(0, "ann", "ws2", &[18], 18, 18)]).is_empty(), "cold start");
    }

    #[test]
    fn in_a_log_without_tickets_a_bind_just_before_makes_it_a_directory_tool() {
        let history = [logon(-9000, "ann", "ws1", &[18, 17, 23], 18, 18)];
        let mut sealed = logon(5, "ann", "ws9", &[], 23, 18);
        if let Activity::AsExchange(exchange) = &mut sealed.activity {
            exchange.ticket = None;
        }
        let mut bind = crate::testing::ntlm(0, "ann", "ws9", "dc1", Outcome::Success);
        if let Activity::NtlmLogon(logon) = &mut bind.activity {
            logon.carrier = "ldap".into();
        }
        assert_eq!(run(SLUG, Sensitivity::High, &history, &[sealed.clone()]).len(), 1);
        assert!(run(SLUG, Sensitivity::High, &history, &[bind, sealed]).is_empty());
    }

    #[test]
    fn rc4_in_windows_log_fires_for_an_account_with_aes_or_a_tools_options_alone() {
        let logged = |options: u32| {
            let mut event = logon(0, "ann", "ws1", &[], 23, 18);
            event.provenance.event_id = Some(TGT_REQUESTED);
            if let Activity::AsExchange(exchange) = &mut event.activity {
                (exchange.ticket, exchange.timestamp_etype, exchange.ticket_etype) = (None, None, Some(23));
                exchange.kdc_options = options;
            }
            event
        };
        let history = [logon(-9000, "ann", "ws1", &[18, 17, 23], 18, 18)];
        assert_eq!(run(SLUG, Sensitivity::High, &history, &[logged(0x4081_0010)]).len(), 1);
        assert_eq!(alerts(SLUG, &[logged(0x4080_0010)]).len(), 1);
        assert!(alerts(SLUG, &[logged(0x4081_0010)]).is_empty(), "an account without AES keys");
    }
}
