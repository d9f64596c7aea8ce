//! The English text of a Windows event (`Message`) brought back to the fields of its record: agents that render an event send
//! its text, with line breaks and tabs or with all white space made one blank.
//!
//! The text is walked label by label. A label means a field only inside its section (*Subject*, *New Logon* …). Texts of
//! other languages give no field, so that the record counts as lacking them.

use std::borrow::Cow;

/// The headings of sections, and the prefix of the account fields inside them.
const SECTIONS: &[(&str, &str)] = &[
    ("Account For Which Logon Failed", "Target"),
    ("Account Whose Credentials Were Used", "Target"),
    ("Account That Was Locked Out", "Target"),
    ("New Computer Account", "Target"),
    ("Computer Account That Was Changed", "Target"),
    ("Target Computer", "Target"),
    ("Target Account", "Target"),
    ("Target Subject", "Target"),
    ("New Logon", "Target"),
    ("New Account", "Target"),
    ("Account Information", "Target"),
    ("Target Server", "Server"),
    ("Created Group", "Target"),
    ("Deleted Group", "Target"),
    ("New Group", "Target"),
    ("Group", "Target"),
    ("Member", "Member"),
    ("Subject", "Subject"),
    ("Creator Subject", "Subject"),
    ("Service Information", "Service"),
    ("Network Information", "Network"),
    ("Process Information", "Process"),
    ("Failure Information", "Failure"),
    ("Logon Information", "Logon"),
    ("Detailed Authentication Information", "Detail"),
    ("Additional Information", "Additional"),
    ("Certificate Information", "Certificate"),
    ("Ticket Information", "Ticket"),
    ("Share Information", "Share"),
    ("Access Request Information", "Access"),
    ("Task Information", "Task"),
    ("Object", "Object"),
    ("Operation", "Operation"),
    ("Attribute", "Attribute"),
    ("Directory Service", "Directory"),
    ("Changed Attributes", "Target"),
    ("Attributes", "Target"),
    ("User", "Target"),
];

