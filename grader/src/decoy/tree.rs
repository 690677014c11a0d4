//! The decoy's file tree: programs and libraries of the machine read-only, everything else made up.
//!
//! ```text
//! /usr /bin /sbin /lib*    the machine's, read-only, nosuid
//! /etc                     made up
//! /dev                     six devices of the machine's, and sda: the decoy disk
//! /canary /canary.open     files outside the rootfs, with a random word
//! /srv/rootfs              a copy of the root file system, with the probe in it
//! /srv/read only           the same directory, read-only
//! ...                      a copy of the program under test, where it was
//! ```
//! As root the tree is built outside, on a tmpfs of the initial user namespace: only there can the disk have a
//! node that works. An ordinary user's decoy builds it inside.

use super::Plan;
use super::changes::{self, Files};
use super::ids::Ids;
use super::image;
use super::secrets::Secrets;
use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::libc;
use nix::mount::{MntFlags, MsFlags, mount as mount_at, umount2};
use nix::unistd::geteuid;
use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};

/// Where the rootfs stands in the decoy.
pub const ROOTFS: &str = "/srv/rootfs";

/// The same directory on a read-only file system; the name has a space in it.
pub const READ_ONLY: &str = "/srv/read only";

/// A link to that, without a space.
pub const READ_ONLY_WITHOUT_SPACE: &str = "/srv/read-only";

/// A link to [`ROOTFS`], with a space.
pub const ROOTFS_WITH_SPACE: &str = "/srv/root fs";

/// The victim's program.
pub const VICTIM: &str = "/srv/victim";

/// More than this is not copied into memory for every trial.
const LARGEST: u64 = 256 << 20;

const NONE: Option<&str> = None;

/// Directories of the machine that the decoy shows, where they exist.
const MACHINE: [&str; 7] = ["usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"];

/// Devices that harm nobody.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

/// A tree that the grader, as root, has built: it outlives its decoy, and serves for the next one if nothing in it
/// has changed.
pub struct Tree {
    directory: PathBuf,
    name: String,
    files: Files,
}

impl Tree {
    /// Builds it on `plan.stage`.
    pub fn build(plan: &Plan, secrets: &Secrets, ids: &Ids) -> Result<Tree> {
        mount(plan.stage).context("mounting the decoy's root")?;
        let mut tree = Tree { directory: plan.stage.into(), name: secrets.name.clone(), files: Files::new() };
        build(plan, secrets, ids).context("building the decoy's file tree")?;
        tree.files = changes::files_of(&[plan.stage])?;
        Ok(tree)
    }

    /// Gives it other words and names, once its decoy has ended. False where it is not as it was built.
    pub fn renew(&mut self, secrets: &Secrets) -> Result<bool> {
        let root = &self.directory;
        if !changes::put_away(changes::files_of(&[root])?, &self.files)? {
            return Ok(false);
        }
        for (file, word) in words(secrets) {
            fs::write(root.join(file), word)?;
        }
        let rootfs = root.join(&ROOTFS[1..]);
        for what in ["probe", "setuid", "node"] {
            let from = rootfs.join(format!("{what}-{}", self.name));
            if fs::symlink_metadata(&from).is_ok() {
                fs::rename(from, rootfs.join(format!("{what}-{}", secrets.name)))?;
            }
        }
        self.name.clone_from(&secrets.name);
        self.files = changes::files_of(&[root])?;
        Ok(true)
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = umount2(&self.directory, MntFlags::MNT_DETACH);
    }
}

