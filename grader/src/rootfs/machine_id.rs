//! `/etc/machine-id` of a root file system: one line of 32 hexadecimal digits that identifies an installation
//! (machine-id(5)).
//!
//! An image is made for many machines, so the file comes empty, or as `uninitialized`, or not at all. systemd fills it
//! in at boot, where `/etc` can be written; a program that is started without booting finds no id. What is done here is
//! what systemd-machine-id-setup(1) does with `--root`.

use crate::beneath::Directory;
use crate::random::random_word;
use anyhow::{Context, Result};
use nix::sys::stat::SFlag;
use std::io::{ErrorKind, Write};

/// What became of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MachineId {
    /// There was none: a random one is there now.
    Made,
    /// There was none: it is the one that D-Bus has in `/var/lib/dbus/machine-id`.
    OfDbus,
    /// There was one.
    Kept,
    /// There is no `/etc`, or the file is something else, for example a link: nothing was done.
    LeftAlone,
}

/// More is no id.
const MAX: u64 = 100;

/// Fills it in where there is none. No link is followed.
///
/// # Errors
/// It can't be written.
pub(super) fn fill(root: &Directory) -> Result<MachineId> {
    let Ok(etc) = root.below("etc") else { return Ok(MachineId::LeftAlone) };
    match etc.entry("machine-id") {
        Ok(found) if !found.is(SFlag::S_IFREG) => return Ok(MachineId::LeftAlone),
        Ok(_) => {
            let text = etc.bytes("machine-id", MAX).unwrap_or_default();
            if id(&text).is_some() {
                return Ok(MachineId::Kept);
            }
            if !matches!(text.trim_ascii(), b"" | b"uninitialized") {
                return Ok(MachineId::LeftAlone);
            }
            etc.remove("machine-id")?;
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error).context("etc/machine-id"),
    }
    let of_dbus = root.bytes("var/lib/dbus/machine-id", MAX).ok().and_then(|text| id(&text));
    let (id, answer) = match of_dbus {
        Some(id) => (id, MachineId::OfDbus),
        None => (random()?, MachineId::Made),
    };
    // Read-only, as systemd leaves it.
    let mut file = etc.create("machine-id", 0o444).context("etc/machine-id")?;
    file.write_all(format!("{id}\n").as_bytes()).context("etc/machine-id")?;
    Ok(answer)
}

/// The id in a file: 32 lower-case digits that are not all zero.
fn id(text: &[u8]) -> Option<String> {
    let text = str::from_utf8(text.strip_suffix(b"\n").unwrap_or(text)).ok()?;
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_id = text.len() == 32 && text.bytes().all(is_digit) && text.bytes().any(|byte| byte != b'0');
    is_id.then(|| text.to_owned())
}

/// A random id: a UUID of version 4 (sd_id128_randomize(3)).
fn random() -> Result<String> {
    let mut id = random_word(32)?;
    id.replace_range(12..13, "4");
    let variant = u8::from_str_radix(&id[16..17], 16)? & 3 | 8;
    id.replace_range(16..17, &format!("{variant:x}"));
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::Path;

    fn filled(prepare: impl Fn(&Path)) -> (tempfile::TempDir, MachineId, String) {
        let temporary = tempfile::tempdir().unwrap();
        fs::create_dir(temporary.path().join("etc")).unwrap();
        prepare(temporary.path());
        let answer = fill(&Directory::open(temporary.path()).unwrap()).unwrap();
        let text = fs::read_to_string(temporary.path().join("etc/machine-id")).unwrap_or_default();
        (temporary, answer, text)
    }

    #[test]
    fn one_is_made_where_there_is_none() {
        for empty in
            [None, Some(""), Some("\n"), Some("uninitialized\n"), Some("00000000000000000000000000000000\n")]
        {
            let (root, answer, text) = filled(|root| {
                if let Some(text) = empty {
                    fs::write(root.join("etc/machine-id"), text).unwrap();
                }
            });
            if empty.is_some_and(|text| text.starts_with('0')) {
                assert_eq!(answer, MachineId::LeftAlone);
                continue;
            }
            assert_eq!(
                (answer, id(text.as_bytes()).is_some()),
                (MachineId::Made, true),
                "{empty:?}: {text:?}"
            );
            assert!(text.ends_with('\n') && &text[12..13] == "4" && "89ab".contains(&text[16..17]), "{text}");
            let mode = fs::metadata(root.path().join("etc/machine-id")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o444);
        }
    }

    #[test]
    fn what_is_there_stays() {
        let known = "0123456789abcdef0123456789abcdef\n";
        let (_root, answer, text) = filled(|root| fs::write(root.join("etc/machine-id"), known).unwrap());
        assert_eq!((answer, text.as_str()), (MachineId::Kept, known));
        let (root, answer, _) = filled(|root| symlink("/etc/hostname", root.join("etc/machine-id")).unwrap());
        assert_eq!(answer, MachineId::LeftAlone);
        assert!(root.path().join("etc/machine-id").is_symlink());
        let (_root, answer, text) = filled(|root| fs::write(root.join("etc/machine-id"), "mine\n").unwrap());
        assert_eq!((answer, text.as_str()), (MachineId::LeftAlone, "mine\n"));
    }

    #[test]
    fn the_id_of_dbus_is_taken() {
        let known = "0123456789abcdef0123456789abcdef\n";
        let (_root, answer, text) = filled(|root| {
            fs::create_dir_all(root.join("var/lib/dbus")).unwrap();
            fs::write(root.join("var/lib/dbus/machine-id"), known).unwrap();
        });
        assert_eq!((answer, text.as_str()), (MachineId::OfDbus, known));
    }
}
