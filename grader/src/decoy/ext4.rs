//! A small ext4 file system of the host's, of which the container gets one directory as a volume. The canary in
//! the file system's top directory has a random word of its own: no path in the container leads there.

use super::loop_device::LoopDevice;
use crate::beneath::Directory;
use crate::interrupts::as_by_default;
use crate::random::random_word;
use anyhow::{Context, Result, bail};
use nix::mount::{MsFlags, mount};
use nix::sys::memfd::{MFdFlags, memfd_create};
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::{Command, Stdio};

/// Where the host has mounted it.
const HOME: &str = "srv/ext4";
/// Its node, for the moment in which it is mounted.
const NODE: &str = "srv/ext4-disk";
/// The directory in it that is the volume.
const VOLUME: &str = "volume";
/// The size of it, in bytes.
const SIZE: u64 = 1 << 20;

const NONE: Option<&str> = None;

/// The file system, on a loop device, there for as long as this lives.
pub struct Ext4 {
    /// The word in its canary.
    pub word: String,
    device: LoopDevice,
}

impl Ext4 {
    /// Makes one with mkfs.ext4(8). Needs real root; `scratch` is a directory on a file system that allows device
    /// nodes.
    pub fn make(scratch: &Path) -> Result<Ext4> {
        let word = random_word(16)?;
        let image = File::from(memfd_create("decoy-ext4", MFdFlags::MFD_CLOEXEC).context("memfd_create(2)")?);
        image.set_len(SIZE)?;
        let content = scratch.join("ext4");
        let scratch_directory = Directory::open(scratch).with_context(|| scratch.display().to_string())?;
        let home = scratch_directory.make("ext4", 0o755).with_context(|| content.display().to_string())?;
        home.make(VOLUME, 0o755)?;
        for name in ["canary", "canary.open"] {
            home.create(name, 0o644)?.write_all(word.as_bytes())?;
        }
        let made = make_file_system(&content, &image);
        scratch_directory.remove_all("ext4")?;
        made?;
        Ok(Ext4 { word, device: LoopDevice::bind(&image, scratch)? })
    }

    /// The device number of the file system.
    pub fn number(&self) -> u64 {
        self.device.device_number()
    }

    /// Mounts it in a decoy's tree, and its volume on a new directory of the rootfs, of this name.
    pub fn mount_at(&self, root: &Directory, rootfs: &Directory, name: &str) -> Result<()> {
        let home = root.make(HOME, 0o755).context(HOME)?;
        let node = self.device.node_at(root, NODE, None)?;
        let mounted = mount(Some(&node.path()), &home.path(), Some("ext4"), MsFlags::MS_RDONLY, NONE);
        root.remove(NODE).context(NODE)?;
        mounted.context("mounting an ext4 file system")?;
        let volume = root.below(Path::new(HOME).join(VOLUME)).context("its volume")?;
        let place = rootfs.make(name, 0o755).context("its volume's place")?;
        mount(Some(&volume.path()), &place.path(), NONE, MsFlags::MS_BIND, NONE).context("binding its volume")
    }
}

/// Fills an image with a file system that has this content.
fn make_file_system(content: &Path, image: &File) -> Result<()> {
    // It is root's tool: the path of whoever called sudo may not lead there.
    let path = std::env::var("PATH").unwrap_or_default();
    let mut mkfs = Command::new("mkfs.ext4");
    as_by_default(&mut mkfs);
    let done = mkfs
        .env("PATH", format!("{path}:/usr/sbin:/sbin"))
        // Small and read-only: it needs no journal, and few inodes.
        .args(["-q", "-F", "-b", "1024", "-N", "16", "-O", "^has_journal", "-d"])
        .arg(content)
        .arg(format!("/proc/{}/fd/{}", std::process::id(), image.as_raw_fd()))
        .stdin(Stdio::null())
        .output();
    match done {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => bail!("mkfs.ext4: {}", String::from_utf8_lossy(&output.stderr).trim()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            bail!("mkfs.ext4 is not installed; it is in the package e2fsprogs")
        }
        Err(error) => Err(error).context("mkfs.ext4"),
    }
}
