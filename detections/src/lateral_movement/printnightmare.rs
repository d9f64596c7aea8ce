//! ## What it finds
//! A printer driver that a host is told to load from elsewhere, or that is added over the network by someone who never
//! did so (PrintNightmare, CVE-2021-1675, CVE-2021-34527).
//!
//! ## Why it matters
//! The print spooler loads the driver's library as the system: one call by any account is control of the host.
//!
//! ## Evidence it needs
//! Wire: `RpcAddPrinterDriver` (RPRN opnum 9), `RpcAddPrinterDriverEx` (89), `RpcAsyncAddPrinterDriver` (PAR opnum 39).
//!
//! ## How it decides
//! The driver's path names another host than the one called (`\\10.0.0.9\share\x.dll`), or climbs out of its folder
//! (`\..\`): high. Where the call is sealed and the path is not visible: high towards a controller, which needs no
//! printer, else medium; unless the actor did so `usual_times` while learning. Clients that only connect to a shared printer
//! fetch its driver and never add one, so other calls of the spooler stay silent.
//!
//! ## Blind spots
//! A sealed call by one who installs drivers there by habit.
//!
//! ## Likely benign causes
//! An administrator who installs a driver on a print server for the first time.
//!
//! ## What to do
//! Isolate the source, look for new files below `spool\drivers`, stop the spooler where nobody prints.
//!
//! ## References
//! T1210, T1547.012; Defender for Identity 2415; `[MS-RPRN] 3.1.4.4.8`, `[MS-PAR] 3.1.4.2.2`.

use hopwatch_model::event::{RpcArguments, RpcCall};
use hopwatch_model::identity::short_name;
use hopwatch_model::{Activity, Event, Guid, Host, Severity};
use serde::{Deserialize, Serialize};

use crate::change;
use crate::frame::{Context, Meta, Phase, Rule, Verdict, Verdicts};
use crate::habit::{Habit, Habits};
use crate::words;

/// RPRN (`[MS-RPRN] 2.1`).
const RPRN: Guid = Guid::from_u128(0x1234_5678_1234_abcd_ef00_0123_4567_89ab);
/// PAR (`[MS-PAR] 2.1`).
const PAR: Guid = Guid::from_u128(0x76f0_3f96_cdfd_44fc_a22c_6495_0a00_1209);

/// Who installs drivers usually.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Printnightmare {
    habits: Habits,
}

impl Rule for Printnightmare {
    const META: Meta = Meta {
        slug: "printnightmare",
        title: "Printer driver loaded from elsewhere (PrintNightmare)",
        phase: Phase::LateralMovement,
        severity: Severity::High,
        techniques: &["T1210", "T1547.012"],
        external_id: Some(2415),
        actions: &[
            "Isolate the source host",
            "Look for new libraries below spool\\drivers on the target",
            "Stop the print spooler on controllers and wherever nobody prints",
        ],
        source: include_str!("printnightmare.rs"),
    };

    type Config = Habit;

    fn observe(&mut self, config: &Habit, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let Activity::RpcCall(call) = &event.activity else { return };
        if !adds_driver(call) {
            return;
        }
        let Some(target) = &event.target else { return };
        let path = match &call.arguments {
            RpcArguments::Path(path) => Some(path.as_str()),
            _ => None,
        };
        let who = change::who(event, context.snapshot);
        let host = target.label();
        let actor = change::actor(event, context.snapshot).key;
        let key = format!("{actor}|{}|{host}", event.source.as_ref().map(Host::key).unwrap_or_default());
        if let Some(path) = path.filter(|path| foreign(path, target)) {
            let story = format!("{who} told {host} to load the printer driver {path}.");
            let text = format!("{path} does not lie in {host}'s own driver folder");
            verdicts.raise(
                Verdict::of(event, key, story, "printer driver added")
                    .against(path)
                    .because("foreign-driver", 1.0, 70.0, text)
                    .severity(Severity::High)
                    .score(95.0),
            );
            return;
        }
        if path.is_some() {
            verdicts.decline(event.time, key, "a driver of the host's own folder");
            return;
        }
        if self.habits.usual(config, &key, event, context.mode, verdicts) {
            return;
        }
        let controller = context.shared.controllers.contains(target, context.snapshot);
        let (what, severity, score) =
            if controller { ("the domain controller ", Severity::High, 85.0) } else { ("", Severity::Medium, 70.0) };
        let story = format!(
            "{who} told {what}{host} over the network to add a printer driver{}; the call is sealed, so where the \
             driver lies is not visible.",
            words::answer(event)
        );
        verdicts.raise(
            Verdict::of(event, key, story, "printer driver added by a sealed call")
                .because("driver-added", 1.0, 40.0, "the actor added no driver there while learning".into())
                .severity(severity)
                .score(score),
        );
    }