/// Label, the section in which it means the field (empty: any), field. More special ones first.
const LABELS: &[(&str, &str, &str)] = &[
    ("Security ID", "Subject", "SubjectUserSid"),
    ("Account Name", "Subject", "SubjectUserName"),
    ("Account Domain", "Subject", "SubjectDomainName"),
    ("Logon ID", "Subject", "SubjectLogonId"),
    ("Security ID", "Member", "MemberSid"),
    ("Account Name", "Member", "MemberName"),
    ("Security ID", "Target", "TargetSid"),
    ("Account Name", "Target", "TargetUserName"),
    ("Account Domain", "Target", "TargetDomainName"),
    ("Caller Computer Name", "", "TargetDomainName"),
    ("Group Name", "", "TargetUserName"),
    ("Group Domain", "", "TargetDomainName"),
    ("Supplied Realm Name", "", "TargetDomainName"),
    ("User ID", "", "TargetSid"),
    ("Old Account Name", "", "OldTargetUserName"),
    ("New Account Name", "", "NewTargetUserName"),
    ("Logon ID", "Target", "TargetLogonId"),
    ("Linked Logon ID", "", "TargetLinkedLogonId"),
    ("Network Account Name", "", "TargetOutboundUserName"),
    ("Network Account Domain", "", "TargetOutboundDomainName"),
    ("Logon GUID", "", "LogonGuid"),
    ("Logon Type", "", "LogonType"),
    ("Elevated Token", "", "ElevatedToken"),
    ("Target Server Name", "", "TargetServerName"),
    ("Workstation Name", "", "WorkstationName"),
    ("Source Network Address", "", "IpAddress"),
    ("Source Address", "", "IpAddress"),
    ("Client Address", "", "IpAddress"),
    ("Network Address", "", "IpAddress"),
    ("Source Port", "", "IpPort"),
    ("Client Port", "", "IpPort"),
    ("Caller Process Name", "", "ProcessName"),
    ("New Process Name", "", "NewProcessName"),
    ("Creator Process Name", "", "ParentProcessName"),
    ("Process Command Line", "", "CommandLine"),
    ("Process Name", "", "ProcessName"),
    ("Logon Process", "", "LogonProcessName"),
    ("Authentication Package", "", "AuthenticationPackageName"),
    ("Package Name (NTLM only)", "", "LmPackageName"),
    ("Transited Services", "", "TransmittedServices"),
    ("Key Length", "", "KeyLength"),
    ("Sub Status", "", "SubStatus"),
    ("Failure Reason", "", "FailureReason"),
    ("Result Code", "", "Status"),
    ("Failure Code", "", "Status"),
    ("Error Code", "", "Status"),
    ("Status", "", "Status"),
    ("Logon Account", "", "TargetUserName"),
    ("Source Workstation", "", "Workstation"),
    ("Service Name", "", "ServiceName"),
    ("Service ID", "", "ServiceSid"),
    ("Service File Name", "", "ImagePath"),
    ("Service Type", "", "ServiceType"),
    ("Service Start Type", "", "StartType"),
    ("Service Account", "", "AccountName"),
    ("Ticket Options", "", "TicketOptions"),
    ("Ticket Encryption Type", "", "TicketEncryptionType"),
    ("Pre-Authentication Type", "", "PreAuthType"),
    ("Certificate Issuer Name", "", "CertIssuerName"),
    ("Certificate Serial Number", "", "CertSerialNumber"),
    ("Certificate Thumbprint", "", "CertThumbprint"),
    ("Privileges", "", "PrivilegeList"),
    ("Object Server", "", "ObjectServer"),
    ("Object Type", "", "ObjectType"),
    ("Object Name", "", "ObjectName"),
    ("Handle ID", "", "HandleId"),
    ("Operation Type", "", "OperationType"),
    ("Accesses", "", "AccessList"),
    ("Access Mask", "", "AccessMask"),
    ("Properties", "", "Properties"),
    ("Share Name", "", "ShareName"),
    ("Share Path", "", "ShareLocalPath"),
    ("Relative Target Name", "", "RelativeTargetName"),
    ("Task Name", "", "TaskName"),
    ("Task Content", "", "TaskContent"),
    ("LDAP Display Name", "", "AttributeLDAPDisplayName"),
    ("Syntax (OID)", "", "AttributeSyntaxOID"),
    ("DN", "Object", "ObjectDN"),
    ("GUID", "Object", "ObjectGUID"),
    ("Class", "Object", "ObjectClass"),
    ("Value", "Attribute", "AttributeValue"),
    ("Type", "Operation", "OperationType"),
    ("Process ID", "", "ProcessId"),
    ("Name", "Directory", "DSName"),
];

/// The fields of a text, in the spelling of the record.
pub(super) fn fields(text: &str) -> Vec<(Cow<'static, str>, Cow<'_, str>)> {
    let mut fields = Vec::new();
    let mut section = "";
    let mut open: Option<(&'static str, usize)> = None;
    let mut at = 0;
    while let Some(colon) = text.get(at..).and_then(|rest| rest.find(':')).map(|found| at + found) {
        let before = text.get(..colon).unwrap_or_default();
        // A label ends at the colon and begins at a word's start: behind white space or at the text's start.
        let heading =
            SECTIONS.iter().filter(|(name, _)| ends_with_label(before, name)).max_by_key(|(name, _)| name.len());
        let label = LABELS
            .iter()
            .filter(|(name, within, _)| (within.is_empty() || *within == section) && ends_with_label(before, name))
            .max_by_key(|(name, _, _)| name.len());
        let name = match (heading, label) {
            (Some((heading, _)), Some((label, _, _))) if heading.len() > label.len() => Some(*heading),
            (_, Some((label, _, _))) => Some(*label),
            (Some((heading, _)), None) => Some(*heading),
            (None, None) => None,
        };
        if let Some(name) = name {
            let start = colon - name.len();
            if let Some((field, from)) = open.take().filter(|(_, from)| *from <= start) {
                push(&mut fields, field, text.get(from..start).unwrap_or_default());
            }
            match label.filter(|(label, _, _)| *label == name) {
                Some((_, _, field)) => open = Some((field, colon + 1)),
                None => section = heading.map_or("", |(_, section)| section),
            }
        }
        at = colon + 1;
    }
    if let Some((field, from)) = open {
        push(&mut fields, field, text.get(from..).unwrap_or_default());
    }
    fields
}

fn ends_with_label(before: &str, name: &str) -> bool {
    let Some(rest) = before.strip_suffix(name) else { return false };
    rest.is_empty() || rest.ends_with(char::is_whitespace)
}

/// Keeps a value: its first line, but for lists, which go on. The explanations below the last field are no value.
fn push<'t>(fields: &mut Vec<(Cow<'static, str>, Cow<'t, str>)>, field: &'static str, value: &'t str) {
    let value = value.trim();
    let list = matches!(field, "PrivilegeList" | "Properties" | "AccessList" | "TaskContent" | "AttributeValue");
    let value = if list { value } else { value.split(['\r', '\n']).next().unwrap_or_default().trim() };
    let value = if SINGLE.contains(&field) { first_word(value) } else { value };
    if field == "TargetSid" {
        // The logon events spell it otherwise.
        fields.push((Cow::Borrowed("TargetUserSid"), Cow::Borrowed(value)));
    }
    if field == "ImagePath" {
        fields.push((Cow::Borrowed("ServiceFileName"), Cow::Borrowed(value)));
    }
    fields.push((Cow::Borrowed(field), Cow::Borrowed(value)));
}

