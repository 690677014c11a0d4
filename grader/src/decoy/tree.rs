//! The decoy's file tree: programs and libraries of the machine read-only, everything else made up.
//!
//! ```text
//! /usr /bin /sbin /lib*    the machine's, read-only, nosuid
//! /etc                     made up
//! /dev                     six devices of the machine's, and sda: the decoy disk
//! /canary /canary.open     files outside the rootfs, with a random word
//! /srv/rootfs              a copy of the root file system
//! /srv/read only           the same directory, read-only
//! ...                      a copy of the program under test, where it was
//! ```
//! Nothing of it is made by name: every path is resolved below the tree's root, or below the rootfs's, by the kernel
//! ([`crate::beneath`]). A link that came with a submission or a rootfs leads nowhere else.
//!
//! As root the tree is built outside, on a tmpfs of the initial user namespace: only there can the disk have a
//! node that works. An ordinary user's decoy builds it inside.

use super::Plan;
use super::changes::{self, Files};
use super::disk::Disk;
use super::ids::Ids;
use super::layout::{READ_ONLY, ROOTFS, SPACED_NAMES, VICTIM};
use super::secrets::Secrets;
use super::{image, machine};
use crate::beneath::{Copy, Directory, Entry, Size};
use crate::report::DecoyKind;
use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::libc;
use nix::mount::{MntFlags, MsFlags, mount as mount_at, umount2};
use nix::sys::stat::SFlag;
use nix::unistd::geteuid;
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// More than this is not copied into memory for every trial, of a program's files.
const MAX_BYTES: u64 = 256 << 20;

/// What there is room for beside the root file system.
const ROOM: Size = Size { bytes: 384 << 20, files: 100_000 };

const NONE: Option<&str> = None;

/// Directories that are made in every decoy, and those in which everybody may write.
const DIRECTORIES: [&str; 12] =
    ["etc", "dev", "dev/pts", "dev/shm", "proc", "sys", "run", "root", "tmp", "var", "var/tmp", "srv"];
const OPEN: [&str; 3] = ["tmp", "var/tmp", "dev/shm"];

/// Files that are the same in every decoy.
const FIXED: [(&str, &str); 3] = [
    ("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"),
    ("etc/group", "root:x:0:\nnogroup:x:65534:\n"),
    ("etc/hosts", "127.0.0.1 localhost\n"),
];

/// A tree that the grader, as root, has built: it outlives its decoy, and serves for the next one if nothing in it
/// has changed.
pub struct Tree {
    stage: PathBuf,
    root: Directory,
    name: String,
    files: Files,
}

impl Tree {
    /// Builds it on `plan.stage`.
    pub fn build(plan: &Plan, secrets: &Secrets, ids: &Ids) -> Result<Tree> {
        let rootfs =
            Size::of(&Directory::open(plan.rootfs)?.into_entry()?).context("the root file system")?;
        mount(plan.stage, rootfs).context("mounting the decoy's root")?;
        let root = Directory::open(plan.stage).context("the decoy's root")?;
        let (stage, name) = (plan.stage.into(), secrets.name.clone());
        let mut tree = Tree { stage, root, name, files: Files::new() };
        build(plan, secrets, ids).context("building the decoy's file tree")?;
        tree.files = changes::files_of(&tree.root)?;
        Ok(tree)
    }

    /// Its top directory.
    pub fn root(&self) -> &Directory {
        &self.root
    }

    /// Gives it other words and names, once its decoy has ended. False where it is not as it was built.
    pub fn renew(&mut self, secrets: &Secrets) -> Result<bool> {
        let root = &self.root;
        let Ok(found) = changes::files_of(root) else { return Ok(false) };
        if !changes::put_away(root, found, &self.files)? {
            return Ok(false);
        }
        for (file, word) in words(secrets) {
            root.rewrite(file)?.write_all(word.as_bytes())?;
        }
        let rootfs = root.below(ROOTFS)?;
        for what in ["setuid", "node"] {
            match rootfs.rename(format!("{what}-{}", self.name), &rootfs, format!("{what}-{}", secrets.name))
            {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                renamed => renamed?,
            }
        }
        self.name.clone_from(&secrets.name);
        self.files = changes::files_of(root)?;
        Ok(true)
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = umount2(&self.stage, MntFlags::MNT_DETACH);
        let _ = umount2(&self.stage.join(machine::PLACE), MntFlags::MNT_DETACH);
    }
}

