//! AD FS's audit (provider *AD FS Auditing*): 1200 and 1202 (a token or a credential was good), 1201 and 1203 (it was not). The
//! record's data is one XML text, `AuditBase`, whose elements are read by name.

use hopwatch_model::event::SignIn;
use hopwatch_model::event::signin::SignInKind;
use hopwatch_model::{Account, Activity, Host, Outcome};
use hopwatch_wire::event_xml::{EventRecord, Scanner, Token};

use super::fields::{bounded, computer, parse_address};
use super::{Made, Maker};

pub(super) fn maker(id: u32) -> Option<Maker> {
    match id {
        1200..=1203 => Some(audit),
        _ => None,
    }
}

/// `UserId`, `IpAddress` (`client,proxy`), `ForwardedIpAddress`, `RelyingParty`, `UserAgentString`, `AuditResult`.
fn audit(record: &EventRecord<'_>) -> Option<Made> {
    let xml = record.fields.iter().map(|(_, value)| &**value).find(|value| value.contains("<AuditBase"))?;
    let element = |name: &str| element(xml, name);
    let user = element("UserId").filter(|name| name != "N/A")?;
    let address = |list: String| list.split(',').find_map(parse_address);
    let client = element("ForwardedIpAddress").and_then(address).or_else(|| element("IpAddress").and_then(address));
    let failed = matches!(record.event_id, 1201 | 1203) || element("AuditResult").as_deref() == Some("Failure");
    let sign_in = SignIn {
        kind: SignInKind::Cloud,
        application: element("RelyingParty").filter(|name| name != "N/A").unwrap_or_else(|| "AD FS".into()),
        user_agent: element("UserAgentString").filter(|name| name != "N/A"),
        ..SignIn::default()
    };
    Some(Made {
        actor: Some(Account::named(&user)),
        source: client.map(Host::at),
        target: computer(record),
        outcome: if failed { Outcome::Failure(1) } else { Outcome::Success },
        activity: Activity::SignIn(Box::new(sign_in)),
        session: None,
    })
}

/// The text of the first element of a name.
fn element(xml: &str, wanted: &str) -> Option<String> {
    let mut scanner = Scanner::new(xml.get(xml.find('<')?..)?);
    let mut inside = false;
    while let Ok(Some(token)) = scanner.next_token() {
        match token {
            Token::Open { name, empty, .. } => inside = name == wanted && !empty,
            Token::Close { .. } => inside = false,
            Token::Text(value) if inside => return Some(bounded(value.trim())).filter(|text| !text.is_empty()),
            Token::Text(_) => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    #[test]
    fn a_failed_credential_names_user_and_client() {
        let xml = "<?xml version=\"1.0\"?><AuditBase><AuditType>FreshCredentials</AuditType><AuditResult>Failure</AuditResult>\
                   <ContextComponents><Component><UserId>LAB\\ann</UserId><UserAgentString>x</UserAgentString></Component>\
                   <Component><IpAddress>203.0.113.7,10.0.0.3</IpAddress><ForwardedIpAddress /></Component>\
                   </ContextComponents></AuditBase>";
        let record = EventRecord {
            event_id: 1203,
            computer: "fs1".into(),
            fields: vec![(Cow::Borrowed(""), Cow::Borrowed("id")), (Cow::Borrowed(""), Cow::Borrowed(xml))],
            ..EventRecord::default()
        };
        let made = audit(&record).unwrap();
        assert_eq!(made.actor.unwrap().name, "ann");
        assert_eq!(made.source.unwrap().address, Some([203, 0, 113, 7].into()));
        assert_eq!(made.outcome, Outcome::Failure(1));
    }
}
