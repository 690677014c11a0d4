//! Whether what is at stake is whole, looked at before an attack when all stand still: of a stake that somebody has
//! spoiled no refusal says anything.

use super::session::Session;
use super::{Stage, observe, terminal};
use crate::beneath::Directory;
use crate::decoy::Decoy;
use crate::decoy::layout::ROOTFS;
use crate::proc::{self, field};
use anyhow::{Context, Result, ensure};
use attempts::refusals::Refusal;
use attempts::victim::{ADDRESS, DESCRIPTOR};
use nix::libc::{self, c_long};
use nix::sys::stat::{self, SFlag};
use nix::unistd::Pid;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// As much is read of what holds a random word.
const WORD: usize = 256;

/// A victim that has just been made waits within this time.
const COMES_TO_REST: Duration = Duration::from_millis(50);

/// The call in which pause(3) waits: not every architecture has one of this name.
#[cfg(target_arch = "x86_64")]
const PAUSE: c_long = libc::SYS_pause;
#[cfg(not(target_arch = "x86_64"))]
const PAUSE: c_long = libc::SYS_ppoll;

/// What is wrong with the stake of attempts of this class, in words.
pub fn unfit(session: &Session, stage: &Stage, decoy: &Decoy, class: Refusal) -> Option<String> {
    let (stake, whole) = match class {
        Refusal::Process => ("the host's process", victim(decoy)),
        Refusal::Terminal => ("the caller's terminal", terminal::restore(session)),
        Refusal::SetUserId => ("the set-user-ID file", setuid_files(stage, decoy)),
        Refusal::Handle => ("the host's volume", volume(stage, decoy)),
        _ => ("the host", Ok(())),
    };
    let (stake, whole) = match whole {
        Ok(()) => ("the host's /proc", procfs(decoy)),
        spoiled => (stake, spoiled),
    };
    whole.err().map(|why| format!("{stake} was not as the host had made it: {why:#}"))
}

/// Whether the victim is as the host has made it, so that it does nothing by itself.
pub fn victim_is_whole(decoy: &Decoy) -> bool {
    victim(decoy).is_ok()
}

