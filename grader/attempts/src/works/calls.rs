//! System calls that works checks make by the command's hand, and how each failed, in words.

use crate::Attacker;
use crate::attacker::{Argument, Failed};
use nix::libc::{self, c_int};
use nix::sys::stat::FileStat;
use std::ffi::OsString;
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// `*at` calls from the working directory.
const HERE: i64 = libc::AT_FDCWD as i64;

/// A symbolic link that a check reads is no longer.
const MAX_LINK: usize = 256;

/// What failed, a call or a path, and what the kernel said.
pub(super) fn said(what: &str) -> impl Fn(Failed) -> String {
    move |failed| match failed {
        Failed::Refused(errno) => format!("{what}: {}", io::Error::from(errno)),
        Failed::Filtered => format!("{what}: a system-call filter killed the command"),
        Failed::Ended => format!("{what}: the command ended"),
        Failed::GaveUp(why) => format!("{what}: {why}"),
    }
}

/// stat(2), as the command sees it: owners are numbers of its user namespace.
pub(super) fn stat(me: &mut Attacker, path: &str) -> Result<FileStat, Failed> {
    let room = Argument::room(size_of::<FileStat>());
    let arguments = [HERE.into(), Argument::text(path), room, 0.into()];
    let rooms = me.call("newfstatat", libc::SYS_newfstatat, arguments)?.rooms;
    let mut stat = MaybeUninit::<FileStat>::zeroed();
    // SAFETY: the room is as long as the structure, which is made of integers.
    Ok(unsafe {
        stat.as_mut_ptr().cast::<u8>().copy_from(rooms[0].as_ptr(), rooms[0].len());
        stat.assume_init()
    })
}

/// The rights in the mode of a file: of `/tmp`, 1777.
pub(super) fn rights(me: &mut Attacker, path: &str) -> Result<u32, Failed> {
    Ok(stat(me, path)?.st_mode & 0o7777)
}

/// readlink(2).
pub(super) fn read_link(me: &mut Attacker, path: &str) -> Result<PathBuf, Failed> {
    let arguments = [HERE.into(), Argument::text(path), Argument::room(MAX_LINK), (MAX_LINK as i64).into()];
    let bytes = filled(me.call("readlinkat", libc::SYS_readlinkat, arguments)?);
    Ok(OsString::from_vec(bytes).into())
}

/// read(2).
pub(super) fn read(me: &mut Attacker, descriptor: c_int, length: usize) -> Result<Vec<u8>, Failed> {
    let arguments = [descriptor.into(), Argument::room(length), (length as i64).into()];
    Ok(filled(me.call("read", libc::SYS_read, arguments)?))
}

/// write(2).
pub(super) fn write(me: &mut Attacker, descriptor: c_int, bytes: &[u8]) -> Result<(), Failed> {
    let arguments = [descriptor.into(), Argument::Bytes(bytes.to_vec()), (bytes.len() as i64).into()];
    me.call("write", libc::SYS_write, arguments).map(drop)
}

/// The room of a call that returns how much of it was filled.
fn filled(returned: crate::attacker::Returned) -> Vec<u8> {
    let length = usize::try_from(returned.value).unwrap_or(0);
    returned.rooms.into_iter().next().unwrap_or_default().into_iter().take(length).collect()
}

/// A number that a call without arguments returns, such as getpid(2).
pub(super) fn number(me: &mut Attacker, name: &'static str, number: libc::c_long) -> Result<i64, String> {
    Ok(me.call(name, number, []).map_err(said(name))?.value)
}

/// ioctl(2) with room for its answer.
pub(super) fn ioctl(
    me: &mut Attacker,
    descriptor: c_int,
    request: libc::c_ulong,
    room: Argument,
) -> Result<Vec<u8>, Failed> {
    let arguments = [descriptor.into(), Argument::Number(request as i64), room];
    Ok(me.call("ioctl", libc::SYS_ioctl, arguments)?.rooms.into_iter().next().unwrap_or_default())
}

/// Makes a file in a directory, reads back what it wrote to it, and removes it.
pub(super) fn write_and_read(me: &mut Attacker, directory: &str) -> Result<(), String> {
    let path = format!("{}/works-{}", directory.trim_end_matches('/'), me.mark());
    if me.is_on_devtmpfs(directory).map_err(said(directory))? {
        return Err(format!("{path}: that is the machine's devtmpfs"));
    }
    let flags = libc::O_RDWR | libc::O_CREAT | libc::O_EXCL;
    let file = me.open(&path, flags).map_err(said(&path))?;
    let back = (|| {
        write(me, file, b"works")?;
        me.call("lseek", libc::SYS_lseek, [file.into(), 0.into(), libc::SEEK_SET.into()])?;
        read(me, file, 16)
    })();
    let removed = me.call("unlinkat", libc::SYS_unlinkat, [HERE.into(), Argument::text(&path), 0.into()]);
    me.close(file).map_err(said(&path))?;
    let back = back.map_err(said(&path))?;
    removed.map_err(said(&path))?;
    if back == b"works" { Ok(()) } else { Err(format!("{path}: what was written is not what was read")) }
}
