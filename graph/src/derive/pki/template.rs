//! What a template's properties say, as far as escalations ask. `[MS-CRTD] 2.4` and the names that SharpHound gives.

use hopwatch_model::PropertyValue;

use crate::derive::work::Work;
use crate::ids::NodeId;

/// Any purpose.
pub(super) const ANY_PURPOSE: &str = "2.5.29.37.0";
/// Certificate request agent: enrols on behalf of others.
pub(super) const REQUEST_AGENT: &str = "1.3.6.1.4.1.311.20.2.1";
/// Client authentication.
const CLIENT_AUTHENTICATION: &str = "1.3.6.1.5.5.7.3.2";

/// A template. A property that was not collected is `None`, and then no escalation that asks for it is shown.
#[derive(Clone, Debug, Default)]
pub(super) struct Template {
    /// A manager must approve.
    pub(super) approval: Option<bool>,
    /// Its certificates log on through Kerberos.
    pub(super) authentication: Option<bool>,
    /// The enrollee names the subject.
    pub(super) supplies_subject: Option<bool>,
    /// The certificate lacks the security extension with the SID.
    pub(super) no_security_extension: Option<bool>,
    /// 1 for Windows 2000's templates.
    pub(super) schema: Option<i64>,
    /// How many signatures of agents a request needs; only from schema 2 on.
    pub(super) signatures: Option<i64>,
    /// The alternative name holds the user principal name.
    pub(super) upn: Option<bool>,
    /// The alternative name holds a service principal name.
    pub(super) spn: Option<bool>,
    /// The alternative name holds the DNS name.
    pub(super) dns: Option<bool>,
    /// The alternative name holds the domain's DNS name.
    pub(super) domain_dns: Option<bool>,
    /// Its certificates log on through TLS.
    pub(super) schannel: Option<bool>,
    /// The usages that count.
    pub(super) usages: Option<Vec<String>>,
    /// The usages that the agent's signature needs.
    pub(super) agent_policies: Vec<String>,
}

impl Template {
    /// Reads a template; what is missing is a gap.
    pub(super) fn read(work: &mut Work<'_>, id: NodeId) -> Self {
        let flag = |name: &str| work.flag(id, name);
        let number = |name: &str| {
            let value = work.node(id)?.properties.get(name)?;
            match value {
                PropertyValue::Float(value) => format!("{value:.0}").parse().ok(),
                other => other.integer(),
            }
        };
        let list =
            |name: &str| work.node(id).filter(|node| node.properties.contains_key(name)).map(|n| n.list(name).to_vec());
        let usages = list("effectiveekus");
        let by_usage = usages.as_ref().map(|usages| {
            usages.is_empty() || usages.iter().any(|usage| usage == CLIENT_AUTHENTICATION || usage == ANY_PURPOSE)
        });
        let template = Self {
            approval: flag("requiresmanagerapproval"),
            authentication: flag("authenticationenabled"),
            supplies_subject: flag("enrolleesuppliessubject"),
            no_security_extension: flag("nosecurityextension"),
            schema: number("schemaversion"),
            signatures: number("authorizedsignatures"),
            upn: flag("subjectaltrequireupn"),
            spn: flag("subjectaltrequirespn"),
            dns: flag("subjectaltrequiredns"),
            domain_dns: flag("subjectaltrequiredomaindns"),
            schannel: flag("schannelauthenticationenabled").or(by_usage),
            agent_policies: list("applicationpolicies").unwrap_or_default(),
            usages,
        };
        let missing = [
            ("requiresmanagerapproval", template.approval.is_none()),
            ("authenticationenabled", template.authentication.is_none()),
            ("enrolleesuppliessubject", template.supplies_subject.is_none()),
            ("nosecurityextension", template.no_security_extension.is_none()),
            ("schemaversion", template.schema.is_none()),
            ("authorizedsignatures", template.signatures.is_none()),
            ("effectiveekus", template.usages.is_none()),
        ];
        for (name, _) in missing.into_iter().filter(|(_, missing)| *missing) {
            work.gap(format!("template {}: {name} unknown, escalations that ask for it are not shown", work.id(id)));
        }
        template
    }

    /// No manager stands between a request and its certificate.
    pub(super) fn unapproved(&self) -> bool {
        self.approval == Some(false)
    }

    /// No agent's signature stands between a request and its certificate.
    pub(super) fn unsigned(&self) -> bool {
        match (self.schema, self.signatures) {
            (Some(schema), Some(signatures)) => schema <= 1 || signatures <= 0,
            _ => false,
        }
    }

    /// Requests pass by themselves.
    pub(super) fn open(&self) -> bool {
        self.unapproved() && self.unsigned()
    }

    /// Its certificates log on through Kerberos.
    pub(super) fn authenticates(&self) -> bool {
        self.authentication == Some(true)
    }

    /// Its certificates log on through TLS.
    pub(super) fn authenticates_tls(&self) -> bool {
        self.schannel == Some(true)
    }

    /// The alternative name needs a DNS name, which users lack; unknown counts as needed.
    pub(super) fn wants_dns_name(&self) -> bool {
        self.dns != Some(false) || self.domain_dns != Some(false)
    }

    /// One of the usages is there.
    pub(super) fn has_usage(&self, usage: &str) -> bool {
        self.usages.iter().flatten().any(|own| own == usage)
    }

    /// It restricts its certificates to no usage.
    pub(super) fn unrestricted(&self) -> bool {
        self.usages.as_ref().is_some_and(|usages| usages.is_empty())
    }
}
