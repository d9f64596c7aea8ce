//! A data folder in one file, and back. The file is a zip of the checkpoint, the database, the key of the digests and the
//! reports, with a manifest of their digests.
//!
//! A server may run on the folder meanwhile and is not disturbed: the checkpoint is read through a handle that outlives its
//! replacement, the database through a read transaction of its own. The checkpoint is taken first. What the database holds
//! beyond it is shown to graph and detections again when the restored folder is opened, as after a crash; the other way
//! round, events would be missing that the graph had seen.
//!
//! The file holds what the folder holds, password hashes and the key among it: it is readable by its owner alone, and not
//! encrypted.

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use hopwatch_model::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::{clock, private, store};

/// The form of the file; a later one is refused by name.
const FORM: u32 = 1;
/// The name of the manifest in the file.
const MANIFEST: &str = "manifest.json";
/// The largest manifest that is read: a report a day for ten years has some ten thousand entries.
const MANIFEST_BYTES: u64 = 64 << 20;
/// The files of a data folder beside the database, in the order in which they are taken.
const FILES: &[&str] = &["graph.checkpoint", "digest.key"];
/// The folder of reports.
const REPORTS: &str = "reports";

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The form of the file.
    pub form: u32,
    /// The version of the server that wrote it.
    pub version: String,
    /// When it was written.
    pub created_at: Timestamp,
    /// Its files.
    pub files: Vec<Entry>,
}

/// A file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its path in the data folder, with slashes.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Its BLAKE3 digest in hexadecimal.
    pub digest: String,
}

impl Manifest {
    /// Bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// Writes a data folder into a file; it appears under its name when it is whole.
///
/// # Errors
/// Where there is no data folder, the file exists, or it cannot be written; nothing stays behind then.
pub async fn write(data_dir: &Path, out: &Path) -> Result<Manifest> {
    ensure!(data_dir.join(store::FILE).is_file(), "{} is no data folder", data_dir.display());
    ensure!(!out.exists(), "{} exists already", out.display());
    let partial = beside(out, "partial")?;
    private::create_dir_all(&partial).with_context(|| format!("{} cannot be made", partial.display()))?;
    let written = write_into(data_dir, out, &partial).await;
    let cleared = fs::remove_dir_all(&partial).with_context(|| format!("{} stays behind", partial.display()));
    let manifest = written?;
    cleared?;
    Ok(manifest)
}

async fn write_into(data_dir: &Path, out: &Path, partial: &Path) -> Result<Manifest> {
    let mut manifest =
        Manifest { form: FORM, version: env!("CARGO_PKG_VERSION").into(), created_at: clock::now(), files: Vec::new() };
    let archive = partial.join("backup.zip");
    let mut zip = ZipWriter::new(private::create(&archive)?);
    for name in FILES {
        match File::open(data_dir.join(name)) {
            Ok(file) => add(&mut zip, &mut manifest, name, file)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("{name} cannot be opened")),
        }
    }
    let database = partial.join(store::FILE);
    copy_database(&data_dir.join(store::FILE), &database).await?;
    add(&mut zip, &mut manifest, store::FILE, File::open(&database)?)?;
    for path in files_below(&data_dir.join(REPORTS))? {
        let name = inside(data_dir, &path)?;
        add(&mut zip, &mut manifest, &name, File::open(&path)?)?;
    }
    zip.start_file(MANIFEST, options())?;
    zip.write_all(&serde_json::to_vec_pretty(&manifest)?)?;
    zip.finish()?.sync_all()?;
    fs::rename(&archive, out).with_context(|| format!("{} cannot be written", out.display()))?;
    Ok(manifest)
}

/// A copy of a database as it stands at one moment, whoever writes to it meanwhile.
async fn copy_database(from: &Path, to: &Path) -> Result<()> {
    let options = SqliteConnectOptions::new().filename(from).create_if_missing(false).busy_timeout(store::BUSY);
    let mut connection = options.connect().await.context("the database cannot be opened")?;
    let target = to.to_str().context("the backup's path is no text")?;
    sqlx::query("VACUUM INTO ?")
        .bind(target)
        .execute(&mut connection)
        .await
        .context("the database cannot be copied")?;
    connection.close().await?;
    Ok(())
}

fn add(zip: &mut ZipWriter<File>, manifest: &mut Manifest, name: &str, mut file: File) -> Result<()> {
    let mut put = || -> Result<Entry> {
        zip.start_file(name, options())?;
        let mut digesting = Digesting::new(zip);
        io::copy(&mut file, &mut digesting)?;
        Ok(digesting.entry(name))
    };
    manifest.files.push(put().with_context(|| format!("{name} cannot be taken"))?);
    Ok(())
}

fn options() -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .large_file(true)
        .unix_permissions(0o600)
}

