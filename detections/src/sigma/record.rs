//! An event in the spelling of the Windows record from which it comes: channel, event id, and the fields that Sigma rules
//! name. Fields that an event does not keep are absent; [`known_field`] says which can ever be there.

use std::borrow::Cow;
use std::net::IpAddr;

use hopwatch_model::event::{AccountChange, DirectoryChange, Logon, LogonType, ValueOperation};
use hopwatch_model::{Account, Activity, Event, Outcome};

/// A log family, as Sigma's `service` and `category` choose it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Channel {
    /// `Security`.
    Security,
    /// `System`.
    System,
    /// `Microsoft-Windows-Sysmon/Operational`.
    Sysmon,
    /// `Microsoft-Windows-NTLM/Operational`.
    Ntlm,
    /// `Microsoft-Windows-TaskScheduler/Operational`.
    TaskScheduler,
    /// `Directory Service`.
    DirectoryService,
}

impl Channel {
    /// The channel's name in records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Security => "Security",
            Self::System => "System",
            Self::Sysmon => "Microsoft-Windows-Sysmon/Operational",
            Self::Ntlm => "Microsoft-Windows-NTLM/Operational",
            Self::TaskScheduler => "Microsoft-Windows-TaskScheduler/Operational",
            Self::DirectoryService => "Directory Service",
        }
    }
}

/// Which records a rule is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logs {
    /// The channels; empty = all.
    pub channels: Vec<Channel>,
    /// Pairs of channel and event id; empty = all ids.
    pub ids: Vec<(Channel, u32)>,
}

impl Logs {
    /// True where a record is one of them.
    #[must_use]
    pub fn take(&self, record: &Record<'_>) -> bool {
        (self.channels.is_empty() || self.channels.contains(&record.channel))
            && (self.ids.is_empty() || self.ids.contains(&(record.channel, record.event_id)))
    }
}

/// A record.
#[derive(Clone, Debug)]
pub struct Record<'e> {
    /// The channel.
    pub channel: Channel,
    /// The event id.
    pub event_id: u32,
    /// Names in lower case, and values.
    pub fields: Vec<(&'static str, Cow<'e, str>)>,
}

/// The event ids that our events keep, by channel: what a rule asks beside these is never seen.
pub const KEPT: &[(Channel, &[u32])] = &[
    (
        Channel::Security,
        &[
            1102, 4624, 4625, 4634, 4647, 4648, 4662, 4672, 4688, 4697, 4698, 4702, 4719, 4720, 4722, 4723, 4724, 4725,
            4726, 4728, 4729, 4732, 4733, 4738, 4740, 4741, 4742, 4743, 4746, 4747, 4751, 4752, 4756, 4757, 4761, 4762,
            4765, 4767, 4768, 4769, 4770, 4771, 4776, 4781, 4794, 4886, 4887, 5136, 5137, 5138, 5139, 5140, 5141, 5145,
        ],
    ),
    (Channel::System, &[104, 7045]),
    (Channel::Sysmon, &[1]),
    (Channel::Ntlm, &[8001, 8002, 8003, 8004]),
    (Channel::TaskScheduler, &[106]),
    (Channel::DirectoryService, &[1644]),
];

/// True where a record of the channel and id can ever come of an event.
#[must_use]
pub fn kept(channel: Channel, id: u32) -> bool {
    KEPT.iter().any(|(kept, ids)| *kept == channel && ids.contains(&id))
}

/// The fields that a record may have, in lower case.
const FIELDS: &[&str] = &[
    "accessmask",
    "accountname",
    "attributeldapdisplayname",
    "attributes",
    "attributevalue",
    "authenticationpackagename",
    "channel",
    "commandline",
    "computer",
    "computername",
    "eventid",
    "image",
    "imagepath",
    "ipaddress",
    "ipport",
    "keylength",
    "lmpackagename",
    "logonprocessname",
    "logontype",
    "membername",
    "membersid",
    "newprocessname",
    "newtargetusername",
    "objectclass",
    "objectdn",
    "objectname",
    "objecttype",
    "oldtargetusername",
    "operationtype",
    "parentimage",
    "parentprocessname",
    "privilegelist",
    "processname",
    "properties",
    "provider_name",
    "relativetargetname",
    "requester",
    "requestid",
    "serviceaccount",
    "servicefilename",
    "servicename",
    "servicestarttype",
    "servicetype",
    "sharename",
    "starttype",
    "status",
    "subject",
    "subjectdomainname",
    "subjectusername",
    "subjectusersid",
    "substatus",
    "targetdomainname",
    "targetoutboundusername",
    "targetsid",
    "targetusername",
    "targetusersid",
    "taskcontent",
    "taskname",
    "ticketencryptiontype",
    "ticketoptions",
    "transmittedservices",
    "user",
    "workstation",
    "workstationname",
];

/// True where an event can ever keep a field.
#[must_use]
pub fn known_field(name: &str) -> bool {
    FIELDS.binary_search(&name.to_lowercase().as_str()).is_ok()
}

