//! A directory over LDAP: what a domain controller says of its domain and of its forest's public key infrastructure.
//!
//! One connection, simple bind, paged searches for named attributes; nothing is written and no secret is asked for
//! ([`attributes`]). A connection that is lost in the middle is an error: half a directory would show absent risks.
//!
//! *Blind spots*: one domain per run, members of other domains are known by their distinguished name only; no Kerberos
//! or NTLM bind and no LDAP signing, so that a server which demands signing needs TLS.

pub mod attributes;
mod config;
mod connection;
mod entry;
mod error;
mod pinned;
mod schema;
mod search;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use ldap3::Scope;
use rustc_hash::FxHashSet;

pub use config::{Config, Login, Password, Trust, Upgrade};
pub use entry::Entry;
pub use error::{Error, Result};
pub use schema::{AttributeIds, Schema};

use crate::Counters;
use connection::Connection;
use search::{Query, Searcher};

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
    /// What was left out, and why.
    pub counters: Counters,
}

/// Collects a directory.
///
/// # Errors
/// Where the server cannot be reached, refuses, or the connection ends before the last page.
pub async fn collect(config: &Config) -> Result<Snapshot> {
    let mut searcher = Searcher::new(Connection::open(config).await?, config);
    let root = root_dse(&mut searcher).await?;
    let schema = schema(&mut searcher, &root).await?;
    let mut snapshot = Snapshot { root, schema, ..Snapshot::default() };
    let mut descriptors = FxHashSet::default();
    let bases = [(snapshot.root.domain.clone(), IN_DOMAIN), (snapshot.root.configuration.clone(), IN_CONFIGURATION)];
    for (base, filter) in &bases {
        let query = Query { base, scope: Scope::Subtree, filter, attributes: attributes::ALL };
        let entries = &mut snapshot.entries;
        searcher
            .run(&query, |mut entry| {
                if entries.len() >= MAX_ENTRIES {
                    return Err(Error::TooLarge { bound: MAX_ENTRIES });
                }
                share(&mut descriptors, &mut entry);
                entries.push(entry);
                Ok(())
            })
            .await?;
    }
    snapshot.counters = searcher.close().await;
    snapshot.counters.read = u64::try_from(snapshot.entries.len()).unwrap_or(u64::MAX);
    Ok(snapshot)
}

/// Objects below one folder mostly have the same descriptor: it is kept once.
fn share(known: &mut FxHashSet<Arc<[u8]>>, entry: &mut Entry) {
    if let Some(descriptor) = &mut entry.descriptor {
        match known.get(descriptor) {
            Some(same) => *descriptor = Arc::clone(same),
            None => _ = known.insert(Arc::clone(descriptor)),
        }
    }
}

async fn root_dse(searcher: &mut Searcher<'_>) -> Result<RootDse> {
    let query = Query { base: "", scope: Scope::Base, filter: "(objectClass=*)", attributes: attributes::OF_ROOT };
    let mut found = Entry::default();
    searcher
        .run(&query, |entry| {
            found = entry;
            Ok(())
        })
        .await?;
    let required = |attribute| found.text(attribute).map(str::to_owned).ok_or(Error::RootDse { attribute });
    Ok(RootDse {
        domain: required("defaultNamingContext")?,
        configuration: required("configurationNamingContext")?,
        schema: required("schemaNamingContext")?,
        forest: required("rootDomainNamingContext")?,
        host: found.text("dnsHostName").map(str::to_owned),
        highest_usn: found.text("highestCommittedUSN").and_then(|usn| usn.parse().ok()),
    })
}

async fn schema(searcher: &mut Searcher<'_>, root: &RootDse) -> Result<Schema> {
    let mut attributes = attributes::OF_SCHEMA.to_vec();
    attributes.push("objectClass");
    let query = Query {
        base: &root.schema,
        scope: Scope::OneLevel,
        filter: "(|(objectClass=attributeSchema)(objectClass=classSchema))",
        attributes: &attributes,
    };
    let mut schema = Schema::default();
    searcher
        .run(&query, |entry| {
            schema.add(&entry);
            Ok(())
        })
        .await?;
    if schema.empty() {
        searcher.counters.drop("schema that cannot be read, so that rights on LAPS attributes are unknown");
    }
    Ok(schema)
}
