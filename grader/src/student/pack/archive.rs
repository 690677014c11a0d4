//! Writes the files as a reproducible `.tar.gz`: independent of machine, person and time.

use super::{File, MANIFEST, Manifest, ROOT};
use anyhow::{Context, Result};
use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};

/// The operating system "unknown" in a gzip header (RFC 1952, 2.3.1).
const UNKNOWN_SYSTEM: u8 = 255;

/// The archive of these files, sorted by name, with their list first.
///
/// # Errors
/// A name that is too long for the format.
pub fn write(files: &[File]) -> Result<Vec<u8>> {
    let gzip =
        GzBuilder::new().mtime(0).operating_system(UNKNOWN_SYSTEM).write(Vec::new(), Compression::best());
    let mut tar = Builder::new(gzip);
    let list = File { name: MANIFEST.into(), bytes: Manifest::of(files).text()? };
    for file in [&list].into_iter().chain(files) {
        // ustar (POSIX.1-1988): every tar can read it.
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0o644);
        header.set_size(file.bytes.len() as u64);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        let name = format!("{ROOT}/{}", file.name);
        header.set_path(&name).with_context(|| name.clone())?;
        header.set_cksum();
        tar.append(&header, file.bytes.as_slice()).with_context(|| name.clone())?;
    }
    Ok(tar.into_inner()?.finish()?)
}