impl<'e> Record<'e> {
    /// The value of a field, its name in lower case.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| *known == name).map(|(_, value)| &**value)
    }

    /// The record of an event; `None` where it comes from no Windows log.
    #[must_use]
    pub fn of(event: &'e Event) -> Option<Self> {
        let event_id = event.provenance.event_id?;
        let channel = channel(event, event_id)?;
        let mut record = Self { channel, event_id, fields: Vec::with_capacity(16) };
        record.put("eventid", event_id.to_string());
        record.put("channel", channel.name());
        if let Some(computer) = &event.provenance.reporter {
            record.put("computer", &**computer);
            record.put("computername", &**computer);
        }
        record.activity(event);
        Some(record)
    }

    fn put(&mut self, name: &'static str, value: impl Into<Cow<'e, str>>) {
        let value = value.into();
        if !value.is_empty() {
            self.fields.push((name, value));
        }
    }

    fn hex(&mut self, name: &'static str, value: u32) {
        self.put(name, format!("0x{value:x}"));
    }

    fn account(&mut self, names: [&'static str; 3], account: Option<&'e Account>) {
        let Some(account) = account else { return };
        self.put(names[0], account.name.as_str());
        self.put(names[1], account.domain.as_deref().unwrap_or_default());
        if let Some(sid) = &account.sid {
            self.put(names[2], sid.to_string());
        }
    }

    fn subject(&mut self, event: &'e Event) {
        self.account(["subjectusername", "subjectdomainname", "subjectusersid"], event.actor.as_ref());
    }

    fn target(&mut self, account: Option<&'e Account>) {
        self.account(["targetusername", "targetdomainname", "targetusersid"], account);
    }

    fn client(&mut self, event: &'e Event) {
        let Some(source) = &event.source else { return };
        if let Some(address) = source.address {
            self.put("ipaddress", address.to_string());
        }
        if let Some(port) = source.port {
            self.put("ipport", port.to_string());
        }
        self.put("workstationname", source.name.as_deref().unwrap_or_default());
    }

    fn status(&mut self, event: &Event) {
        let code = event.outcome.code().unwrap_or(0);
        if event.outcome != Outcome::Unseen {
            self.hex("status", code);
            self.hex("substatus", code);
        }
    }

    fn activity(&mut self, event: &'e Event) {
        match &event.activity {
            Activity::Logon(logon) => self.logon(event, logon),
            Activity::Logoff(logoff) => {
                self.target(event.actor.as_ref());
                self.put("logontype", logon_type(logoff.logon_type));
            }
            Activity::PrivilegeAssignment(assigned) => {
                self.subject(event);
                self.put("privilegelist", assigned.privileges.join("\n"));
            }
            Activity::AsExchange(exchange) => {
                self.put("targetusername", exchange.cname.name.as_str());
                self.put("targetdomainname", exchange.cname.realm.as_str());
                self.put("servicename", "krbtgt");
                self.kerberos(exchange.ticket_etype, exchange.kdc_options, event);
            }
            Activity::TgsExchange(exchange) => {
                self.put("targetusername", format!("{}@{}", exchange.cname.name, exchange.cname.realm));
                self.put("targetdomainname", exchange.cname.realm.as_str());
                let service = exchange.service.as_ref().map_or(exchange.sname.name.as_str(), |account| &account.name);
                self.put("servicename", service);
                self.put("transmittedservices", exchange.transited.as_deref().unwrap_or_default());
                self.kerberos(exchange.ticket_etype, exchange.kdc_options, event);
            }
            Activity::NtlmLogon(logon) => {
                self.target(event.actor.as_ref());
                let host = event.source.as_ref().and_then(|host| host.name.as_deref());
                self.put("workstation", logon.workstation.as_deref().or(host).unwrap_or_default());
                self.status(event);
            }
            _ => self.audit(event),
        }
    }

    fn audit(&mut self, event: &'e Event) {
        self.subject(event);
        match &event.activity {
            Activity::DirectoryChange(change) => self.change(change),
            Activity::DirectoryAccess(access) => {
                self.put("objectname", access.object.as_str());
                self.put("objecttype", access.class.as_str());
                self.hex("accessmask", access.access_mask);
                let guids = access.properties.iter().map(|guid| format!("{{{guid}}}"));
                self.put("properties", guids.collect::<Vec<_>>().join(" "));
            }
            Activity::GroupChange(change) => {
                self.put("targetusername", change.group.name.as_str());
                if let Some(sid) = &change.group.sid {
                    self.put("targetsid", sid.to_string());
                }
                self.put("membername", change.member.name.as_str());
                if let Some(sid) = &change.member.sid {
                    self.put("membersid", sid.to_string());
                }
            }
            Activity::AccountChange(change) => self.account_change(change),
            Activity::ShareAccess(access) => {
                self.put("sharename", format!("\\\\*\\{}", access.share));
                self.put("relativetargetname", access.path.as_str());
                self.hex("accessmask", access.access_mask);
                self.client(event);
            }
            Activity::ServiceInstall(service) => {
                self.put("servicename", service.name.as_str());
                self.put("imagepath", service.image_path.as_str());
                self.put("servicefilename", service.image_path.as_str());
                for name in ["starttype", "servicestarttype"] {
                    self.put(name, service.start_type.as_str());
                }
                self.put("servicetype", service.service_type.as_str());
                for name in ["accountname", "serviceaccount"] {
                    self.put(name, service.run_as.as_str());
                }
                self.put("provider_name", "Service Control Manager");
            }
            Activity::TaskRegistration(task) => {
                self.put("taskname", task.name.as_str());
                self.put("taskcontent", task.command.as_str());
            }
            Activity::ProcessStart(process) => {
                for name in ["image", "newprocessname"] {
                    self.put(name, process.image.as_str());
                }
                for name in ["parentimage", "parentprocessname"] {
                    self.put(name, process.parent.as_str());
                }
                self.put("commandline", process.command_line.as_str());
                if let Some(actor) = &event.actor {
                    let domain = actor.domain.as_ref().map(|domain| format!("{domain}\\")).unwrap_or_default();
                    self.put("user", format!("{domain}{}", actor.name));
                }
            }
            Activity::CertificateRequest(request) => {
                self.put("requestid", request.request_id.as_str());
                self.put("requester", request.requester.as_str());
                self.put("subject", request.subject.as_str());
                let names = request.alternative_names.join("&");
                self.put("attributes", format!("CertificateTemplate:{}\nSAN:{names}", request.template));
            }
            _ => {}
        }
    }

    fn kerberos(&mut self, etype: Option<i32>, options: u32, event: &'e Event) {
        if let Some(etype) = etype.and_then(|etype| u32::try_from(etype).ok()) {
            self.hex("ticketencryptiontype", etype);
        }
        self.hex("ticketoptions", options);
        self.status(event);
        self.client(event);
    }

    fn logon(&mut self, event: &'e Event, logon: &'e Logon) {
        self.target(event.actor.as_ref());
        self.account(["subjectusername", "subjectdomainname", "subjectusersid"], logon.subject.as_ref());
        self.put("logontype", logon_type(logon.logon_type));
        self.put("authenticationpackagename", logon.package.as_str());
        self.put("lmpackagename", logon.package_variant.as_deref().unwrap_or_default());
        self.put("logonprocessname", logon.process.as_str());
        self.put("processname", logon.process_name.as_deref().unwrap_or_default());
        if let Some(bits) = logon.key_length {
            self.put("keylength", bits.to_string());
        }
        let outbound = logon.outbound.as_ref().map(|account| account.name.as_str());
        self.put("targetoutboundusername", outbound.unwrap_or_default());
        self.status(event);
        self.client(event);
    }

    fn change(&mut self, change: &'e DirectoryChange) {
        self.put("objectdn", change.object.as_str());
        self.put("objectclass", change.class.as_str());
        self.put("attributeldapdisplayname", change.attribute.as_str());
        self.put("attributevalue", change.values.join("\n"));
        match change.operation {
            ValueOperation::Add | ValueOperation::Replace => self.put("operationtype", "%%14674"),
            ValueOperation::Delete => self.put("operationtype", "%%14675"),
            ValueOperation::Create | ValueOperation::Remove | ValueOperation::Move | ValueOperation::Restore => {}
        }
    }

    fn account_change(&mut self, change: &'e AccountChange) {
        self.target(Some(&change.account));
        if let Some(new) = &change.new_name {
            self.put("oldtargetusername", change.account.name.as_str());
            self.put("newtargetusername", new.as_str());
        }
    }
}

