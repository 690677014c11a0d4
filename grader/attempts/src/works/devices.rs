//! `/dev`: the devices that a program may expect.

use super::calls::{ioctl, read, read_link, rights, said, stat, write, write_and_read};
use super::{InStart, Work, nothing_to_see};
use crate::Attacker;
use crate::attacker::{Argument, Failed};
use nix::errno::Errno;
use nix::libc;
use nix::sys::stat::{FileStat, SFlag, makedev};
use std::time::Duration;

/// The six harmless devices.
pub const DEVICES: Work = Work {
    id: "devices",
    first_lab: 2,
    what: "/dev has null, zero, full, random, urandom and tty, and they do what they should.",
    man: &["null(4)", "full(4)", "random(4)", "tty(4)"],
    after: &[],
    run: InStart::Pipes,
    calls: six_devices,
    judge: nothing_to_see,
};

/// Their numbers (the kernel's Documentation/admin-guide/devices.txt).
const NUMBERS: [(&str, u64, u64); 6] =
    [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)];

fn six_devices(me: &mut Attacker) -> Result<(), String> {
    for (name, major, minor) in NUMBERS {
        let path = format!("/dev/{name}");
        let file = stat(me, &path).map_err(said(&path))?;
        if !is_device(&file) || file.st_rdev != makedev(major, minor) {
            return Err(format!("{path} is not the device {major}:{minor}"));
        }
    }
    write_to(me, "/dev/null").map_err(said("/dev/null"))?;
    if read_from(me, "/dev/zero")? != [0; 16] {
        return Err("/dev/zero gave something else than zeros".into());
    }
    if read_from(me, "/dev/urandom")? == read_from(me, "/dev/urandom")? {
        return Err("/dev/urandom gave the same bytes twice".into());
    }
    match write_to(me, "/dev/full") {
        Err(Failed::Refused(Errno::ENOSPC)) => Ok(()),
        Err(failed) => Err(said("/dev/full")(failed)),
        Ok(()) => Err("/dev/full took a byte".into()),
    }
}

fn is_device(file: &FileStat) -> bool {
    SFlag::from_bits_truncate(file.st_mode) & SFlag::S_IFMT == SFlag::S_IFCHR
}

fn write_to(me: &mut Attacker, path: &str) -> Result<(), Failed> {
    let file = me.open(path, libc::O_WRONLY)?;
    let written = write(me, file, b"x");
    me.close(file)?;
    written
}

fn read_from(me: &mut Attacker, path: &str) -> Result<Vec<u8>, String> {
    let file = me.open(path, libc::O_RDONLY).map_err(said(path))?;
    let bytes = read(me, file, 16).map_err(said(path))?;
    me.close(file).map_err(said(path))?;
    if bytes.len() == 16 { Ok(bytes) } else { Err(format!("{path} is at its end")) }
}

/// Terminals can be made.
pub const PTS: Work = Work {
    id: "pts",
    first_lab: 2,
    what: "A pseudoterminal can be made: /dev/ptmx gives a master, /dev/pts its other end.",
    man: &["pts(4)", "pty(7)"],
    after: &[],
    run: InStart::Pipes,
    calls: two_ends,
    judge: nothing_to_see,
};

/// What is written to one end is at the other within this time.
const PASSED_ON: Duration = Duration::from_secs(1);

/// What posix_openpt(3), unlockpt(3) and ptsname(3) do: ioctl_tty(2).
fn two_ends(me: &mut Attacker) -> Result<(), String> {
    let master = me.open("/dev/ptmx", libc::O_RDWR).map_err(said("/dev/ptmx"))?;
    let unlocked = Argument::Bytes(0_i32.to_ne_bytes().to_vec());
    ioctl(me, master, libc::TIOCSPTLCK as _, unlocked).map_err(said("TIOCSPTLCK on /dev/ptmx"))?;
    let number =
        ioctl(me, master, libc::TIOCGPTN as _, Argument::room(4)).map_err(said("TIOCGPTN on /dev/ptmx"))?;
    let number = number.try_into().map(i32::from_ne_bytes).unwrap_or(-1);
    let path = format!("/dev/pts/{number}");
    let other = me.open(&path, libc::O_RDWR).map_err(said(&path))?;
    write(me, other, b"word\n").map_err(said(&path))?;
    let came = me.is_readable(master, PASSED_ON).map_err(said("/dev/ptmx"))?;
    let word = if came { read(me, master, 16).map_err(said("/dev/ptmx"))? } else { Vec::new() };
    for descriptor in [other, master] {
        me.close(descriptor).map_err(said("close"))?;
    }
    match word.starts_with(b"word") {
        true => Ok(()),
        false => Err(format!("{path} and /dev/ptmx are not two ends of one")),
    }
}

/// Shared memory can be made.
pub const SHM: Work = Work {
    id: "shm",
    first_lab: 2,
    what: "/dev/shm is there and everybody may write to it (mode 1777).",
    man: &["shm_overview(7)"],
    after: &[],
    run: InStart::Pipes,
    calls: |me| match rights(me, "/dev/shm").map_err(said("/dev/shm"))? {
        0o1777 => write_and_read(me, "/dev/shm"),
        mode => Err(format!("/dev/shm has mode {mode:o}, not 1777")),
    },
    judge: nothing_to_see,
};

/// The links into `/proc`.
pub const DEV_LINKS: Work = Work {
    id: "dev-links",
    first_lab: 2,
    what: "/dev/fd, /dev/stdin, /dev/stdout and /dev/stderr lead to the process's own descriptors.",
    man: &["proc(5)"],
    after: &["proc-self"],
    run: InStart::Pipes,
    calls: |me| {
        for (name, target) in [
            ("fd", "/proc/self/fd"),
            ("stdin", "/proc/self/fd/0"),
            ("stdout", "/proc/self/fd/1"),
            ("stderr", "/proc/self/fd/2"),
        ] {
            let path = format!("/dev/{name}");
            let link = read_link(me, &path).map_err(said(&path))?;
            if link.to_str() != Some(target) {
                return Err(format!("{path} leads to {}", link.display()));
            }
        }
        let leads = me.open("/dev/fd", libc::O_RDONLY | libc::O_DIRECTORY);
        let directory = leads.map_err(said("/dev/fd leads nowhere"))?;
        me.close(directory).map_err(said("close"))
    },
    judge: nothing_to_see,
};

/// The terminal has its name.
pub const CONSOLE: Work = Work {
    id: "console",
    first_lab: 2,
    what: "/dev/console is the terminal on standard input, where that is one.",
    man: &["console(4)"],
    after: &[],
    run: InStart::Watched,
    calls: |me| {
        let terminal = me.status(0).map_err(said("standard input"))?;
        let console = stat(me, "/dev/console").map_err(said("/dev/console"))?;
        match console.st_rdev == terminal.st_rdev && is_device(&console) {
            true => Ok(()),
            false => Err("/dev/console is another device than standard input".into()),
        }
    },
    judge: nothing_to_see,
};
