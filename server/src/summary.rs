//! An event in one line: when, who, from where, did what to whom, and how it ended.

use hopwatch_model::event::{BindMethod, RpcTransport};
use hopwatch_model::{Activity, Event, Host, Outcome};

/// The line of an event, with its time.
#[must_use]
pub fn line(event: &Event) -> String {
    format!("{}  {}", event.time, sentence(event))
}

/// What an event says, actor first, without its time.
#[must_use]
pub fn sentence(event: &Event) -> String {
    let host = |host: &Option<Host>| host.as_ref().map_or_else(|| String::from("?"), Host::label);
    let who = event.actor.as_ref().map(|actor| actor.name.as_str()).filter(|name| !name.is_empty()).unwrap_or("?");
    let outcome = match event.outcome {
        Outcome::Unseen => String::from(" (answer not seen)"),
        Outcome::Success => String::new(),
        Outcome::Failure(code) => format!(" (refused, {code:#x})"),
    };
    format!("{who}@{} → {}: {}{outcome}", host(&event.source), host(&event.target), what(&event.activity))
}

fn what(activity: &Activity) -> String {
    match activity {
        Activity::AsExchange(exchange) => format!("asked for a ticket-granting ticket ({})", exchange.sname.name),
        Activity::TgsExchange(exchange) => format!("asked for a ticket of {}", exchange.sname.name),
        Activity::TicketUse(usage) => {
            format!("presented a ticket of {} over {}", usage.ticket.sname.name, usage.carrier)
        }
        Activity::NtlmLogon(logon) => format!("authenticated by NTLM ({:?}) over {}", logon.version, logon.carrier),
        Activity::Logon(logon) => format!("logged on ({:?}, {})", logon.logon_type, logon.package),
        Activity::Logoff(logoff) => format!("logged off ({:?})", logoff.logon_type),
        Activity::LdapBind(bind) => match &bind.method {
            BindMethod::Simple { .. } => format!("bound to LDAP with a password ({})", bind.name),
            BindMethod::Anonymous => String::from("bound to LDAP anonymously"),
            BindMethod::Sasl(mechanism) => format!("bound to LDAP by {mechanism}"),
            BindMethod::Sicily => String::from("bound to LDAP by sicily NTLM"),
        },
        Activity::LdapSearch(search) => format!("searched {} for {}", search.base, search.filter),
        Activity::DirectoryChange(change) => {
            format!("changed {} of {} ({:?})", change.attribute, change.object, change.operation)
        }
        Activity::DirectoryAccess(access) => format!("accessed {} with {:#x}", access.object, access.access_mask),
        Activity::GroupChange(change) => {
            let verb = if change.added { "added" } else { "removed" };
            format!("{verb} {} in {}", change.member.key(), change.group.key())
        }
        Activity::AccountChange(change) => format!("account {}: {:?}", change.account.key(), change.kind),
        Activity::RpcCall(call) => {
            let operation =
                if call.operation.is_empty() { format!("opnum {}", call.opnum) } else { call.operation.clone() };
            let carrier = match &call.transport {
                RpcTransport::Tcp => "TCP",
                RpcTransport::Pipe(name) | RpcTransport::Other(name) => name,
            };
            format!("called {} {operation} over {carrier}", call.interface_name)
        }
        Activity::SmbSession(session) => format!("opened an SMB {} session", session.dialect),
        Activity::SmbFile(file) => format!("{:?} \\{}\\{}", file.action, file.share, file.path),
        Activity::ShareAccess(access) => format!("accessed \\{}\\{}", access.share, access.path),
        Activity::DnsQuery(query) => format!("asked DNS for {} (type {})", query.name, query.qtype),
        Activity::ServiceInstall(service) => format!("installed the service {} ({})", service.name, service.image_path),
        Activity::TaskRegistration(task) => format!("registered the task {} ({})", task.name, task.command),
        Activity::ProcessStart(process) => format!("started {} {}", process.image, process.command_line),
        Activity::CertificateRequest(request) => {
            format!("requested a certificate of {} for {}", request.template, request.subject)
        }
        Activity::AuditTampering(tampering) => format!("{}: {}", tampering.subject, tampering.action),
        Activity::SignIn(sign_in) => format!("signed in to {} ({:?})", sign_in.application, sign_in.kind),
        Activity::NameObserved(name) => format!("{} is {}", name.address, name.name),
        Activity::Opaque(opaque) => format!("{} sealed messages ({:?})", opaque.messages, opaque.protocol),
        Activity::Anomaly(anomaly) => format!("{}: {}", anomaly.protocol, anomaly.reason),
        _ => activity.name().to_owned(),
    }
}
