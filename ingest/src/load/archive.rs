//! Packed files: gzip, Zstandard, zip (also inside one another) and tar. Names inside are only shown, never used as paths.
//! What unpacks to far more than it holds is refused while it is read, not after.

use std::io::{self, BufReader, Read};

use super::Limits;
use super::body::{Body, Input, read_error};
use crate::error::{Error, Result};

/// Takes a member's name and its bytes, or why they cannot be had.
type Member<'m> = dyn FnMut(&str, Result<Body<'_>>) + 'm;

/// Whether bytes start a packed file.
pub(super) fn packed(head: &[u8]) -> bool {
    is_gzip(head) || is_zstd(head) || is_zip(head) || is_tar(head)
}

/// Hands every member to `member`, in the order of names for zip and of the file for tar; a compressed file is its own
/// one member without name.
///
/// # Errors
/// Where the archive itself is broken or hostile.
pub(super) fn unpack(input: Input<'_>, limits: &Limits, member: &mut Member<'_>) -> Result<()> {
    let head = input.head.clone();
    if is_zip(&head) {
        return zip(input, limits, member);
    }
    if is_tar(&head) {
        return tar(input, member);
    }
    let packed = std::rc::Rc::new(std::cell::Cell::new(0));
    let counted = Counting { inner: input.reader(), count: std::rc::Rc::clone(&packed) };
    let unpacked: Box<dyn Read + '_> = if is_gzip(&head) {
        Box::new(flate2::read::MultiGzDecoder::new(counted))
    } else {
        Box::new(zstd::Decoder::new(counted).map_err(|source| read_error(0, source))?)
    };
    member(
        "",
        Ok(Body::Stream(Box::new(Bounded {
            inner: unpacked,
            packed: Packed::Counted(packed),
            unpacked: 0,
            limits: *limits,
        }))),
    );
    Ok(())
}

fn is_gzip(head: &[u8]) -> bool {
    head.starts_with(&[0x1f, 0x8b, 8])
}

fn is_zstd(head: &[u8]) -> bool {
    head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
}

fn is_zip(head: &[u8]) -> bool {
    head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") || head.starts_with(b"PK\x07\x08")
}

fn is_tar(head: &[u8]) -> bool {
    head.get(257..262) == Some(b"ustar")
}

fn zip(input: Input<'_>, limits: &Limits, member: &mut Member<'_>) -> Result<()> {
    let malformed = |error: zip::result::ZipError| Error::Malformed { kind: "zip archive", reason: error.to_string() };
    let mut archive = zip::ZipArchive::new(input.seekable()?).map_err(malformed)?;
    let mut names: Vec<(String, usize)> =
        (0..archive.len()).filter_map(|index| Some((archive.name_for_index(index)?.to_owned(), index))).collect();
    names.sort();
    if names.is_empty() {
        return Err(Error::Empty);
    }
    for (name, index) in names {
        if name.ends_with('/') || name.starts_with("__MACOSX/") {
            continue;
        }
        match archive.by_index(index) {
            Ok(file) => {
                let packed = Packed::Known(file.compressed_size().max(1));
                member(
                    &name,
                    Ok(Body::Stream(Box::new(Bounded { inner: file, packed, unpacked: 0, limits: *limits }))),
                );
            }
            Err(error) => member(&name, Err(Error::Malformed { kind: "zip member", reason: error.to_string() })),
        }
    }
    Ok(())
}

/// Bytes of a tar block.
const BLOCK: usize = 512;

/// POSIX ustar and GNU tar: regular files alone.
fn tar(input: Input<'_>, member: &mut Member<'_>) -> Result<()> {
    let mut reader = BufReader::new(input.reader());
    let mut offset = 0_u64;
    let mut long_name = None;
    loop {
        let mut header = [0; BLOCK];
        match reader.read_exact(&mut header) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(source) => return Err(read_error(offset, source)),
        }
        if header.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        let malformed = || Error::Malformed { kind: "tar archive", reason: format!("bad header at offset {offset}") };
        let size = octal(header.get(124..136).unwrap_or_default()).ok_or_else(malformed)?;
        let padded = size.div_ceil(512).saturating_mul(512);
        let mut content = reader.by_ref().take(padded);
        match header.get(156) {
            Some(b'0' | 0) => {
                let name = long_name.take().unwrap_or_else(|| tar_name(&header));
                member(&name, Ok(Body::Stream(Box::new(content.by_ref().take(size)))));
            }
            Some(b'L') => {
                let mut name = Vec::new();
                content
                    .by_ref()
                    .take(size.min(4096))
                    .read_to_end(&mut name)
                    .map_err(|source| read_error(offset, source))?;
                long_name = Some(text(&name));
            }
            _ => {}
        }
        let copied = io::copy(&mut content, &mut io::sink());
        copied.map_err(|source| read_error(offset, source))?;
        offset = offset.saturating_add(padded).saturating_add(512);
    }
}

fn tar_name(header: &[u8; BLOCK]) -> String {
    let name = text(header.get(..100).unwrap_or_default());
    let prefix = text(header.get(345..500).unwrap_or_default());
    if prefix.is_empty() { name } else { format!("{prefix}/{name}") }
}

fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
}

fn octal(field: &[u8]) -> Option<u64> {
    let digits = text(field);
    u64::from_str_radix(digits.trim(), 8).ok()
}

/// Counts what was read of a compressed stream.
struct Counting<R> {
    inner: R,
    count: std::rc::Rc<std::cell::Cell<u64>>,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.count.set(self.count.get().saturating_add(u64::try_from(count).unwrap_or(0)));
        Ok(count)
    }
}

enum Packed {
    Known(u64),
    Counted(std::rc::Rc<std::cell::Cell<u64>>),
}

/// Refuses to unpack more than the bounds allow.
struct Bounded<R> {
    inner: R,
    packed: Packed,
    unpacked: u64,
    limits: Limits,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.unpacked = self.unpacked.saturating_add(u64::try_from(count).unwrap_or(0));
        let packed = match &self.packed {
            Packed::Known(packed) => *packed,
            Packed::Counted(packed) => packed.get().max(1),
        };
        if self.unpacked > self.limits.free_bytes && self.unpacked / packed > self.limits.ratio {
            let reason = format!("unpacks to more than {} times its size", self.limits.ratio);
            return Err(io::Error::new(io::ErrorKind::QuotaExceeded, reason));
        }
        Ok(count)
    }
}