/// Whether the one thread of a process waits for a signal. It may be on its way there.
fn pauses(pid: Pid) -> bool {
    let deadline = Instant::now() + COMES_TO_REST;
    loop {
        let call = proc::read(pid, "syscall");
        let number = call.split(' ').next().and_then(|number| number.parse().ok());
        let waits = number == Some(PAUSE) && proc::tasks(pid) == [pid];
        if waits || Instant::now() > deadline {
            return waits;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The victim lives and waits, nobody traces it, and it has its three words.
fn victim(decoy: &Decoy) -> Result<()> {
    let depth = proc::nspid(decoy.pid1()).len();
    let is_it = |pid: &Pid| {
        let numbers = proc::nspid(*pid);
        numbers.len() == depth && numbers.last() == Some(&decoy.victim())
    };
    let pid = proc::children(decoy.pid1()).into_iter().find(is_it).context("it has ended")?;
    let status = proc::read(pid, "status");
    ensure!(observe::identity(pid).tracer == 0, "somebody traces it");
    ensure!(observe::has_own_root(pid, &decoy.ready) == Some(false), "it has another root directory");
    let moved = |(name, inode): (&String, &u64)| observe::namespace(pid, name) != Some(*inode);
    ensure!(!decoy.ready.namespaces.iter().any(moved), "it has left the host's namespaces");
    let uids = field(&status, "Uid").unwrap_or_default().split_whitespace();
    let root = decoy.root_id().to_string();
    ensure!(uids.clone().count() == 4 && uids.clone().all(|uid| uid == root), "it has another user");
    let has = |bytes: &[u8], place| {
        let word = decoy.secrets.at(place).as_bytes();
        bytes.windows(word.len()).any(|window| window == word)
    };
    ensure!(has(proc::read(pid, "environ").as_bytes(), "victim-environment"), "its environment is another");
    let read = |file: &str, at| -> Result<Vec<u8>> {
        let mut bytes = vec![0; WORD];
        let length = File::open(format!("/proc/{pid}/{file}"))?.read_at(&mut bytes, at)?;
        bytes.truncate(length);
        Ok(bytes)
    };
    ensure!(has(&read("mem", ADDRESS as u64)?, "victim-memory"), "its memory is another");
    ensure!(has(&read(&format!("fd/{DESCRIPTOR}"), 0)?, "victim-file"), "its open file is another");
    ensure!(pauses(pid), "it does something else than to wait");
    Ok(())
}

/// Nothing lies over the host's procfs, and it is mounted as it was: in a user namespace one can be mounted only where
/// one is in sight that shows as much and allows as much (mount_too_revealing in the kernel's fs/namespace.c).
fn procfs(decoy: &Decoy) -> Result<()> {
    let first = decoy.ready.first.mountinfo.as_deref().unwrap_or_default();
    let now = proc::read(decoy.pid1(), "mountinfo");
    ensure!(of_procfs(first) == of_procfs(&now), "something was mounted there, or in another way");
    Ok(())
}

/// Of each mount there the place and its flags, the type and its options.
fn of_procfs(table: &str) -> Vec<String> {
    let fields = table.lines().filter_map(|line| line.split_once(" - "));
    let all = fields.filter_map(|(mount, file_system)| {
        let mut words = mount.split(' ').skip(4);
        let (place, flags) = (words.next()?, words.next()?);
        Path::new(place).starts_with("/proc").then(|| format!("{place} {flags} {file_system}"))
    });
    all.collect()
}

/// The volume of an ext4 that is in the root file system is the host's.
fn volume(stage: &Stage, decoy: &Decoy) -> Result<()> {
    let Some(Ok(ext4)) = stage.ext4.get() else { return Ok(()) };
    let device = format!("{}:{}", stat::major(ext4.number()), stat::minor(ext4.number()));
    let now = proc::read(decoy.pid1(), "mountinfo");
    let is_there = |line: &str| {
        let mut words = line.split(' ').skip(2);
        words.next() == Some(&device)
            && words.nth(1).is_some_and(|place| Path::new(place).starts_with(ROOTFS))
    };
    ensure!(now.lines().any(is_there), "it was unmounted");
    Ok(())
}

/// The set-user-ID files lie in the root file system and on its volume, and everybody can reach them.
fn setuid_files(stage: &Stage, decoy: &Decoy) -> Result<()> {
    let content = fs::read(&stage.victim)?;
    let root = Directory::open(Path::new(&format!("/proc/{}/root", decoy.pid1())))?;
    let rootfs = root.below(ROOTFS)?;
    let volume = rootfs.in_root("data").context("its volume")?;
    let name = format!("setuid-{}", decoy.secrets.name);
    for directory in [&rootfs, &volume] {
        let file = directory.entry(&name)?;
        let kind = SFlag::from_bits_truncate(file.stat.st_mode) & SFlag::S_IFMT;
        ensure!(kind == SFlag::S_IFREG && file.stat.st_uid == decoy.root_id(), "it is root's no more");
        ensure!(file.stat.st_mode & 0o7777 == 0o4755, "its mode is {:o}", file.stat.st_mode & 0o7777);
        // A script in its place would be executed by somebody else's program.
        let is_same = directory.bytes(&name, content.len() as u64)? == content;
        ensure!(is_same && file.stat.st_size as usize == content.len(), "it is another program");
        ensure!(directory.stat()?.st_mode & 0o111 == 0o111, "its directory is closed");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_procfs_that_shows_less_than_before_is_another() {
        let line = "36 35 0:20 / /proc rw,nosuid - proc proc rw\n40 35 0:21 / /tmp rw - tmpfs tmpfs rw\n";
        assert_eq!(of_procfs(line), ["/proc rw,nosuid proc proc rw"]);
        let read_only = line.replace("proc proc rw", "proc proc ro");
        let masked = format!("{line}41 36 0:22 / /proc/tty rw - tmpfs none rw\n");
        for other in [read_only, masked, String::new()] {
            assert_ne!(of_procfs(line), of_procfs(&other), "{other}");
        }
        assert_eq!(of_procfs(line), of_procfs(&line.replace("36 35", "98 97")));
    }
}
