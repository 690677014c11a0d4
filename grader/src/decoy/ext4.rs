//! A small ext4 file system of the host's, of which the container gets one directory as a volume. The canary in
//! the file system's top directory has a random word of its own: no path in the container leads there.

use super::loop_device::LoopDevice;
use super::random_word;
use crate::interrupts::as_by_default;
use anyhow::{Context, Result, bail};
use nix::mount::{MsFlags, mount};
use nix::sys::memfd::{MFdFlags, memfd_create};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::{Command, Stdio};

/// Where the host has mounted it.
const HOME: &str = "srv/ext4";
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
        fs::create_dir_all(content.join(VOLUME)).with_context(|| content.display().to_string())?;
        for name in ["canary", "canary.open"] {
            fs::write(content.join(name), &word)?;
        }
        let made = make_file_system(&content, &image);
        let _ = fs::remove_dir_all(&content);
        made?;
        Ok(Ext4 { word, device: LoopDevice::bind(&image, scratch)? })
    }

    /// Mounts it in a decoy's tree, and its volume on a directory of the rootfs.
    pub fn mount_at(&self, root: &Path, volume: &Path) -> Result<()> {
        let home = root.join(HOME);
        let node = root.join("srv/ext4-disk");
        fs::create_dir(&home)?;
        self.device.node_at(&node)?;
        let mounted = mount(Some(&node), &home, Some("ext4"), MsFlags::MS_RDONLY, NONE);
        fs::remove_file(&node)?;
        mounted.context("mounting an ext4 file system")?;
        fs::create_dir(volume)?;
        mount(Some(&home.join(VOLUME)), volume, NONE, MsFlags::MS_BIND, NONE).context("binding its volume")
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
