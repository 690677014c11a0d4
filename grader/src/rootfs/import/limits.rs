//! What an archive may ask for: a small file can hold more than any disk.

use super::super::bytes::size_in_words;
use crate::beneath::MAX_DEPTH;
use anyhow::{Result, bail, ensure};

/// A decoder may take so much memory. `xz -9` asks for 64 MiB, `zstd --ultra -22` for 128 MiB.
pub(super) const MAX_WINDOW: u64 = 128 << 20;

/// What may come out of one archive.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of all files together, holes included.
    pub bytes: u64,
    /// Files, directories and links.
    pub entries: u64,
    /// Directories below each other: as many as the grader copies.
    pub depth: usize,
}

impl Default for Limits {
    /// Those of a large distribution with a margin: its image has 100,000 files and 2 GiB.
    fn default() -> Limits {
        Limits { bytes: 4 << 30, entries: 500_000, depth: MAX_DEPTH }
    }
}

/// What is left of them.
pub(super) struct Budget {
    limits: Limits,
    /// The bytes of all files so far.
    pub bytes: u64,
    /// The members so far.
    pub entries: u64,
}

impl Budget {
    /// All of it.
    pub(super) fn new(limits: Limits) -> Budget {
        Budget { limits, bytes: 0, entries: 0 }
    }

    /// Takes one member.
    pub(super) fn entry(&mut self) -> Result<()> {
        self.entries += 1;
        let most = self.limits.entries;
        ensure!(self.entries <= most, "it holds more than {most} files");
        Ok(())
    }

    /// Takes the bytes of a file, before the first is read.
    pub(super) fn file(&mut self, size: u64) -> Result<()> {
        match self.bytes.checked_add(size).filter(|all| *all <= self.limits.bytes) {
            Some(all) => self.bytes = all,
            None => bail!(
                "it unpacks to more than {}: a file of {size} bytes after {} bytes; --max-size allows more",
                size_in_words(self.limits.bytes),
                self.bytes
            ),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_is_said_with_numbers() {
        let mut budget = Budget::new(Limits { bytes: 1 << 20, entries: 2, depth: 3 });
        budget.file(1 << 20).unwrap();
        let error = budget.file(1).unwrap_err().to_string();
        assert!(error.contains("more than 1 MiB") && error.contains("--max-size"), "{error}");
        assert!(budget.file(u64::MAX).is_err());
        budget.entry().unwrap();
        budget.entry().unwrap();
        assert!(budget.entry().unwrap_err().to_string().contains("more than 2 files"));
    }
}
