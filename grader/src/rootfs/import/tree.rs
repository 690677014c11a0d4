//! Puts the members of an archive into an empty directory that nobody else can enter.
//!
//! Every path is resolved below that directory, and through no link (openat2(2)). Owner, attributes, mode and time are
//! set by descriptor, in this order: chown(2) takes off set-user-ID bits and capabilities. Those of directories come
//! last, since a directory may be closed to its owner.

use super::item::{Item, Kind, shown};
use super::limits::{Budget, Limits};
use super::lost::Lost;
use super::watch::Watch;
use super::xattr;
use crate::beneath::{Directory, Entry};
use anyhow::{Context, Result, bail, ensure};
use nix::errno::Errno;
use nix::libc;
use nix::sys::stat::{SFlag, UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The names and attributes of all directories together, in bytes: they are kept until the end.
const MAX_NAMES: usize = 64 << 20;

/// A directory that is being filled.
pub(super) struct Tree<'a> {
    top: Directory,
    budget: Budget,
    directories: BTreeMap<PathBuf, Item>,
    /// Devices that could not be made, and sockets: what is linked to them is left out, too.
    left_out: BTreeSet<PathBuf>,
    names: usize,
    lost: Lost,
    watch: &'a Watch<'a>,
}

impl<'a> Tree<'a> {
    /// Nothing yet in `top`.
    pub(super) fn new(top: Directory, limits: Limits, watch: &'a Watch<'a>) -> Tree<'a> {
        let budget = Budget::new(limits);
        Tree {
            top,
            budget,
            directories: BTreeMap::new(),
            left_out: BTreeSet::new(),
            names: 0,
            lost: Lost::default(),
            watch,
        }
    }

    /// Puts a member in its place. One that comes later replaces an earlier one, except a directory that holds something.
    ///
    /// # Errors
    /// A limit, a link in the way, or the system's: then the tree is of no use.
    pub(super) fn put(&mut self, item: &Item, content: &mut dyn Read) -> Result<()> {
        self.check_signals()?;
        self.budget.entry()?;
        if let Kind::Directory = item.kind {
            return self.directory(item);
        }
        ensure!(item.path.file_name().is_some(), "the top of the archive is no directory");
        if let Kind::Socket = item.kind {
            self.lost.sockets += 1;
            return self.leave_out(&item.path);
        }
        let parent = item.path.parent().unwrap_or(Path::new(""));
        self.top.make_all(parent, 0o755, |_| Ok(())).map_err(|error| in_words(&error))?;
        if let Kind::Same(first) = &item.kind {
            if self.left_out.contains(first) {
                return self.leave_out(&item.path);
            }
            let file = self.top.entry(first).map_err(|error| {
                anyhow::anyhow!(
                    "a hard link to {}: {:#}",
                    shown(first.as_os_str().as_bytes()),
                    in_words(&error)
                )
            })?;
            ensure!(!file.is(SFlag::S_IFDIR), "a hard link to a directory");
            ensure!(*first != item.path, "a hard link to itself");
            self.clear(&item.path)?;
            return self.top.hard_link(&item.path, &file).map_err(|error| in_words(&error));
        }
        self.clear(&item.path)?;
        self.make(item, content)
    }

    /// Notes what is not made.
    fn leave_out(&mut self, path: &Path) -> Result<()> {
        self.clear(path)?;
        self.keep_name(path.as_os_str().len())?;
        self.left_out.insert(path.to_owned());
        Ok(())
    }

    /// Counts names that are kept in memory.
    fn keep_name(&mut self, bytes: usize) -> Result<()> {
        self.names += bytes;
        ensure!(
            self.names <= MAX_NAMES,
            "names and attributes of its directories are more than {MAX_NAMES} bytes"
        );
        Ok(())
    }

    /// Takes away what an earlier member has put there.
    fn clear(&mut self, path: &Path) -> Result<()> {
        self.left_out.remove(path);
        match self.top.remove(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(in_words(&error)),
            Ok(()) => {
                self.directories.remove(path);
                Ok(())
            }
        }
    }

    fn directory(&mut self, item: &Item) -> Result<()> {
        let path = &item.path;
        let attributes = item.attributes.iter().map(|(name, value)| name.len() + value.len());
        self.keep_name(path.as_os_str().len() + attributes.sum::<usize>())?;
        if self.top.entry(path).is_ok_and(|found| !found.is(SFlag::S_IFDIR)) {
            self.clear(path)?;
        }
        self.top.make_all(path, 0o755, |_| Ok(())).map_err(|error| in_words(&error))?;
        let kept =
            Item { path: path.clone(), kind: Kind::Directory, attributes: item.attributes.clone(), ..*item };
        self.directories.insert(path.clone(), kept);
        Ok(())
    }

    fn make(&mut self, item: &Item, content: &mut dyn Read) -> Result<()> {
        let path = &item.path;
        let made = match &item.kind {
            Kind::File(size) => {
                self.budget.file(*size)?;
                let file = self.top.create(path, 0o600).map_err(|error| in_words(&error))?;
                self.write(*size, content, &file)?;
                self.top.entry(path)?
            }
            Kind::Link(target) => self.top.link(path, target).map_err(|error| in_words(&error))?,
            Kind::Pipe => self.top.node(path, SFlag::S_IFIFO, 0, 0o600).map_err(|error| in_words(&error))?,
            Kind::Node(kind, device) => match self.top.node(path, *kind, *device, 0o600) {
                Err(error) if error.raw_os_error() == Some(Errno::EPERM as i32) => {
                    self.lost.nodes += 1;
                    return self.leave_out(path);
                }
                made => made.map_err(|error| in_words(&error))?,
            },
            Kind::Directory | Kind::Same(_) | Kind::Socket => bail!("a member of another kind"),
        };
        self.finish_entry(item, &made)
    }

    /// Writes a file, and leaves holes where it has nothing but zeros: a file of 100 GiB may be one of holes.
    fn write(&self, size: u64, content: &mut dyn Read, mut file: &File) -> Result<()> {
        let mut buffer = vec![0; 1 << 16];
        let mut left = size;
        while left > 0 {
            self.check_signals()?;
            let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            let chunk = fill(content, &mut buffer[..most]).context("reading its content")?;
            ensure!(chunk == most, "it is cut off: {left} of {size} bytes are missing");
            match buffer[..chunk].iter().all(|byte| *byte == 0) {
                true => drop(file.seek(SeekFrom::Current(chunk as i64))?),
                false => file.write_all(&buffer[..chunk])?,
            }
            left -= chunk as u64;
        }
        Ok(file.set_len(size)?)
    }

    /// Sets what belongs to a file: owner, attributes, mode, time.
    fn finish_entry(&mut self, item: &Item, made: &Entry) -> Result<()> {
        let (uid, gid) = self.own(item, made)?;
        let is_link = made.is(SFlag::S_IFLNK);
        for (name, value) in item.attributes.iter().filter(|_| !is_link) {
            let is_capability = name == xattr::CAPABILITY;
            match xattr::is_taken(name) {
                true if xattr::set(made, name, value).is_ok() => {
                    self.lost.kept.capabilities += usize::from(is_capability)
                }
                _ if is_capability => self.lost.capabilities += 1,
                _ => self.lost.attribute(name),
            }
        }
        if !is_link {
            made.set_mode(self.mode(item, made, uid, gid))?;
        }
        let time = TimeSpec::new(item.changed.0, item.changed.1);
        let path = made.path();
        // Through the link of proc(5), which leads to this file itself, also where that is a link. A time that the
        // file system can't hold is no reason to give up.
        let _ = utimensat(nix::fcntl::AT_FDCWD, &path, &time, &time, UtimensatFlags::FollowSymlink);
        Ok(())
    }

    /// Gives the file to its owner, and says whether user and group are the right ones.
    fn own(&mut self, item: &Item, made: &Entry) -> Result<(bool, bool)> {
        let refused = |error: &io::Error| {
            [Some(Errno::EPERM as i32), Some(Errno::EINVAL as i32)].contains(&error.raw_os_error())
        };
        match made.set_owner(item.uid, item.gid) {
            Err(error) if refused(&error) => {
                self.lost.owners += 1;
                let stat = &made.stat;
                Ok((stat.st_uid == item.uid, stat.st_gid == item.gid))
            }
            given => given.map(|()| (true, true)).context("chown(2)"),
        }
    }

    /// The mode without the bits that would give another user's rights than the archive's.
    fn mode(&mut self, item: &Item, made: &Entry, uid: bool, gid: bool) -> u32 {
        // Set-group-ID on a directory gives no rights.
        let gives = if made.is(SFlag::S_IFREG) { item.mode & (libc::S_ISUID | libc::S_ISGID) } else { 0 };
        let lost = gives & ((u32::from(!uid) * libc::S_ISUID) | (u32::from(!gid) * libc::S_ISGID));
        self.lost.set_ids += usize::from(lost != 0);
        self.lost.kept.set_ids += usize::from(gives & !lost != 0);
        self.lost.kept.nodes += usize::from(made.is(SFlag::S_IFBLK) || made.is(SFlag::S_IFCHR));
        item.mode & !lost
    }

    /// Sets owner, mode and time of the directories, the deepest first. What no member has told of is 0755.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn finish(mut self) -> Result<Unpacked> {
        let directories = std::mem::take(&mut self.directories);
        for (path, item) in directories.iter().rev() {
            self.check_signals()?;
            let shown = || shown(path.as_os_str().as_bytes());
            let made = self.top.below(path).and_then(Directory::into_entry).with_context(shown)?;
            self.finish_entry(item, &made).with_context(shown)?;
        }
        Ok(Unpacked { bytes: self.budget.bytes, entries: self.budget.entries, lost: self.lost })
    }

    /// The top.
    pub(super) fn top(&self) -> &Directory {
        &self.top
    }

    /// Whether a signal has come.
    ///
    /// # Errors
    /// That one.
    pub(super) fn check_signals(&self) -> Result<()> {
        self.watch.check()
    }
}

/// What was unpacked.
pub(super) struct Unpacked {
    /// The bytes of all files.
    pub bytes: u64,
    /// The members.
    pub entries: u64,
    /// What could not be as it is in the archive.
    pub lost: Lost,
}

/// Reads until the buffer is full or the content ends.
fn fill(content: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut full = 0;
    while full < buffer.len() {
        match content.read(&mut buffer[full..]) {
            Ok(0) => break,
            Ok(read) => full += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(full)
}

/// An error of a path that other members have made.
fn in_words(error: &io::Error) -> anyhow::Error {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ELOOP) => anyhow::anyhow!("its path goes through a link, and none is followed"),
        Some(Errno::ENOTDIR) => anyhow::anyhow!("its path goes through a file"),
        Some(Errno::ENOTEMPTY) => {
            anyhow::anyhow!("a directory that holds something is replaced by something else")
        }
        Some(errno) => anyhow::anyhow!("{}", errno.desc()),
        None => anyhow::anyhow!("{error}"),
    }
}
