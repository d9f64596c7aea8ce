//! Paged searches (RFC 2696) with security descriptors (`[MS-ADTS] 3.1.1.3.4.1.11`), and the rest of long lists
//! (`[MS-ADTS] 3.1.1.3.1.3.3`).

use std::sync::Arc;
use std::time::Duration;

use hopwatch_wire::ber;
use ldap3::Scope;
use ldap3::controls::RawControl;
use rustc_hash::FxHashSet;
use tokio::time::Instant;

use super::MAX_ENTRIES;
use super::config::Config;
use super::connection::{Connection, reason};
use super::entry::{self, Entry, Partial};
use super::error::{Error, Result};
use crate::Counters;

/// The control that asks for pages.
const PAGED_RESULTS: &str = "1.2.840.113556.1.4.319";
/// The control that says which parts of a descriptor are wanted.
const SD_FLAGS: &str = "1.2.840.113556.1.4.801";
/// The control that shows deleted objects.
const SHOW_DELETED: &str = "1.2.840.113556.1.4.417";
/// Owner, group and DACL; the SACL needs a privilege that a collector should not have.
const OWNER_GROUP_DACL: u8 = 7;
/// Owner and DACL.
const OWNER_DACL: u8 = 5;

/// `sizeLimitExceeded`.
const SIZE_LIMIT_EXCEEDED: u32 = 4;
/// `noSuchObject`.
const NO_SUCH_OBJECT: u32 = 32;
/// Codes after which fewer parts of the descriptor are asked for: `operationsError`, `unavailableCriticalExtension`,
/// `insufficientAccessRights`, `unwillingToPerform`.
const REFUSED: [u32; 4] = [1, 12, 50, 53];

/// The most answers to which one list of values may be spread: 5,000 × 1,500 values.
const MAX_RANGES: u32 = 5_000;

/// What to search for.
pub(super) struct Query<'a> {
    pub(super) base: &'a str,
    pub(super) scope: Scope,
    pub(super) filter: &'a str,
    pub(super) attributes: &'a [&'a str],
    /// Whether deleted objects are wanted, which are hidden otherwise.
    pub(super) deleted: Deleted,
}

/// Whether deleted objects are shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Deleted {
    /// They are hidden.
    Hidden,
    /// They are shown, `[MS-ADTS] 3.1.1.3.4.1.14`.
    Shown,
}

/// The searches of one collection.
pub(super) struct Searcher<'c> {
    connection: Connection,
    config: &'c Config,
    url: &'c str,
    /// How often the connection may still be made again.
    reconnects: u8,
    /// Descriptors that were seen: objects below one folder mostly have the same, which is kept once.
    descriptors: FxHashSet<Arc<[u8]>>,
    /// Which parts of descriptors the server gives; `None` where it refuses the control.
    parts: Option<u8>,
    /// When the next page may be asked for.
    next_page_at: Option<Instant>,
    /// What was left out.
    pub(super) counters: Counters,
}

/// Why a page did not come.
enum Failure {
    Refused(u32, String),
    Fatal(Error),
}

impl<'c> Searcher<'c> {
    pub(super) async fn open(config: &'c Config, url: &'c str) -> Result<Self> {
        Ok(Self {
            connection: Connection::open(config, url).await?,
            config,
            url,
            reconnects: config.reconnects,
            descriptors: FxHashSet::default(),
            parts: Some(OWNER_GROUP_DACL),
            next_page_at: None,
            counters: Counters::default(),
        })
    }

    /// Ends the connection; what was left out remains.
    pub(super) async fn close(self) -> Counters {
        self.connection.close().await;
        self.counters
    }

    /// Runs a search to its end; lists of values are complete. Where the connection is lost it is made again and the
    /// search begins anew: the place where it was is known to the lost connection alone.
    pub(super) async fn run(&mut self, query: &Query<'_>) -> Result<Vec<Entry>> {
        loop {
            match self.once(query).await {
                Err(lost @ Error::Lost { .. }) if self.reconnects > 0 => {
                    self.reconnects -= 1;
                    match Connection::open(self.config, self.url).await {
                        Ok(connection) => self.connection = connection,
                        Err(_) => return Err(lost),
                    }
                    self.counters.ignore("connection that was lost and made again");
                }
                result => return result,
            }
        }
    }

