//! What happens beside the work: how far it is, and the signals that end it.

use crate::interrupts::{Interrupted, Interrupts};
use anyhow::Result;
use std::cell::Cell;
use std::io::{self, Read};

/// Shows how far it is, and notices signals.
pub struct Watch<'a> {
    interrupts: Option<Interrupts>,
    read: Cell<u64>,
    show: &'a dyn Fn(u64),
}

impl<'a> Watch<'a> {
    /// Shows by `show`, which is given how many bytes of the file have been read.
    ///
    /// # Errors
    /// What the system said.
    pub fn new(show: &'a dyn Fn(u64)) -> Result<Watch<'a>> {
        Ok(Watch { interrupts: Interrupts::of_main_thread()?, read: Cell::new(0), show })
    }

    /// Whether a signal has come.
    ///
    /// # Errors
    /// [`Interrupted`].
    pub(in crate::rootfs) fn check(&self) -> Result<()> {
        match self.interrupts.as_ref().and_then(Interrupts::take) {
            Some(signal) => Err(Interrupted(signal).into()),
            None => Ok(()),
        }
    }

    /// A file whose bytes are counted as they are read.
    pub(super) fn count<'b, R: Read + 'b>(&'b self, file: R) -> impl Read + 'b {
        Counted { file, watch: self }
    }

    /// Counts bytes that have been read.
    pub(super) fn add(&self, bytes: u64) {
        self.read.set(self.read.get() + bytes);
        (self.show)(self.read.get());
    }
}

struct Counted<'a, R> {
    file: R,
    watch: &'a Watch<'a>,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.watch.add(read as u64);
        Ok(read)
    }
}