/// The files that hold random words.
fn words(secrets: &Secrets) -> [(&'static str, String); 3] {
    let canary = || secrets.at("canary").to_owned();
    let hostname = format!("decoy-{}", secrets.at("hostname"));
    [("etc/hostname", hostname), ("canary", canary()), ("canary.open", canary())]
}

/// The tmpfs that the tree is built on: without `nodev`, since the disk's node must work, and without `nosuid`,
/// since set-user-ID files are an attempt's tools.
pub fn mount(stage: &Path) -> Result<()> {
    mount_at(Some("decoy"), stage, Some("tmpfs"), MsFlags::empty(), Some("mode=755,size=384m,nr_inodes=100k"))
        .context("mount(2) of a tmpfs")
}

/// Builds the tree on `plan.stage`.
pub fn build(plan: &Plan, secrets: &Secrets, ids: &Ids) -> Result<()> {
    // Inside a user namespace every new file belongs to its root by itself.
    let copy = Copy { ids: geteuid().is_root().then_some(*ids).filter(|ids| ids.count > 1) };
    let root = plan.stage;
    for directory in
        ["etc", "dev", "dev/pts", "dev/shm", "proc", "sys", "run", "root", "tmp", "var", "var/tmp", "srv"]
    {
        fs::create_dir(root.join(directory)).with_context(|| format!("mkdir /{directory}"))?;
    }
    for open in ["tmp", "var/tmp", "dev/shm"] {
        fs::set_permissions(root.join(open), fs::Permissions::from_mode(0o1777))?;
    }
    let fixed = [
        ("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"),
        ("etc/group", "root:x:0:\nnogroup:x:65534:\n"),
        ("etc/hosts", "127.0.0.1 localhost\n"),
    ];
    for (file, text) in fixed.map(|(file, text)| (file, text.to_owned())).into_iter().chain(words(secrets)) {
        let mode = if file == "canary" { 0o600 } else { 0o644 };
        fs::write(root.join(file), text).with_context(|| format!("writing /{file}"))?;
        fs::set_permissions(root.join(file), fs::Permissions::from_mode(mode))?;
    }
    // Some machines keep the way to a program or library here: hundreds of links in the one.
    if fs::exists("/etc/ld.so.cache")? {
        copy.tree(Path::new("/etc/ld.so.cache"), &root.join("etc/ld.so.cache"), None)?;
    }
    for name in MACHINE.into_iter().chain(["etc/alternatives"]) {
        machine_directory(root, name)?;
    }
    for name in DEVICES {
        bind_device(&root.join("dev").join(name), &format!("/dev/{name}"))?;
    }
    symlink("pts/ptmx", root.join("dev/ptmx"))?;
    symlink("/proc/self/fd", root.join("dev/fd"))?;

    let rootfs = root.join(&ROOTFS[1..]);
    copy.tree(plan.rootfs, &rootfs, Some(LARGEST)).context("copying the root file system")?;
    let probe = rootfs.join(format!("probe-{}", secrets.name));
    fs::copy(plan.probe, &probe).context("copying the probe")?;
    fs::set_permissions(&probe, fs::Permissions::from_mode(0o755))?;
    let setuid = rootfs.join(format!("setuid-{}", secrets.name));
    fs::copy(plan.probe, &setuid).context("copying the probe")?;
    copy.set_user_id(&setuid)?;
    fs::copy(plan.probe, root.join(&VICTIM[1..])).context("copying the victim")?;
    if let Some(disk) = plan.disk {
        disk.device.node_at(&root.join("dev/sda"))?;
        let _ = fs::create_dir(rootfs.join("dev"));
        let _ = fs::remove_file(rootfs.join("dev/sda"));
        disk.device.node_at(&rootfs.join("dev/sda"))?;
        // One that no new /dev covers.
        disk.device.node_at(&rootfs.join(format!("node-{}", secrets.name)))?;
    }
    if let Some(ext4) = plan.ext4 {
        ext4.mount_at(root, &rootfs.join(format!("ext4-{}", secrets.name)))?;
    }
    if let Some(link) = &plan.image {
        image::prepare(root, link).context("preparing the image")?;
    }
    for (from, to) in plan.files {
        let to = root.join(to.strip_prefix("/").unwrap_or(to));
        fs::create_dir_all(to.parent().unwrap_or(root))?;
        copy.tree(from, &to, Some(LARGEST)).with_context(|| format!("copying {}", from.display()))?;
    }
    // The person may have called a program that lies elsewhere.
    let cwd = root.join(plan.cwd.strip_prefix("/").unwrap_or(plan.cwd));
    fs::create_dir_all(&cwd).with_context(|| format!("mkdir {}", plan.cwd.display()))?;
    copy.give(root)
}

/// Shows a directory of the machine read-only, or repeats the link that stands in its place.
fn machine_directory(root: &Path, name: &str) -> Result<()> {
    let (from, to) = (Path::new("/").join(name), root.join(name));
    let Ok(kind) = fs::symlink_metadata(&from) else { return Ok(()) };
    if kind.is_symlink() {
        symlink(fs::read_link(&from)?, &to)?;
    } else if kind.is_dir() {
        fs::create_dir(&to)?;
        mount_at(Some(&from), &to, NONE, MsFlags::MS_BIND | MsFlags::MS_REC, NONE)
            .with_context(|| format!("binding {}", from.display()))?;
        set_attributes(&to, libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID)
            .with_context(|| format!("making {} read-only", from.display()))?;
    }
    Ok(())
}

fn bind_device(at: &Path, device: &str) -> Result<()> {
    if !fs::exists(device)? {
        return Ok(());
    }
    fs::File::create(at)?;
    mount_at(Some(device), at, NONE, MsFlags::MS_BIND, NONE).with_context(|| format!("binding {device}"))
}

/// mount_setattr(2), recursively.
pub(super) fn set_attributes(path: &Path, attributes: u64) -> nix::Result<()> {
    let path = CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)?;
    let change = libc::mount_attr { attr_set: attributes, attr_clr: 0, propagation: 0, userns_fd: 0 };
    // SAFETY: the path ends in NUL, the structure has the size that is given, and both outlive the call.
    let answer = unsafe {
        let flags = libc::AT_RECURSIVE;
        let size = size_of_val(&change);
        libc::syscall(libc::SYS_mount_setattr, libc::AT_FDCWD, path.as_ptr(), flags, &change, size)
    };
    Errno::result(answer).map(drop)
}

