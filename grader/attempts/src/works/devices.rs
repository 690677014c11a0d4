//! `/dev`: the devices that a program may expect.

use super::filesystems::write_and_read;
use super::{InStart, Work, nothing_to_see};
use crate::Inside;
use nix::errno::Errno;
use nix::pty::{grantpt, posix_openpt, ptsname_r, unlockpt};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt};

/// The six harmless devices.
pub const DEVICES: Work = Work {
    id: "devices",
    first_lab: 2,
    what: "/dev has null, zero, full, random, urandom and tty, and they do what they should.",
    man: &["null(4)", "full(4)", "random(4)", "tty(4)"],
    after: &[],
    run: InStart::Pipes,
    inside: six_devices,
    judge: nothing_to_see,
};

/// Their numbers (the kernel's Documentation/admin-guide/devices.txt).
const NUMBERS: [(&str, u64, u64); 6] =
    [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)];

fn six_devices(_: &mut Inside) -> Result<(), String> {
    for (name, major, minor) in NUMBERS {
        let file = fs::metadata(format!("/dev/{name}")).map_err(|error| format!("/dev/{name}: {error}"))?;
        if !file.file_type().is_char_device() || file.rdev() != nix::sys::stat::makedev(major, minor) {
            return Err(format!("/dev/{name} is not the device {major}:{minor}"));
        }
    }
    File::options()
        .write(true)
        .open("/dev/null")
        .and_then(|mut null| null.write_all(b"gone"))
        .map_err(|error| format!("/dev/null: {error}"))?;
    if read_from("/dev/zero")? != [0; 16] {
        return Err("/dev/zero gave something else than zeros".into());
    }
    if read_from("/dev/urandom")? == read_from("/dev/urandom")? {
        return Err("/dev/urandom gave the same bytes twice".into());
    }
    match File::options().write(true).open("/dev/full").and_then(|mut full| full.write_all(b"x")) {
        Err(error) if error.raw_os_error() == Some(Errno::ENOSPC as i32) => Ok(()),
        Err(error) => Err(format!("/dev/full: {error}")),
        Ok(()) => Err("/dev/full took a byte".into()),
    }
}

fn read_from(path: &str) -> Result<[u8; 16], String> {
    let mut bytes = [0; 16];
    File::open(path)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(|error| format!("{path}: {error}"))?;
    Ok(bytes)
}

/// Terminals can be made.
pub const PTS: Work = Work {
    id: "pts",
    first_lab: 2,
    what: "A pseudoterminal can be made: /dev/ptmx gives a master, /dev/pts its other end.",
    man: &["pts(4)", "pty(7)"],
    after: &["devices"],
    run: InStart::Pipes,
    inside: |_| {
        use nix::fcntl::OFlag;
        let said = |call: &'static str| move |errno: Errno| format!("{call}: {errno}");
        let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY).map_err(said("/dev/ptmx"))?;
        grantpt(&master).map_err(said("grantpt"))?;
        unlockpt(&master).map_err(said("unlockpt"))?;
        let name = ptsname_r(&master).map_err(said("ptsname"))?;
        let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        let slave = nix::fcntl::open(name.as_str(), flags, nix::sys::stat::Mode::empty())
            .map_err(|errno| format!("{name}: {errno}"))?;
        let mut word = [0; 4];
        let mut slave = File::from(slave);
        slave.write_all(b"word").map_err(|error| format!("{name}: {error}"))?;
        nix::unistd::read(&master, &mut word).map_err(said("/dev/ptmx"))?;
        if word == *b"word" { Ok(()) } else { Err(format!("{name} and /dev/ptmx are not two ends of one")) }
    },
    judge: nothing_to_see,
};

/// Shared memory can be made.
pub const SHM: Work = Work {
    id: "shm",
    first_lab: 2,
    what: "/dev/shm is there and everybody may write to it (mode 1777).",
    man: &["shm_overview(7)"],
    after: &["devices"],
    run: InStart::Pipes,
    inside: |_| {
        let mode = fs::metadata("/dev/shm").map_err(|error| format!("/dev/shm: {error}"))?.mode() & 0o7777;
        if mode != 0o1777 {
            return Err(format!("/dev/shm has mode {mode:o}, not 1777"));
        }
        write_and_read("/dev/shm/works")
    },
    judge: nothing_to_see,
};

/// The links into `/proc`.
pub const DEV_LINKS: Work = Work {
    id: "dev-links",
    first_lab: 2,
    what: "/dev/fd, /dev/stdin, /dev/stdout and /dev/stderr lead to the process's own descriptors.",
    man: &["proc(5)"],
    after: &["devices", "proc-self"],
    run: InStart::Pipes,
    inside: |_| {
        for (name, target) in [
            ("fd", "/proc/self/fd"),
            ("stdin", "/proc/self/fd/0"),
            ("stdout", "/proc/self/fd/1"),
            ("stderr", "/proc/self/fd/2"),
        ] {
            match fs::read_link(format!("/dev/{name}")) {
                Ok(link) if link.to_str() == Some(target) => {}
                Ok(link) => return Err(format!("/dev/{name} leads to {}", link.display())),
                Err(error) => return Err(format!("/dev/{name}: {error}")),
            }
        }
        fs::read_dir("/dev/fd").map(drop).map_err(|error| format!("/dev/fd leads nowhere: {error}"))
    },
    judge: nothing_to_see,
};

/// The terminal has its name.
pub const CONSOLE: Work = Work {
    id: "console",
    first_lab: 2,
    what: "/dev/console is the terminal on standard input, where that is one.",
    man: &["console(4)"],
    after: &["devices"],
    run: InStart::Watched,
    inside: |_| {
        let terminal = nix::sys::stat::fstat(std::io::stdin()).map_err(|errno| format!("fstat: {errno}"))?;
        let console = fs::metadata("/dev/console").map_err(|error| format!("/dev/console: {error}"))?;
        match console.rdev() == terminal.st_rdev && console.file_type().is_char_device() {
            true => Ok(()),
            false => Err("/dev/console is another device than standard input".into()),
        }
    },
    judge: nothing_to_see,
};