/// Fields of one word: what a newer version's unknown label puts behind it is cut.
const SINGLE: &[&str] = &[
    "Status",
    "SubStatus",
    "LogonType",
    "KeyLength",
    "IpAddress",
    "IpPort",
    "SubjectLogonId",
    "TargetLogonId",
    "LogonGuid",
    "ElevatedToken",
    "AccessMask",
    "TicketOptions",
    "TicketEncryptionType",
    "PreAuthType",
    "WorkstationName",
    "Workstation",
];

fn first_word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get<'f>(fields: &'f [(Cow<'_, str>, Cow<'_, str>)], name: &str) -> Option<&'f str> {
        fields.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }

    const LOGON: &str = "An account was successfully logged on.\r\n\r\nSubject:\r\n\tSecurity ID:\t\tNULL SID\r\n\t\
        Account Name:\t\t-\r\n\tAccount Domain:\t\t-\r\n\tLogon ID:\t\t0x0\r\n\r\nLogon Type:\t\t\t3\r\n\r\nNew Label:\t\tX\r\n\r\nNew Logon:\r\n\t\
        Security ID:\t\tS-1-5-21-1-2-3-1104\r\n\tAccount Name:\t\tann\r\n\tAccount Domain:\t\tLAB\r\n\t\
        Logon ID:\t\t0x51A2B\r\n\r\nNetwork Information:\r\n\tWorkstation Name:\tWS1\r\n\tSource Network Address:\t\
        10.9.0.21\r\n\tSource Port:\t\t50000\r\n\r\nDetailed Authentication Information:\r\n\tLogon Process:\t\tNtLmSsp \
        \r\n\tAuthentication Package:\tNTLM\r\n\tPackage Name (NTLM only):\tNTLM V2\r\n\tKey Length:\t\t128\r\n";

    #[test]
    fn a_text_with_lines_and_the_same_on_one_line_give_the_same_fields() {
        let flat = LOGON.split_whitespace().collect::<Vec<_>>().join(" ");
        for text in [LOGON, &flat] {
            let fields = fields(text);
            for (name, value) in [
                ("SubjectUserName", "-"),
                ("LogonType", "3"),
                ("TargetUserName", "ann"),
                ("TargetDomainName", "LAB"),
                ("TargetUserSid", "S-1-5-21-1-2-3-1104"),
                ("TargetLogonId", "0x51A2B"),
                ("WorkstationName", "WS1"),
                ("IpAddress", "10.9.0.21"),
                ("IpPort", "50000"),
                ("LmPackageName", "NTLM V2"),
                ("KeyLength", "128"),
            ] {
                assert_eq!(get(&fields, name), Some(value), "{name} of {text}");
            }
        }
    }

    #[test]
    fn a_text_of_another_language_gives_nothing() {
        assert!(
            fields("Ein Konto wurde erfolgreich angemeldet.\r\nAntragsteller:\r\n\tKontoname:\tann\r\n").is_empty()
        );
    }
}