    fn entries(&self) -> usize {
        self.habits.entries()
    }
}

fn adds_driver(call: &RpcCall) -> bool {
    (call.interface == Some(RPRN) && matches!(call.opnum, 9 | 89)) || (call.interface == Some(PAR) && call.opnum == 39)
}

/// True where a driver's path leads to another host or out of its folder.
fn foreign(path: &str, target: &Host) -> bool {
    let path = path.replace('/', "\\");
    if path.contains("\\..\\") || path.contains("\\old\\") {
        return true;
    }
    // `\??\UNC\host\share` is the same in the kernel's spelling.
    let rest = path.strip_prefix("\\\\").or_else(|| path.strip_prefix("\\??\\UNC\\"));
    let Some(rest) = rest.filter(|rest| !rest.starts_with(['?', '.'])) else { return false };
    let named = rest.split('\\').next().unwrap_or_default();
    let own_address = target.address.is_some_and(|address| address.to_string() == named);
    let own_name = target.name.as_deref().is_some_and(|name| short_name(name) == short_name(named));
    !own_address && !own_name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Sensitivity;
    use crate::testing::{alerts, call, host, run};

    const SLUG: &str = "printnightmare";

    fn add(secs: i64, path: &str) -> Event {
        let arguments = if path.is_empty() { RpcArguments::None } else { RpcArguments::Path(path.into()) };
        call(secs, RPRN, 89, arguments, "ann", "ws1")
    }

    #[test]
    fn a_driver_from_another_host_fires_high_also_in_the_kernels_spelling() {
        for path in [
            r"\\10.0.0.9\smb\evil.dll",
            r"\??\UNC\10.0.0.9\smb\evil.dll",
            r"C:\Windows\System32\spool\drivers\x64\3\old\1\e.dll",
        ] {
            assert_eq!(alerts(SLUG, &[add(0, path)])[0].severity, Severity::High, "{path}");
        }
    }

    #[test]
    fn the_hosts_own_share_and_folder_stay_silent() {
        let events = [
            add(0, r"\\dc1.lab.example\print$\x64\3\hp.dll"),
            add(1, r"C:\Windows\System32\spool\drivers\x64\3\hp.dll"),
        ];
        assert!(alerts(SLUG, &events).is_empty());
    }

    #[test]
    fn a_sealed_call_counts_high_on_a_controller_and_medium_on_a_server() {
        assert_eq!(alerts(SLUG, &[add(0, "")])[0].severity, Severity::High);
        let server = Event { target: Some(host("srv1")), ..add(0, "") };
        assert_eq!(alerts(SLUG, &[server])[0].severity, Severity::Medium);
    }

    #[test]
    fn the_print_administrator_and_other_calls_stay_silent() {
        assert!(run(SLUG, Sensitivity::High, &[add(-9000, "")], &[add(0, "")]).is_empty());
        assert!(alerts(SLUG, &[call(0, RPRN, 65, RpcArguments::Path(r"\\10.0.0.9".into()), "ann", "ws1")]).is_empty());
    }
}