/// The log in which a record of the id and activity is written.
fn channel(event: &Event, id: u32) -> Option<Channel> {
    Some(match (&event.activity, id) {
        (Activity::ProcessStart(_), 1) => Channel::Sysmon,
        (Activity::ServiceInstall(_), 7045) | (Activity::AuditTampering(_), 104) => Channel::System,
        (Activity::TaskRegistration(_), 106) => Channel::TaskScheduler,
        (Activity::NtlmLogon(_), 8001..=8004) => Channel::Ntlm,
        (Activity::LdapSearch(_), 1644) => Channel::DirectoryService,
        (_, 1102 | 4608..=5200) => Channel::Security,
        _ => return None,
    })
}

fn logon_type(kind: LogonType) -> &'static str {
    match kind {
        LogonType::Unknown => "0",
        LogonType::Interactive => "2",
        LogonType::Network => "3",
        LogonType::Batch => "4",
        LogonType::Service => "5",
        LogonType::Unlock => "7",
        LogonType::NetworkCleartext => "8",
        LogonType::NewCredentials => "9",
        LogonType::RemoteInteractive => "10",
        LogonType::CachedInteractive => "11",
        LogonType::CachedRemoteInteractive => "12",
        LogonType::CachedUnlock => "13",
    }
}

/// The address of a value: records write IPv4 addresses also as `::ffff:10.0.0.1`.
#[must_use]
pub(super) fn address(value: &str) -> Option<IpAddr> {
    value.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_fields_is_sorted_and_in_lower_case() {
        assert!(FIELDS.is_sorted());
        assert!(known_field("TargetUserName") && !known_field("OriginalFileName"));
    }
}