/// Makes a data folder of a backup; it appears under its name when it is whole and every digest agrees.
///
/// # Errors
/// Where the folder holds anything, the file is no backup of a form that is known, or it is damaged; the folder stays as it
/// was.
pub fn restore(file: &Path, data_dir: &Path) -> Result<Manifest> {
    if fs::read_dir(data_dir).is_ok_and(|mut entries| entries.next().is_some()) {
        bail!("{} is not empty; name a folder that is not there yet", data_dir.display());
    }
    let opened = File::open(file).with_context(|| format!("{} cannot be opened", file.display()))?;
    let no_backup = || format!("{} is no backup", file.display());
    let mut archive = ZipArchive::new(opened).with_context(no_backup)?;
    let manifest = manifest(&mut archive).with_context(no_backup)?;
    ensure!(manifest.form == FORM, "{} is of form {}, this version reads {FORM}", file.display(), manifest.form);
    let partial = beside(data_dir, "restoring")?;
    let result = extract(&mut archive, &manifest, &partial).and_then(|()| {
        fs::rename(&partial, data_dir).with_context(|| format!("{} cannot be made", data_dir.display()))
    });
    if result.is_err() && partial.exists() {
        fs::remove_dir_all(&partial).with_context(|| format!("{} stays behind", partial.display()))?;
    }
    result.map(|()| manifest)
}

fn manifest<R: Read + Seek>(archive: &mut ZipArchive<R>) -> Result<Manifest> {
    let entry = archive.by_name(MANIFEST).context("it has no manifest")?;
    let mut text = Vec::new();
    entry.take(MANIFEST_BYTES).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

fn extract<R: Read + Seek>(archive: &mut ZipArchive<R>, manifest: &Manifest, into: &Path) -> Result<()> {
    private::create_dir_all(into).with_context(|| format!("{} cannot be made", into.display()))?;
    for entry in &manifest.files {
        let path = into.join(relative(&entry.path)?);
        if let Some(folder) = path.parent() {
            private::create_dir_all(folder)?;
        }
        let packed = archive.by_name(&entry.path).with_context(|| format!("{} is missing", entry.path))?;
        let mut file = private::create(&path)?;
        let mut digesting = Digesting::new(&mut file);
        // One byte more than promised is enough to see that the file is another.
        io::copy(&mut packed.take(entry.bytes.saturating_add(1)), &mut digesting)
            .with_context(|| format!("{} is damaged", entry.path))?;
        ensure!(digesting.entry(&entry.path) == *entry, "{} is damaged: its digest is another", entry.path);
        file.sync_all()?;
    }
    ensure!(into.join(store::FILE).is_file(), "it holds no database");
    Ok(())
}

/// A path that stays in the folder, of the names that a backup has.
fn relative(path: &str) -> Result<PathBuf> {
    let known = FILES.contains(&path) || path == store::FILE || path.starts_with("reports/");
    let plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    ensure!(known && plain && !path.contains('\\'), "`{path}` is no file of a data folder");
    Ok(PathBuf::from(path))
}

/// A path next to another, for what is not whole yet.
fn beside(path: &Path, what: &str) -> Result<PathBuf> {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().with_context(|| format!("{} is no name", path.display()))?);
    name.push(format!(".{}.{what}", std::process::id()));
    Ok(path.with_file_name(name))
}

fn inside(data_dir: &Path, path: &Path) -> Result<String> {
    let parts: Option<Vec<&str>> =
        path.strip_prefix(data_dir)?.components().map(|part| part.as_os_str().to_str()).collect();
    Ok(parts.with_context(|| format!("{} is no text", path.display()))?.join("/"))
}

/// Every file below a folder in order of its path; none where the folder is not there.
fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(folder) = pending.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error).with_context(|| format!("{} cannot be listed", folder.display())),
        };
        for entry in entries {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                pending.push(entry.path());
            } else if kind.is_file() {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Passes bytes on and digests them.
struct Digesting<'a, W> {
    inner: &'a mut W,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl<'a, W: Write> Digesting<'a, W> {
    fn new(inner: &'a mut W) -> Self {
        Self { inner, hasher: blake3::Hasher::new(), bytes: 0 }
    }

    fn entry(&self, path: &str) -> Entry {
        Entry { path: path.into(), bytes: self.bytes, digest: self.hasher.finalize().to_hex().to_string() }
    }
}

impl<W: Write> Write for Digesting<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hasher.update(bytes.get(..count).unwrap_or_default());
        self.bytes += u64::try_from(count).unwrap_or(0);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_leaves_the_folder_is_refused() {
        for path in ["../x", "reports/../../x", "/etc/passwd", "reports\\..\\x", "lock", "", "reports/./../../a"] {
            assert!(relative(path).is_err(), "{path}");
        }
        assert_eq!(relative("reports/risk-1/risk.html").unwrap(), PathBuf::from("reports/risk-1/risk.html"));
        assert!(relative("digest.key").is_ok() && relative("hopwatch.db").is_ok());
    }
}