/// The files that hold random words.
fn words(secrets: &Secrets) -> [(&'static str, String); 3] {
    let canary = || secrets.at("canary").to_owned();
    let hostname = secrets.at("hostname").to_owned();
    [("etc/hostname", hostname), ("canary", canary()), ("canary.open", canary())]
}

/// The tmpfs that the tree is built on: without `nodev`, since the disk's node must work, and without `nosuid`,
/// since set-user-ID files are an attempt's tools. It has room for a root file system of this size, and more.
pub fn mount(stage: &Path, rootfs: Size) -> Result<()> {
    let (bytes, files) = (ROOM.bytes + rootfs.bytes, ROOM.files + rootfs.files);
    let options = format!("mode=755,size={bytes},nr_inodes={files}");
    mount_at(Some("decoy"), stage, Some("tmpfs"), MsFlags::empty(), Some(options.as_str()))
        .context("mount(2) of a tmpfs")
}

/// Whether the decoy has something of its own, or of the machine's, at this absolute path: nothing is copied there.
pub fn shows(path: &Path) -> bool {
    let below = |place: &&str| path.starts_with(Path::new("/").join(place));
    machine::DIRECTORIES.iter().chain(&["dev/pts", "proc", "sys"]).any(below)
        || ["/etc/ld.so.cache", "/etc/hostname"].iter().any(|file| path == Path::new(file))
        || FIXED.iter().any(|(file, _)| path == Path::new("/").join(file))
        || machine::FILES.iter().any(|name| path == Path::new("/").join(name))
}

/// Whether the rootfs has other names in a program's working directory. Where everybody looks for files it has them already, and
/// the machine's own directories are read-only.
pub fn has_names_of_its_own(cwd: &Path) -> bool {
    ![Path::new("/"), Path::new("/srv")].contains(&cwd) && !shows(cwd)
}

/// Builds the tree on `plan.stage`.
pub fn build(plan: &Plan, secrets: &Secrets, ids: &Ids) -> Result<()> {
    let root = &Directory::open(plan.stage).context("the decoy's root")?;
    // Inside a user namespace every new file belongs to its root by itself.
    let make = Make { ids: geteuid().is_root().then_some(*ids).filter(|ids| ids.count > 1) };
    make.give(|uid, gid| root.set_owner(uid, gid))?;
    for name in DIRECTORIES {
        let mode = if OPEN.contains(&name) { 0o1777 } else { 0o755 };
        make.directory(root, name, mode).with_context(|| format!("mkdir /{name}"))?;
    }
    let fixed = FIXED.map(|(file, text)| (file, text.to_owned()));
    for (file, text) in fixed.into_iter().chain(words(secrets)) {
        let mode = if file == "canary" { 0o600 } else { 0o644 };
        make.file(root, file, mode, text.as_bytes()).with_context(|| format!("writing /{file}"))?;
    }
    // Some machines keep the way to a program or library here: hundreds of links in the one.
    if let Ok(cache) = fs::File::open("/etc/ld.so.cache") {
        make.file(root, "etc/ld.so.cache", 0o644, cache).context("copying /etc/ld.so.cache")?;
    }
    let is_user = plan.kind == DecoyKind::User;
    let beside = is_user.then(|| machine::make_place(plan.stage)).transpose()?;
    make.machine(root, beside.as_ref())?;
    make.link(root, "dev/ptmx", "pts/ptmx")?;
    make.link(root, "dev/fd", "/proc/self/fd")?;

    // Whether it may be copied has been asked before (rootfs::check); the file system has room for what was measured.
    make.copy(&Directory::open(plan.rootfs)?.into_entry()?, root, Path::new(ROOTFS), None)
        .context("copying the root file system")?;
    let rootfs = &root.below(ROOTFS)?;
    // Any program will do: after its execution only its user counts.
    let program = || fs::File::open(plan.victim).context("the victim's program");
    make.file(rootfs, &format!("setuid-{}", secrets.name), 0o4755, program()?)
        .context("copying a set-user-ID program")?;
    make.file(root, VICTIM, 0o755, program()?).context("copying the victim")?;
    if let Some(disk) = plan.disk {
        // A real disk is root's, and the decoy's root is not the owner.
        let reader = is_user.then(|| ids.outside(0));
        make.nodes(disk, reader, root, &secrets.name)?;
    }
    if let Some(ext4) = plan.ext4 {
        ext4.mount_at(root, rootfs, &format!("ext4-{}", secrets.name))?;
    }
    if let Some(link) = &plan.image {
        let give = |made: &Directory| make.give(|uid, gid| made.set_owner(uid, gid));
        image::prepare(root, link, &give).context("preparing the image")?;
    }
    for (from, to) in plan.files {
        // What has been exchanged for a link since it was found is not copied.
        let copied = || make.copy(&Entry::at_real_path(from)?, root, to, Some(MAX_BYTES));
        copied().with_context(|| format!("copying {}", from.display()))?;
    }
    // The person may have called a program that lies elsewhere; where the machine shows it, it is there.
    if root.below(plan.cwd).is_err() {
        make.directories(root, plan.cwd).with_context(|| format!("mkdir {}", plan.cwd.display()))?;
    }
    if has_names_of_its_own(plan.cwd) {
        make.names(&root.below(plan.cwd)?).with_context(|| plan.cwd.display().to_string())?;
    }
    Ok(())
}

/// mount_setattr(2), recursively.
pub(super) fn set_attributes(directory: &Directory, attributes: u64) -> nix::Result<()> {
    let change = libc::mount_attr { attr_set: attributes, attr_clr: 0, propagation: 0, userns_fd: 0 };
    let flags = libc::AT_RECURSIVE | libc::AT_EMPTY_PATH;
    let fd = directory.as_fd().as_raw_fd();
    // SAFETY: the path ends in NUL, the structure has the size that is given, and both outlive the call.
    let answer = unsafe {
        libc::syscall(libc::SYS_mount_setattr, fd, c"".as_ptr(), flags, &change, size_of_val(&change))
    };
    Errno::result(answer).map(drop)
}

/// Makes what is in the tree, and gives it to the decoy's ids.
struct Make {
    ids: Option<Ids>,
}

impl Make {
    /// Gives something to the decoy's root.
    fn give(&self, set: impl FnOnce(u32, u32) -> io::Result<()>) -> io::Result<()> {
        self.ids.map_or(Ok(()), |ids| set(ids.outside(0), ids.outside(0)))
    }

    fn directory(&self, at: &Directory, path: &str, mode: u32) -> io::Result<Directory> {
        let made = at.make(path, mode)?;
        self.give(|uid, gid| made.set_owner(uid, gid))?;
        Ok(made)
    }

    /// A directory with those above it, each made where it is missing.
    fn directories(&self, at: &Directory, path: &Path) -> io::Result<Directory> {
        at.make_all(path, 0o755, |made| self.give(|uid, gid| made.set_owner(uid, gid)))
    }

    fn file(&self, at: &Directory, path: &str, mode: u32, mut content: impl Read) -> io::Result<()> {
        let mut file = at.create(path, mode)?;
        io::copy(&mut content, &mut file)?;
        self.give(|uid, gid| std::os::unix::fs::fchown(&file, Some(uid), Some(gid)))?;
        // chown(2) takes the set-user-ID bit off, and so does write(2).
        file.set_permissions(fs::Permissions::from_mode(mode))
    }

    fn link(&self, at: &Directory, path: &str, target: impl AsRef<Path>) -> io::Result<()> {
        let made = at.link(path, target)?;
        self.give(|uid, gid| made.set_owner(uid, gid))
    }

    /// Gives the rootfs its names in a program's working directory. What is there already stays.
    fn names(&self, here: &Directory) -> io::Result<()> {
        for (name, of) in SPACED_NAMES.into_iter().zip([ROOTFS, READ_ONLY]) {
            match self.link(here, name, of) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                made => made?,
            }
        }
        Ok(())
    }

    /// Makes the disk's nodes in `/dev`, in that of the rootfs, and where no new `/dev` covers it.
    fn nodes(&self, disk: &Disk, reader: Option<u32>, root: &Directory, name: &str) -> Result<()> {
        let rootfs = &root.below(ROOTFS)?;
        disk.device.node_at(root, "dev/sda", reader)?;
        let dev = self.place(rootfs, "dev")?;
        match dev.remove("sda") {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error).context("its dev/sda"),
            _ => disk.device.node_at(&dev, "sda", reader)?,
        };
        disk.device.node_at(rootfs, &format!("node-{name}"), reader).map(drop)
    }

    /// Shows what it shows of the machine; `beside` the tree, where that is given.
    fn machine(&self, root: &Directory, beside: Option<&Directory>) -> Result<()> {
        for name in machine::DIRECTORIES {
            self.machine_directory(root, beside, name)?;
        }
        machine::FILES.into_iter().try_for_each(|name| self.device(root, beside, name))
    }

    /// Shows a directory of the machine read-only, or repeats the link that stands in its place.
    fn machine_directory(&self, root: &Directory, beside: Option<&Directory>, name: &str) -> Result<()> {
        let from = Path::new("/").join(name);
        let Ok(kind) = fs::symlink_metadata(&from) else { return Ok(()) };
        if kind.is_symlink() {
            self.link(root, name, fs::read_link(&from)?)?;
        } else if kind.is_dir() {
            let mut place = self.directory(root, name, 0o755)?;
            if let Some(beside) = beside {
                place = self.directories(beside, Path::new(name))?;
            }
            mount_at(Some(&from), &place.path(), NONE, MsFlags::MS_BIND | MsFlags::MS_REC, NONE)
                .with_context(|| format!("binding {}", from.display()))?;
            set_attributes(
                &beside.unwrap_or(root).below(name)?,
                libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID,
            )
            .with_context(|| format!("making {} read-only", from.display()))?;
        }
        Ok(())
    }

    /// Binds a device of the machine.
    fn device(&self, root: &Directory, beside: Option<&Directory>, name: &str) -> Result<()> {
        let device = Path::new("/").join(name);
        if !fs::exists(&device)? {
            return Ok(());
        }
        self.file(root, name, 0o644, io::empty())?;
        if let Some(beside) = beside {
            self.directories(beside, Path::new("dev"))?;
            self.file(beside, name, 0o644, io::empty())?;
        }
        let place = beside.unwrap_or(root).entry(name)?;
        mount_at(Some(&device), &place.path(), NONE, MsFlags::MS_BIND, NONE)
            .with_context(|| format!("binding {}", device.display()))
    }

    /// A directory of the rootfs as its programs find it, made where it is missing.
    fn place(&self, rootfs: &Directory, name: &str) -> Result<Directory> {
        match place(rootfs, name)? {
            Some(found) => Ok(found),
            None => {
                self.directory(rootfs, name, 0o755).with_context(|| format!("mkdir /{name} in the rootfs"))
            }
        }
    }

    /// Copies a file or a tree. What belongs to the owner of its top belongs to the decoy's root afterwards. With `most`
    /// bytes it is a program's, and comes without dot directories.
    fn copy(&self, from: &Entry, root: &Directory, to: &Path, most: Option<u64>) -> Result<()> {
        let top = (from.stat.st_uid, from.stat.st_gid);
        let owner = self.ids.map(|ids| {
            let root_or = move |id: u32, top: u32| ids.outside(if id == top { 0 } else { id });
            move |uid, gid| (root_or(uid, top.0), root_or(gid, top.1))
        });
        let id = self.ids.map_or(0, |ids| ids.outside(0));
        let owner = owner.as_ref().map(|owner| owner as &dyn Fn(u32, u32) -> (u32, u32));
        let mut copy = Copy {
            left: most.unwrap_or(u64::MAX),
            without_dot_directories: most.is_some(),
            owner,
            root: (id, id),
        };
        let parent = self.directories(root, to.parent().context("it has no name")?)?;
        copy.entry(from, &parent, to.file_name().context("it has no name")?.as_ref())
    }
}

/// A directory of the rootfs as its programs find it: where it is a link, the one that it leads to within. None where
/// there is nothing of that name.
pub(super) fn place(rootfs: &Directory, name: &str) -> Result<Option<Directory>> {
    let why = match (rootfs.in_root(name), rootfs.entry(name)) {
        (Ok(found), _) if is_same(&found, rootfs)? => "is a link that leads to its root",
        (Ok(found), _) => return Ok(Some(found)),
        (_, Err(error)) if error.kind() == ErrorKind::NotFound => return Ok(None),
        (_, Ok(it)) if it.is(SFlag::S_IFLNK) => "is a link that leads to no directory in it",
        (_, Ok(it)) if !it.is(SFlag::S_IFDIR) => "is no directory",
        (Err(error), _) => return Err(error).with_context(|| format!("/{name} of the root file system")),
    };
    bail!("/{name} of the root file system {why}");
}

fn is_same(one: &Directory, other: &Directory) -> io::Result<bool> {
    let id = |it: &Directory| it.stat().map(|stat| (stat.st_dev, stat.st_ino));
    Ok(id(one)? == id(other)?)
}
