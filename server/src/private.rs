//! Files and folders that only the service's own account may read: the key of the digests, the database with its password
//! hashes, the graph with the estate's weaknesses, files that were received. They are made with that mode from the start: a
//! file that is restricted afterwards stands open for a moment, and whoever opened it then keeps reading.
//!
//! *Blind spots*: what is there already keeps its mode, since an administrator may have widened it on purpose. Elsewhere
//! than on Unix the folder's own access list decides.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::path::Path;

/// Makes a file, or empties the one that is there.
///
/// # Errors
/// Where the folder does not let it.
pub fn create(path: &Path) -> io::Result<File> {
    options().write(true).truncate(true).open(path)
}

/// Makes sure that a file is there, and leaves its content alone.
///
/// # Errors
/// Where the folder does not let it.
pub fn ensure(path: &Path) -> io::Result<()> {
    options().append(true).open(path).map(drop)
}

/// Makes a folder with those above it, where they are not there.
///
/// # Errors
/// Where one of them cannot be made.
pub fn create_dir_all(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