    async fn once(&mut self, query: &Query<'_>) -> Result<Vec<Entry>> {
        let mut cookie = Vec::new();
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let mut page = Vec::new();
            let found = u64::try_from(entries.len()).unwrap_or(u64::MAX);
            let answer = match self.page(query, &cookie, &mut page, found).await {
                Err(Failure::Refused(code, _)) if found == 0 && REFUSED.contains(&code) && self.parts.is_some() => {
                    self.parts = if self.parts == Some(OWNER_GROUP_DACL) { Some(OWNER_DACL) } else { None };
                    continue;
                }
                Err(Failure::Refused(NO_SUCH_OBJECT, _)) if found == 0 => return Ok(entries),
                Err(Failure::Refused(code, text)) => {
                    return Err(Error::Search { base: query.base.to_owned(), reason: reason(code, &text) });
                }
                Err(Failure::Fatal(error)) => return Err(error),
                Ok(answer) => answer,
            };
            for read in page {
                if entries.len() >= MAX_ENTRIES {
                    return Err(Error::TooLarge { bound: MAX_ENTRIES });
                }
                let mut entry = read.entry;
                for partial in read.partial {
                    self.complete(&mut entry, partial).await?;
                }
                self.share(&mut entry);
                entries.push(entry);
            }
            if answer.is_empty() {
                return Ok(entries);
            }
            cookie = answer;
        }
    }

    fn share(&mut self, entry: &mut Entry) {
        if let Some(descriptor) = &mut entry.descriptor {
            match self.descriptors.get(descriptor) {
                Some(same) => *descriptor = Arc::clone(same),
                None => _ = self.descriptors.insert(Arc::clone(descriptor)),
            }
        }
    }

    /// One page; the cookie of the next is returned, empty at the end.
    async fn page(
        &mut self,
        query: &Query<'_>,
        cookie: &[u8],
        page: &mut Vec<entry::Read>,
        before: u64,
    ) -> std::result::Result<Vec<u8>, Failure> {
        self.wait().await;
        let mut controls = Vec::new();
        if query.scope != Scope::Base {
            controls.push(paged(self.config.page_size, cookie));
        }
        if query.deleted == Deleted::Shown {
            controls.push(RawControl { ctype: SHOW_DELETED.to_owned(), crit: true, val: None });
        }
        if query.attributes.contains(&"nTSecurityDescriptor") {
            controls.extend(self.parts.map(descriptor_parts));
        }
        let result = self.search(query, controls, page).await;
        let count = u64::try_from(page.len()).unwrap_or(u64::MAX);
        self.spent(count);
        let result = match result {
            Ok(result) => result,
            Err(source) => {
                let source = self.connection.cause(source).await;
                let entries = before.saturating_add(count);
                return Err(Failure::Fatal(Error::Lost { base: query.base.to_owned(), entries, source }));
            }
        };
        match result.rc {
            0 => Ok(next_cookie(&result.ctrls)),
            SIZE_LIMIT_EXCEEDED => Err(Failure::Fatal(Error::Search {
                base: query.base.to_owned(),
                reason: format!("{}: a smaller --page-size may help", reason(result.rc, &result.text)),
            })),
            code => Err(Failure::Refused(code, result.text)),
        }
    }

    async fn search(
        &mut self,
        query: &Query<'_>,
        controls: Vec<RawControl>,
        page: &mut Vec<entry::Read>,
    ) -> std::result::Result<ldap3::LdapResult, ldap3::LdapError> {
        let ldap = self.connection.ldap.with_timeout(self.config.timeout).with_controls(controls);
        let mut stream = ldap.streaming_search(query.base, query.scope, query.filter, query.attributes).await?;
        while let Some(item) = stream.next().await? {
            if item.is_ref() {
                self.counters.ignore("reference to another server");
                continue;
            }
            match entry::read(item.0) {
                Some(read) => page.push(read),
                None => self.counters.drop("malformed entry of a search"),
            }
        }
        Ok(stream.finish().await)
    }

    /// Fetches the values that the server left out of a long list.
    async fn complete(&mut self, entry: &mut Entry, first: Partial) -> Result<()> {
        let Partial { attribute, mut next } = first;
        for _ in 0..MAX_RANGES {
            let name = format!("{attribute};range={next}-*");
            let dn = entry.dn.clone();
            let query = Query {
                base: &dn,
                scope: Scope::Base,
                filter: "(objectClass=*)",
                attributes: &[name.as_str()],
                deleted: Deleted::Hidden,
            };
            let mut page = Vec::new();
            match self.page(&query, &[], &mut page, 0).await {
                Ok(_) => {}
                Err(Failure::Fatal(error)) => return Err(error),
                Err(Failure::Refused(code, text)) => {
                    return Err(Error::Search { base: dn, reason: reason(code, &text) });
                }
            }
            let mut further = None;
            for read in page {
                let values: Vec<Box<[u8]>> = read.entry.values(attribute).map(Box::from).collect();
                values.into_iter().for_each(|value| entry.push(attribute, value));
                further = read.partial.into_iter().find(|partial| partial.attribute == attribute);
            }
            match further {
                // A server that does not move on would keep us for ever.
                Some(partial) if partial.next > next => next = partial.next,
                Some(_) => break,
                None => return Ok(()),
            }
        }
        self.counters.drop("list of values that the server does not give to its end");
        Ok(())
    }

    async fn wait(&self) {
        if let Some(at) = self.next_page_at {
            tokio::time::sleep_until(at).await;
        }
    }

    /// Entries cost time where there is a rate: the next page waits for as long as these should have taken.
    fn spent(&mut self, entries: u64) {
        if let Some(rate) = self.config.rate {
            let nanos = entries.saturating_mul(1_000_000_000) / u64::from(rate.get());
            self.next_page_at = Instant::now().checked_add(Duration::from_nanos(nanos));
        }
    }
}

/// `realSearchControlValue ::= SEQUENCE { size INTEGER, cookie OCTET STRING }`
fn paged(size: u16, cookie: &[u8]) -> RawControl {
    let control = ldap3::controls::PagedResults { size: i32::from(size), cookie: cookie.to_vec() };
    RawControl { crit: true, ..control.into() }
}

/// `SDFlagsRequestValue ::= SEQUENCE { Flags INTEGER }`
fn descriptor_parts(parts: u8) -> RawControl {
    RawControl { ctype: SD_FLAGS.to_owned(), crit: true, val: Some(vec![0x30, 3, 2, 1, parts]) }
}

/// The cookie of the answer; none or an unreadable one ends the search.
fn next_cookie(controls: &[ldap3::controls::Control]) -> Vec<u8> {
    let value = controls.iter().find(|control| control.1.ctype == PAGED_RESULTS).and_then(|c| c.1.val.as_deref());
    value.and_then(cookie_of).unwrap_or_default().to_vec()
}

fn cookie_of(value: &[u8]) -> Option<&[u8]> {
    let mut parts = ber::Reader::new(value).sequence("paged results").ok()?;
    let _estimate = parts.element().ok()?;
    parts.element().ok()?.octets("paged results").ok()
}
