//! Writes tar archives, also those that no tar(1) would.

use crate::rootfs::fake::Program;
use tar::{EntryType, Header};

/// An archive that grows.
pub(super) struct Archive(Vec<u8>);

/// A header as tar(1) writes it: root's, of 2023.
pub(super) fn header(kind: EntryType, name: &[u8], size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_mode(if kind.is_dir() { 0o755 } else { 0o644 });
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(1_700_000_000);
    header.set_size(size);
    header
}

impl Archive {
    /// An empty one.
    pub(super) fn empty() -> Archive {
        Archive(Vec::new())
    }

    /// A root file system: a shell and an `etc`.
    pub(super) fn rootfs() -> Archive {
        Archive::below("")
    }

    /// The same, below a directory.
    pub(super) fn below(prefix: &str) -> Archive {
        let archive =
            Archive::empty().directory(&format!("{prefix}bin/")).directory(&format!("{prefix}etc/"));
        let mut shell = header(EntryType::Regular, format!("{prefix}bin/sh").as_bytes(), 0);
        shell.set_mode(0o755);
        archive.member(shell, &Program::default().bytes())
    }

    /// A member with its content, of whose size the header says what it says, and zero is mended.
    pub(super) fn member(mut self, mut header: Header, content: &[u8]) -> Archive {
        if header.entry_size().unwrap_or(1) == 0 {
            header.set_size(content.len() as u64);
        }
        header.set_cksum();
        self.0.extend(header.as_bytes());
        self.0.extend(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    /// A file.
    pub(super) fn file(self, name: &str, content: &[u8]) -> Archive {
        self.member(header(EntryType::Regular, name.as_bytes(), 0), content)
    }

    /// A directory.
    pub(super) fn directory(self, name: &str) -> Archive {
        self.member(header(EntryType::Directory, name.as_bytes(), 0), b"")
    }

    /// A link of either kind.
    pub(super) fn link(self, kind: EntryType, name: &str, target: &str) -> Archive {
        let mut header = header(kind, name.as_bytes(), 0);
        header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
        self.member(header, b"")
    }

    /// PAX records for the next member.
    pub(super) fn records(self, records: &[(&str, &[u8])]) -> Archive {
        let mut bytes = Vec::new();
        for (key, value) in records {
            let rest = key.len() + value.len() + 3;
            // The length counts its own digits.
            let length =
                (1..).map(|digits| rest + digits).find(|it| rest + it.to_string().len() == *it).unwrap();
            bytes.extend(format!("{length} {key}=").as_bytes());
            bytes.extend(*value);
            bytes.push(b'\n');
        }
        self.member(header(EntryType::XHeader, b"pax", 0), &bytes)
    }

    /// The whole archive.
    pub(super) fn bytes(mut self) -> Vec<u8> {
        self.0.extend([0; 1024]);
        self.0
    }
}
