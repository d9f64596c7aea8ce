//! What events show, in passing, of which host had which address.

use std::net::IpAddr;

use hopwatch_model::identity::ResolutionMethod;
use hopwatch_model::{Activity, Certainty, Event, Host, Resolution};

/// Calls `learn` with every binding that the event attests.
pub(super) fn of(event: &Event, learn: &mut impl FnMut(IpAddr, &str, Resolution)) {
    let mut say = |host: &Option<Host>, name: &str, certainty, method| {
        if let Some(address) = host.as_ref().and_then(|host| host.address) {
            learn(address, name, Resolution { certainty, method });
        }
    };
    let machine = event.actor.as_ref().filter(|actor| actor.machine() && event.outcome.succeeded());
    match &event.activity {
        Activity::NameObserved(observed) => {
            learn(observed.address, &observed.name, observed.resolution);
            return;
        }
        // Only the machine itself (or a thief of its key) can complete the exchange.
        Activity::AsExchange(_) => {
            if let Some(actor) = machine {
                say(&event.source, &actor.name, Certainty::High, ResolutionMethod::Kerberos);
            }
        }
        // A ticket for a service of a host was accepted there.
        Activity::TicketUse(used) if event.outcome.succeeded() => {
            if let Some(host) = used.ticket.sname.host() {
                say(&event.target, host, Certainty::Medium, ResolutionMethod::Kerberos);
            }
        }
        Activity::NtlmLogon(logon) => {
            if let Some(name) = &logon.workstation {
                say(&event.source, name, Certainty::Medium, ResolutionMethod::Ntlm);
            }
            // NetBIOS or DNS name that the server gives itself; `DOMAIN\name` is taken apart by the producer.
            if let Some(name) = &logon.server_name {
                say(&event.target, name, Certainty::Medium, ResolutionMethod::Ntlm);
            }
        }
        // NTLM can be relayed from another address; Kerberos of a machine account cannot.
        Activity::Logon(logon) if logon.package.eq_ignore_ascii_case("kerberos") => {
            if let Some(actor) = machine {
                say(&event.source, &actor.name, Certainty::High, ResolutionMethod::Kerberos);
            }
        }
        _ => {}
    }
    // A source that names a host beside its address: 4624's WorkstationName and IpAddress, a log's reporter and address.
    for host in [&event.source, &event.target].into_iter().flatten() {
        if let (Some(name), Some(address)) = (&host.name, host.address)
            && host.resolution.method == ResolutionMethod::Reported
        {
            let certainty = Certainty::Medium;
            learn(address, name, Resolution { certainty, method: ResolutionMethod::Reported });
        }
    }
}
