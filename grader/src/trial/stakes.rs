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
use nix::sys::stat::SFlag;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// As much is read of what holds a random word.
const WORD: usize = 256;

/// What is wrong with the stake of attempts of this class, in words.
pub fn unfit(session: &Session, stage: &Stage, decoy: &Decoy, class: Refusal) -> Option<String> {
    let (stake, whole) = match class {
        Refusal::Process => ("the host's process", victim(decoy)),
        Refusal::Terminal => ("the caller's terminal", terminal::restore(session)),
        Refusal::SetUserId => ("the set-user-ID file", setuid_files(stage, decoy)),
        _ => return None,
    };
    whole.err().map(|why| format!("{stake} was not as the host had made it: {why:#}"))
}

/// The victim lives, nobody traces it, and it has its three words.
fn victim(decoy: &Decoy) -> Result<()> {
    let is_it = |pid: &nix::unistd::Pid| proc::nspid(*pid).last() == Some(&decoy.victim());
    let pid = proc::children(decoy.pid1()).into_iter().find(is_it).context("it has ended")?;
    let status = proc::read(pid, "status");
    ensure!(observe::identity(pid).tracer == 0, "somebody traces it");
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
    // In a user namespace no procfs can be mounted where something lies over a part of the one that is there
    // (mount_too_revealing in the kernel's fs/namespace.c).
    let of_proc = |table: &str| -> Vec<(String, String)> {
        let all = proc::mounts(table).filter(|mount| Path::new(mount.point).starts_with("/proc"));
        all.map(|mount| (mount.point.to_owned(), mount.kind.to_owned())).collect()
    };
    let first = decoy.ready.first.mountinfo.as_deref().unwrap_or_default();
    let now = proc::read(decoy.pid1(), "mountinfo");
    ensure!(of_proc(first) == of_proc(&now), "something was mounted over the host's /proc");
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
