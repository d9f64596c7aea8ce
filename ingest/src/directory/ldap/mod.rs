//! A directory over LDAP: what a domain controller says of its domain and of its forest's public key infrastructure.
//!
//! Paged searches for named attributes; nothing is written and no secret is asked for ([`attributes`]). A connection that
//! is lost in the middle is made again, or the next server asked; where all fail it is an error: half a directory would
//! show absent risks. [`refresh`] reads what changed since.
//!
//! *Blind spots*: one domain per run, members of other domains are known by their distinguished name only; no NTLM bind;
//! with a simple bind no LDAP signing, so that a server which demands signing needs TLS or Kerberos (feature `gssapi`).

pub mod attributes;
mod config;
mod connection;
mod entry;
mod error;
pub mod ldif;
mod pinned;
mod refresh;
mod schema;
mod search;
#[cfg(test)]
mod tests;

use hopwatch_model::Guid;
use ldap3::Scope;

pub use config::{Config, Login, Password, Trust, Upgrade};
pub use entry::Entry;
pub use error::{Error, Result};
pub use refresh::{Changes, refresh};
pub use schema::{AttributeIds, Schema};

use crate::Counters;
use crate::directory::sysvol::Policies;
use search::{Deleted, Query, Searcher};

/// The most objects that are held; at about 2 kB each, four million are what a large server can afford.
pub const MAX_ENTRIES: usize = 4_000_000;

/// Objects of the domain that become nodes, or that explain one.
const IN_DOMAIN: &str = "(|(objectClass=user)(objectClass=group)(objectClass=organizationalUnit)\
    (objectClass=container)(objectClass=builtinDomain)(objectClass=domainDNS)(objectClass=trustedDomain)\
    (objectClass=foreignSecurityPrincipal)(objectClass=msDS-GroupManagedServiceAccount)\
    (objectClass=msDS-ManagedServiceAccount))";

/// Objects of the configuration: the public key infrastructure with the folders around it, the names of domains, and the
/// settings of the directory service.
const IN_CONFIGURATION: &str = "(|(objectClass=certificationAuthority)(objectClass=pKIEnrollmentService)\
    (objectClass=pKICertificateTemplate)(objectClass=msPKI-Enterprise-Oid)(objectClass=container)\
    (objectClass=configuration)(objectClass=crossRef)(objectClass=nTDSService))";

/// What the server says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RootDse {
    /// The domain.
    pub domain: String,
    /// The configuration of the forest.
    pub configuration: String,
    /// The schema of the forest.
    pub schema: String,
    /// The forest's first domain.
    pub forest: String,
    /// The server's name.
    pub host: Option<String>,
    /// The last change that the server knows; what a later run would start from.
    pub highest_usn: Option<u64>,
    /// Which copy of the directory it is: `highest_usn` is a number of this copy alone (`[MS-ADTS] 3.1.1.1.9`).
    pub invocation: Option<Guid>,
}

/// What was collected.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// What the server says of itself.
    pub root: RootDse,
    /// The schema.
    pub schema: Schema,
    /// Every entry, in the server's order.
    pub entries: Vec<Entry>,
    /// What the files of policies say; empty where SYSVOL was not read.
    pub policies: Policies,
    /// What was left out, and why.
    pub counters: Counters,
}

/// Collects a directory from the first server that gives it whole.
///
/// # Errors
/// Where no server can be reached, or each refuses or breaks off before the last page; the first server's reason.
pub async fn collect(config: &Config) -> Result<Snapshot> {
    let mut first = None;
    for url in &config.urls {
        match collect_from(config, url).await {
            Ok(snapshot) => return Ok(snapshot),
            Err(error) if error.elsewhere() => {
                tracing::warn!(error = %error, url = url.as_str(), "a server did not give its directory");
                first.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    Err(first.unwrap_or(Error::NoServer))
}

async fn collect_from(config: &Config, url: &str) -> Result<Snapshot> {
    let mut searcher = Searcher::open(config, url).await?;
    // Read before everything else: what changes meanwhile is read again by the next refresh.
    let root = root_dse(&mut searcher).await?;
    let schema = schema(&mut searcher, &root).await?;
    let mut entries = searcher.run(&below(&root.domain, IN_DOMAIN)).await?;
    entries.extend(searcher.run(&below(&root.configuration, IN_CONFIGURATION)).await?);
    let mut counters = searcher.close().await;
    counters.read = u64::try_from(entries.len()).unwrap_or(u64::MAX);
    Ok(Snapshot { root, schema, entries, counters, ..Snapshot::default() })
}

fn below<'a>(base: &'a str, filter: &'a str) -> Query<'a> {
    Query { base, scope: Scope::Subtree, filter, attributes: attributes::ALL, deleted: Deleted::Hidden }
}

fn one<'a>(dn: &'a str, attributes: &'a [&'a str]) -> Query<'a> {
    Query { base: dn, scope: Scope::Base, filter: "(objectClass=*)", attributes, deleted: Deleted::Hidden }
}

async fn root_dse(searcher: &mut Searcher<'_>) -> Result<RootDse> {
    let found = searcher.run(&one("", attributes::OF_ROOT)).await?.pop().unwrap_or_default();
    let required = |attribute| found.text(attribute).map(str::to_owned).ok_or(Error::RootDse { attribute });
    let mut root = RootDse {
        domain: required("defaultNamingContext")?,
        configuration: required("configurationNamingContext")?,
        schema: required("schemaNamingContext")?,
        forest: required("rootDomainNamingContext")?,
        host: found.text("dnsHostName").map(str::to_owned),
        highest_usn: found.text("highestCommittedUSN").and_then(|usn| usn.parse().ok()),
        invocation: None,
    };
    if let Some(service) = found.text("dsServiceName") {
        let service = searcher.run(&one(service, attributes::OF_SERVICE)).await?.pop();
        root.invocation = service.and_then(|service| service.guid("invocationId"));
    }
    Ok(root)
}

async fn schema(searcher: &mut Searcher<'_>, root: &RootDse) -> Result<Schema> {
    let mut attributes = attributes::OF_SCHEMA.to_vec();
    attributes.push("objectClass");
    let query = Query {
        base: &root.schema,
        scope: Scope::OneLevel,
        filter: "(|(objectClass=attributeSchema)(objectClass=classSchema))",
        attributes: &attributes,
        deleted: Deleted::Hidden,
    };
    let mut schema = Schema::default();
    searcher.run(&query).await?.iter().for_each(|entry| schema.add(entry));
    if schema.empty() {
        searcher.counters.drop("schema that cannot be read, so that rights on LAPS attributes are unknown");
    }
    Ok(schema)
}
