//! Checks a submission. It is untrusted: names, sizes and sums in it are verified, and nothing is unpacked.

use super::{File, MANIFEST, MAX_BYTES, MAX_FILE_BYTES, MAX_FILES, Manifest, ManifestRow, ROOT, SCHEMA};
use crate::text::is_hidden;
use flate2::bufread::GzDecoder;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::path::{Component, Path};
use tar::{Archive, Entry, EntryType};

/// The content of an archive, and its faults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// The files of the list, if there is one.
    pub rows: Vec<ManifestRow>,
    /// The faults, one line each. Empty where the archive matches its list exactly.
    pub wrong: Vec<String>,
}

/// Checks an archive of at most [`MAX_BYTES`] bytes, compressed and uncompressed.
///
/// # Errors
/// Only read errors of `archive` itself.
pub fn check(archive: &mut impl Read) -> io::Result<Checked> {
    let mut packed = Vec::new();
    archive.take(MAX_BYTES + 1).read_to_end(&mut packed)?;
    let mut checked = Checked::default();
    if packed.len() as u64 > MAX_BYTES {
        checked.wrong.push(format!("it is longer than {MAX_BYTES} bytes"));
        return Ok(checked);
    }
    let files = match members(&packed, &mut checked.wrong) {
        Ok(files) => files,
        Err(error) => {
            checked.wrong.push(format!("it can't be read to its end: {error}"));
            return Ok(checked);
        }
    };
    compare(files, &mut checked);
    Ok(checked)
}

/// The valid members, in their order.
fn members(packed: &[u8], wrong: &mut Vec<String>) -> io::Result<Vec<File>> {
    let mut rest = packed;
    // Headers and padding included: twice the maximum of the content.
    let unpacked = GzDecoder::new(&mut rest).take(2 * MAX_BYTES);
    let mut archive = Archive::new(unpacked);
    let (mut files, mut seen) = (Vec::new(), BTreeSet::new());
    for (number, entry) in archive.entries()?.enumerate() {
        let mut entry = entry?;
        // One more for the list.
        if number > MAX_FILES {
            return Err(io::Error::other(format!("more than {MAX_FILES} files")));
        }
        let shown = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        match name(&entry) {
            Err(why) => wrong.push(format!("{shown}: {why}")),
            Ok(name) if !seen.insert(name.clone()) => {
                wrong.push(format!("{shown}: it is in the archive twice"))
            }
            Ok(name) => {
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes)?;
                files.push(File { name, bytes });
            }
        }
    }
    // After the last member only zeros may follow, to the end of the stream and of the file.
    let mut unpacked = archive.into_inner();
    let mut behind = Vec::new();
    unpacked.read_to_end(&mut behind)?;
    if unpacked.limit() == 0 {
        return Err(io::Error::other(format!("it unpacks to more than {} bytes", 2 * MAX_BYTES)));
    }
    drop(unpacked);
    if behind.iter().any(|byte| *byte != 0) || !rest.is_empty() {
        wrong.push("there is data after its end".into());
    }
    Ok(files)
}

/// The name of a member in the workspace, or why the member is not allowed.
fn name<R: Read>(entry: &Entry<'_, R>) -> Result<String, String> {
    let kind = entry.header().entry_type();
    if kind != EntryType::Regular {
        return Err(format!("it is not a regular file ({kind:?})"));
    }
    if entry.size() > MAX_FILE_BYTES {
        return Err(format!("it is longer than {MAX_FILE_BYTES} bytes"));
    }
    let bytes = entry.path_bytes();
    let name = str::from_utf8(&bytes).map_err(|_| "its name is not UTF-8")?;
    let path = Path::new(name);
    if name.contains(is_hidden) || !path.components().all(|it| matches!(it, Component::Normal(_))) {
        return Err("its name is empty, or leads out of the archive".into());
    }
    let inside = name.strip_prefix(ROOT).and_then(|name| name.strip_prefix('/'));
    // `a//b` and `a/./b` would be second names of `a/b`.
    let plain = |name: &&str| !name.split('/').any(|part| part.is_empty() || part == ".");
    inside.filter(plain).map(str::to_owned).ok_or_else(|| format!("it is not in {ROOT}/"))
}

/// Compares the members with the list.
fn compare(files: Vec<File>, checked: &mut Checked) {
    let mut files = files.into_iter();
    let Some(list) = files.next().filter(|file| file.name == MANIFEST) else {
        checked.wrong.push(format!("{MANIFEST} is not the first file in it"));
        return;
    };
    let manifest: Manifest = match serde_json::from_slice(&list.bytes) {
        Ok(manifest) => manifest,
        Err(error) => {
            checked.wrong.push(format!("{MANIFEST}: {error}"));
            return;
        }
    };
    if manifest.schema != SCHEMA {
        checked.wrong.push(format!("{MANIFEST}: its schema is {:?}, not {SCHEMA:?}", manifest.schema));
    }
    let mut there: BTreeMap<String, ManifestRow> =
        files.map(|file| (file.name.clone(), ManifestRow::of(&file))).collect();
    for row in &manifest.files {
        match there.remove(&row.name) {
            None => checked.wrong.push(format!("{}: it is in the list, but not in the archive", row.name)),
            Some(is) if is != *row => checked.wrong.push(format!(
                "{}: {} bytes with the sum {}, listed as {} bytes with {}",
                row.name, is.size, is.sha256, row.size, row.sha256
            )),
            Some(_) => {}
        }
    }
    checked
        .wrong
        .extend(there.into_keys().map(|name| format!("{name}: it is in the archive, but not in the list")));
    checked.rows = manifest.files;
}
