//! A submission: the labs' sources with a list of them, in one archive. The archive is reproducible: the same sources
//! give the same bytes, on any machine and at any time.
//!
//! # Layout
//! - [`collect`]: which files of a workspace are packed, and which are left out.
//! - [`mod@build`]: builds exactly these files. [`archive`]: the files as a `.tar.gz`.
//! - [`check`](mod@check): checks an archive, which is untrusted.

pub mod archive;
pub mod build;
pub mod check;
pub mod collect;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The name of the list's format.
pub const SCHEMA: &str = "container-labs/pack/v1";
/// The top directory of the archive.
pub const ROOT: &str = "container-labs";
/// The name of the list in it.
pub const MANIFEST: &str = "manifest.json";
/// The maximum size of a file, in bytes.
pub const MAX_FILE_BYTES: u64 = 1 << 20;
/// The maximum size of all files together, in bytes.
pub const MAX_BYTES: u64 = 16 << 20;
/// The maximum of files.
pub const MAX_FILES: usize = 1000;

/// A file: its path in the workspace, with slashes, and its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The path.
    pub name: String,
    /// The content.
    pub bytes: Vec<u8>,
}

/// The list of the files of an archive, the first file in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`SCHEMA`].
    pub schema: String,
    /// One row a file, by name.
    pub files: Vec<ManifestRow>,
}

/// One file in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestRow {
    /// The path in the workspace.
    pub name: String,
    /// Its length in bytes.
    pub size: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
}

impl Manifest {
    /// The list of these files.
    pub fn of(files: &[File]) -> Manifest {
        Manifest { schema: SCHEMA.into(), files: files.iter().map(ManifestRow::of).collect() }
    }

    /// The text of the list in the archive.
    ///
    /// # Errors
    /// None known: everything in it can be written as JSON.
    pub fn text(&self) -> Result<Vec<u8>> {
        let mut text = serde_json::to_vec_pretty(self).context(MANIFEST)?;
        text.push(b'\n');
        Ok(text)
    }
}

impl ManifestRow {
    /// The row of a file.
    pub fn of(file: &File) -> ManifestRow {
        let sha256 = format!("{:x}", Sha256::digest(&file.bytes));
        ManifestRow { name: file.name.clone(), size: file.bytes.len() as u64, sha256 }
    }
}

#[cfg(test)]
mod tests;
