//! What group policies say in their files: `SYSVOL/DOMAIN/Policies/{GUID}/…`, read from a folder (a mounted or copied
//! share). Security templates (`[MS-GPSB]`), preferences (`[MS-GPPREF]`) and scripts (`[MS-GPSCR]`).
//!
//! Passwords in preferences are noticed and never read: the file that has one is told.
//!
//! *Blind spots*: policies of the users' half other than passwords and scripts; preferences that apply to some hosts only
//! (item-level targeting) count for all.

mod inf;
mod preferences;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use hopwatch_model::{Guid, Sid};

use crate::Counters;

/// The most bytes of one file; templates and preferences have some kilobytes.
const MAX_FILE_BYTES: u64 = 4 << 20;
/// The most files of one policy.
const MAX_FILES: usize = 2_000;
/// How deep folders are followed.
const MAX_DEPTH: usize = 12;

/// Policies by their identifier.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policies(BTreeMap<Guid, Policy>);

/// What the files of a policy say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Changes of local groups, in the order in which they take effect.
    pub groups: Vec<GroupChange>,
    /// User rights by name (`SeRemoteInteractiveLogonRight`): who has each. A policy that names a right says it whole.
    pub rights: BTreeMap<String, Vec<Trustee>>,
    /// Registry values that a security template sets, by lower-case path.
    pub registry: BTreeMap<String, String>,
    /// Files below the policy that hold a password that everybody of the domain can decrypt (MS14-025).
    pub passwords: BTreeSet<String>,
    /// Scripts that run at start or logon.
    pub scripts: BTreeSet<String>,
    /// Scripts that look as if they hold a password.
    pub password_scripts: BTreeSet<String>,
}

/// A change of a local group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupChange {
    /// The group, by the last part of its SID (544 is Administrators).
    pub rid: u32,
    /// What happens to it.
    pub effect: Effect,
}

/// What happens to a local group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// These and nobody else are members.
    Set(Vec<Trustee>),
    /// These become members.
    Add(Vec<Trustee>),
    /// These are no members any more.
    Remove(Vec<Trustee>),
    /// Nobody is a member any more.
    Clear,
}

/// Whom a file means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trustee {
    /// By SID.
    Sid(Sid),
    /// By name, perhaps with its domain: `LAB\Server Admins`.
    Name(String),
}

impl Policies {
    /// The policy with an identifier.
    #[must_use]
    pub fn get(&self, guid: &Guid) -> Option<&Policy> {
        self.0.get(guid)
    }

    /// Whether nothing was read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Trustee {
    /// `*S-1-5-…`, `S-1-5-…` or a name.
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim().trim_matches('"');
        let bare = text.strip_prefix('*').unwrap_or(text);
        match bare.parse() {
            Ok(sid) => Some(Self::Sid(sid)),
            Err(_) => (!bare.is_empty()).then(|| Self::Name(bare.to_owned())),
        }
    }
}

/// Reads every policy below a folder: SYSVOL itself, one domain's, or `Policies`.
///
/// # Errors
/// Where the folder cannot be read. A file that cannot is counted.
pub fn read(folder: &Path, counters: &mut Counters) -> std::io::Result<Policies> {
    let mut policies = Policies::default();
    for (guid, root) in roots(folder)? {
        let policy = policies.0.entry(guid).or_default();
        let mut files = Vec::new();
        walk(&root, 0, &mut files, counters);
        files.sort();
        for file in files {
            take(policy, &root, &file, counters);
        }
    }
    Ok(policies)
}

/// The folders of policies: `{GUID}`, at most three folders down.
fn roots(folder: &Path) -> std::io::Result<Vec<(Guid, PathBuf)>> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    for depth in 0..=3 {
        let mut further = Vec::new();
        for folder in &folders {
            let entries = match fs::read_dir(folder) {
                Ok(entries) => entries,
                Err(error) if depth == 0 => return Err(error),
                Err(_) => continue,
            };
            for path in entries.flatten().filter(directory).map(|entry| entry.path()) {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                let guid = name.strip_prefix('{').and_then(|name| name.strip_suffix('}')).map(str::parse);
                match guid {
                    Some(Ok(guid)) => found.push((guid, path)),
                    _ => further.push(path),
                }
            }
        }
        folders = further;
    }
    found.sort();
    Ok(found)
}

/// Links are not followed: SYSVOL has one that leads to itself.
fn directory(entry: &fs::DirEntry) -> bool {
    entry.file_type().is_ok_and(|kind| kind.is_dir())
}

fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>, counters: &mut Counters) {
    let Ok(entries) = fs::read_dir(folder) else {
        counters.drop("folder of a policy that cannot be read");
        return;
    };
    for entry in entries.flatten() {
        if files.len() >= MAX_FILES || depth >= MAX_DEPTH {
            counters.drop("file of a policy beyond the bound");
            return;
        }
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => walk(&entry.path(), depth + 1, files, counters),
            Ok(kind) if kind.is_file() => files.push(entry.path()),
            _ => {}
        }
    }
}

/// Sorts a file by its place, which Windows' clients find it by; case does not matter there.
fn take(policy: &mut Policy, root: &Path, file: &Path, counters: &mut Counters) {
    let Ok(relative) = file.strip_prefix(root) else { return };
    let place = relative.to_string_lossy().replace('\\', "/");
    let lower = place.to_lowercase();
    let template = lower == "machine/microsoft/windows nt/secedit/gpttmpl.inf";
    let preference = lower.contains("/preferences/") && lower.ends_with(".xml");
    let script = lower.split('/').any(|part| part == "scripts") && !lower.ends_with(".ini");
    if !template && !preference && !script {
        return;
    }
    let Some(bytes) = content(file, counters) else { return };
    let text = decode(&bytes);
    if template {
        inf::read(&text, policy, counters);
    } else if preference {
        preferences::read(&text, &place, policy, counters);
    } else {
        if tells_a_password(&text) {
            policy.password_scripts.insert(place.clone());
        }
        policy.scripts.insert(place);
    }
}

fn content(file: &Path, counters: &mut Counters) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    match File::open(file).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)) {
        Ok(_) if u64::try_from(bytes.len()).is_ok_and(|length| length <= MAX_FILE_BYTES) => Some(bytes),
        Ok(_) => {
            counters.drop("file of a policy beyond the bound");
            None
        }
        Err(_) => {
            counters.drop("file of a policy that cannot be read");
            None
        }
    }
}

/// Windows writes templates in UTF-16 with a mark, other tools in UTF-8 or in an old code page.
fn decode(bytes: &[u8]) -> String {
    let words = |bytes: &[u8], of: fn([u8; 2]) -> u16| {
        let words: Vec<u16> = bytes.chunks_exact(2).filter_map(|pair| pair.try_into().ok().map(of)).collect();
        String::from_utf16_lossy(&words)
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => words(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => words(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
        },
    }
}

/// Commands that take a password in the open. What it is, is not kept.
fn tells_a_password(text: &str) -> bool {
    text.lines().any(|line| {
        let line = line.to_lowercase();
        let has = |word: &str| line.contains(word);
        has("net use") && has("/user:")
            || has("convertto-securestring") && has("-asplaintext")
            || has("cmdkey") && has("/pass:")
            || has("net user ") && has("/add")
            || has("schtasks") && has("/rp ")
            || has("psexec") && has(" -p ")
    })
}