/// Copies trees and gives the copies to the decoy's ids.
struct Copy {
    ids: Option<Ids>,
}

impl Copy {
    /// Copies a file or a tree: directories, regular files and symbolic links. What belongs to the owner of
    /// its top belongs to the decoy's root afterwards. `most`: the bytes that may be copied.
    fn tree(&self, from: &Path, to: &Path, most: Option<u64>) -> Result<()> {
        let top = fs::metadata(from).with_context(|| from.display().to_string())?;
        let mut left = most.unwrap_or(LARGEST);
        self.entry(from, to, (top.uid(), top.gid()), &mut left)
    }

    fn entry(&self, from: &Path, to: &Path, owner: (u32, u32), left: &mut u64) -> Result<()> {
        let it = fs::symlink_metadata(from).with_context(|| from.display().to_string())?;
        if it.is_symlink() {
            symlink(fs::read_link(from)?, to)?;
        } else if it.is_dir() {
            if !to.is_dir() {
                fs::create_dir(to)?;
            }
            for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
                let name = entry?.file_name();
                self.entry(&from.join(&name), &to.join(&name), owner, left)?;
            }
        } else if it.is_file() {
            let Some(rest) = left.checked_sub(it.len()) else {
                bail!("it is larger than {} MiB, and every trial has a copy of its own", LARGEST >> 20);
            };
            *left = rest;
            fs::copy(from, to).with_context(|| from.display().to_string())?;
        } else {
            return Ok(());
        }
        if let Some(ids) = self.ids {
            let root_or = |id: u32, top: u32| ids.outside(if id == top { 0 } else { id });
            let (uid, gid) = (root_or(it.uid(), owner.0), root_or(it.gid(), owner.1));
            // Whose id has no number here, in a container or a user namespace, is root's.
            let root = ids.outside(0);
            lchown(to, Some(uid), Some(gid)).or_else(|_| lchown(to, Some(root), Some(root)))?;
        }
        if !it.is_symlink() {
            // chown(2) takes the set-user-ID bit off, and mkdir(2) the umask.
            fs::set_permissions(to, fs::Permissions::from_mode(it.mode() & 0o7777))?;
        }
        Ok(())
    }

    /// Makes a program run with the rights of the decoy's root, whoever starts it.
    fn set_user_id(&self, path: &Path) -> Result<()> {
        if let Some(ids) = self.ids {
            lchown(path, Some(ids.outside(0)), Some(ids.outside(0)))?;
        }
        // chown(2) takes the bit off.
        fs::set_permissions(path, fs::Permissions::from_mode(0o4755))?;
        Ok(())
    }

    /// Gives what was made up to the decoy's root. What was copied belongs to it already; what is mounted
    /// there, and the disk's nodes, belong to the machine.
    fn give(&self, path: &Path) -> Result<()> {
        let Some(ids) = self.ids else { return Ok(()) };
        let root = ids.outside(0);
        let tree = fs::symlink_metadata(path)?.dev();
        for entry in fs::read_dir(path)? {
            let path = entry?.path();
            let it = fs::symlink_metadata(&path)?;
            if it.dev() == tree && it.uid() == 0 && !it.file_type().is_block_device() {
                if it.is_dir() {
                    self.give(&path)?;
                }
                lchown(&path, Some(root), Some(root))?;
                if !it.is_symlink() && it.mode() & 0o6000 != 0 {
                    fs::set_permissions(&path, fs::Permissions::from_mode(it.mode() & 0o7777))?;
                }
            }
        }
        lchown(path, Some(root), Some(root))?;
        Ok(())
    }
}
