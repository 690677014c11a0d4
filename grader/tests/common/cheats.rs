//! Programs that cheat, in `tests/cheats`: what each is about, and what it has really confined.

use super::stage::skip;
use attempts::attempts::Attempt;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One that cheats.
pub struct Cheat {
    /// Its source.
    pub file: &'static str,
    /// The attempts that its trick is about.
    pub about: &'static [&'static str],
    /// Those that it does confine, beyond what a chroot confines.
    pub confines: &'static [&'static str],
}

const fn cheat(file: &'static str, about: &'static [&'static str]) -> Cheat {
    Cheat { file, about, confines: &[] }
}

/// About nothing in particular.
const ANY: &[&str] = &["mount", "reboot", "raw-disk", "shell-pid", "signal-process", "host-tree"];
/// About files of the host's.
const FILES: &[&str] =
    &["host-tree", "chroot-escape", "raw-disk", "rootfs-device-node", "leaked-descriptor", "proc-pid-root"];
/// About calls that a filter or a supervisor can tell by their numbers.
const CALLS: &[&str] =
    &["hostname-set", "host-umount", "signal-process", "sysv-shm", "posix-mq", "loopback-service"];
/// What takes a mount of one's own; and a set of capabilities that is a single one.
const MOUNTS: &[&str] = &[
    "mount",
    "proc-environ",
    "proc-pid-root",
    "proc-keys",
    "proc-keys-unmask",
    "core-pattern",
    "core-pattern-remount",
    "sysfs-write",
    "kernel-addresses",
    "cgroup-path",
    "cgroup-leave",
    "release-agent",
    "cap-inheritable",
];
const VICTIM: &[&str] =
    &["signal-process", "ptrace-attach", "proc-environ", "pidfd-getfd", "proc-pid-root", "shell-pid"];
const SETUID: &[&str] = &["setuid-rootfs", "setuid-volume", "setuid-drop"];
const TERMINAL: &[&str] = &["tty-foreground", "tty-inject", "tty-inject-own", "tty-inject-high-bits"];
/// What namespaces confine that anybody gets from unshare(1).
pub const WHOLE: &[&str] = &["mount", "reboot", "shell-pid", "signal-process", "hostname-set", "sysv-shm"];

/// All of them, by their names.
#[rustfmt::skip]
pub const CHEATS: &[Cheat] = &[
    cheat("already.c", &["personality"]),
    cheat("background.sh", ANY),
    cheat("baits.c", WHOLE),
    Cheat { confines: &["mount", "host-umount"], ..cheat("bindhost.c", &["chroot-escape", "setns-own-mount", "host-tree"]) },
    cheat("blinds.sh", ANY),
    cheat("boot2.c", &["boot-time"]),
    // Nobody but root opens that file for writing.
    Cheat { confines: &["core-pattern", "core-pattern-remount"], ..cheat("chowns.c", &["setuid-drop", "image-tmp-link"]) },
    cheat("closedtmp.c", &["setuid-drop"]),
    cheat("closes.c", SETUID),
    cheat("closesdirs.c", &["chroot-escape", "proc-pid-root"]),
    cheat("closestop.c", &["chroot-escape", "proc-pid-root"]),
    cheat("covers.c", FILES),
    Cheat { confines: &["mount", "host-umount", "raw-disk", "rootfs-device-node"], ..cheat("coversfiles.c", &["setuid-rootfs", "setuid-volume", "remount-dev"]) },
    cheat("crashes.c", ANY),
    cheat("deep.c", &["leaked-descriptor"]),
    cheat("detached.c", FILES),
    cheat("devtty.c", TERMINAL),
    cheat("disk.c", &["raw-disk", "mount"]),
    cheat("dotdot.c", &["chroot-escape", "setns-own-mount"]),
    cheat("elsewhere.c", &["setuid-drop", "image-tmp-link"]),
    cheat("emfile.c", CALLS),
    cheat("errnos.c", CALLS),
    cheat("etcleak.c", &["leaked-descriptor"]),
    cheat("fakes.c", CALLS),
    cheat("fan.c", ANY),
    cheat("fills.sh", ANY),
    cheat("first.c", ANY),
    cheat("flags.c", CALLS),
    cheat("flips.c", FILES),
    cheat("foreign.c", &["packet-sniff"]),
    cheat("forgets.c", &["signal-process", "ptrace-attach", "clock-adjust", "packet-sniff", "setuid-drop", "image-tmp-link", "fork-bomb", "tty-inject-own"]),
    cheat("forks.c", &["fork-bomb"]),
    cheat("halfcpu.c", &["cpu-hog"]),
    cheat("halfroot.c", CALLS),
    cheat("highbits.c", &["reboot", "signal-process", "host-umount", "setns-own-mount", "sysv-shm", "packet-sniff", "io-uring"]),
    cheat("holdsways.c", &["hostname-set", "sysv-shm", "posix-mq", "loopback-service", "mount"]),
    Cheat { confines: &["mount", "host-umount"], ..cheat("hostmnt.c", &["host-tree"]) },
    cheat("impostor.c", &["mount", "signal-process"]),
    cheat("inflight.c", &["leaked-descriptor"]),
    Cheat { confines: &["cap-inheritable"], ..cheat("keepssetuid.c", &["mount", "reboot", "signal-process", "host-umount"]) },
    cheat("kill.sh", ANY),
    cheat("killnumbers.c", &["host-tree", "raw-disk", "host-umount", "sysv-shm", "posix-mq", "chroot-escape", "proc-keys"]),
    cheat("killunused.c", &["mount", "reboot", "signal-process", "host-umount", "sysv-shm", "ptrace-attach"]),
    Cheat { confines: &["hostname-set"], ..cheat("killways.c", &["mount", "signal-process", "ptrace-attach", "setuid-drop", "core-pattern"]) },
    cheat("knownnumbers.c", &["signal-process", "host-umount", "setns-own-mount", "open-by-handle", "mknod-disk", "proc-environ", "proc-keys", "sysv-shm", "posix-mq", "packet-sniff", "cgroup-leave", "session-keyring", "io-uring", "mount"]),
    // It is in a PID namespace in the end.
    Cheat { confines: VICTIM, ..cheat("late.sh", ANY) },
    cheat("late2.c", WHOLE),
    Cheat { confines: &["mount", "host-umount"], ..cheat("layers.c", &["setns-own-mount", "host-tree"]) },
    cheat("limits.c", &["posix-mq", "fork-bomb", "memory-hog", "io-uring", "packet-sniff", "mount"]),
    cheat("links.c", FILES),
    cheat("lists.c", &["chroot-escape", "proc-pid-root", "setns-own-mount"]),
    cheat("magic.c", &["reboot"]),
    Cheat { confines: &["mount", "host-umount", "proc-keys", "core-pattern", "cgroup-path"], ..cheat("masks.c", &["kernel-addresses", "proc-keys-unmask", "proc-keys", "core-pattern"]) },
    cheat("modes.c", &["setuid-drop", "image-tmp-link"]),
    cheat("mountflags.c", &["mount"]),
    cheat("mounts.c", &["mount", "setuid-rootfs"]),
    cheat("movesvictim.c", &["proc-pid-root"]),
    cheat("never.sh", ANY),
    cheat("nochange.c", &["image-tmp-link"]),
    cheat("nodata.c", FILES),
    cheat("nomount.c", &["mount", "host-umount"]),
    cheat("noproc.c", &["proc-keys", "proc-keys-unmask", "cgroup-path"]),
    cheat("novolume.c", &["open-by-handle"]),
    cheat("nsbind.c", &["hostname-set", "sysv-shm", "posix-mq", "abstract-socket", "loopback-service", "packet-sniff", "cgroup-path", "cgroup-leave"]),
    cheat("numbers.c", CALLS),
    cheat("oldopen.c", &["raw-disk", "proc-environ", "chroot-escape", "proc-keys", "cgroup-path"]),
    Cheat { confines: &["tty-foreground"], ..cheat("ones.c", &["io-uring", "personality"]) },
    cheat("onstack.c", &["mount", "host-umount", "posix-mq", "hostname-read", "chroot-escape"]),
    cheat("opath.c", FILES),
    Cheat { confines: &["raw-disk", "rootfs-device-node", "remount-dev", "setuid-volume", "open-by-handle"], ..cheat("overlay.c", &["image-tmp-link"]) },
    Cheat { confines: &["mount", "host-umount", "chroot-escape", "setuid-volume", "open-by-handle"], ..cheat("overroot.c", &["host-tree"]) },
    cheat("packets.c", &["packet-sniff"]),
    Cheat { confines: &["mount", "host-umount", "raw-disk", "rootfs-device-node", "mknod-disk", "mknod-disk-dev"], ..cheat("parentdev.c", &["remount-dev", "setuid-drop"]) },
    cheat("pidways.c", &["mount", "host-umount", "hostname-set", "sysv-shm", "posix-mq", "abstract-socket", "loopback-service", "packet-sniff", "cgroup-path", "cgroup-leave"]),
    cheat("pivothost.c", FILES),
    cheat("place.c", &["mount", "reboot", "signal-process", "hostname-set", "host-umount", "sysv-shm", "ptrace-attach", "packet-sniff"]),
    cheat("poison.sh", ANY),
    // Nobody but root opens that file for writing.
    Cheat { confines: &["core-pattern", "core-pattern-remount"], ..cheat("portuid.c", &["loopback-service"]) },
    cheat("pread.c", FILES),
    cheat("prepares.c", &["sysv-shm", "signal-process", "pidfd-getfd", "ptrace-attach"]),
    cheat("privatetmp.c", &["mount"]),
    cheat("readonlyproc.c", &["proc-keys", "proc-keys-unmask", "proc-environ", "proc-pid-root", "cgroup-path"]),
    Cheat { confines: MOUNTS, ..cheat("regains.c", &["mount", "sysv-shm", "reboot"]) },
    cheat("removes.c", FILES),
    cheat("replaces.sh", ANY),
    cheat("rewrites.c", FILES),
    Cheat { confines: &["core-pattern"], ..cheat("roproc.c", &["hostname-set"]) },
    cheat("script.c", SETUID),
    cheat("second.c", &["raw-disk", "loopback-service", "abstract-socket", "setuid-drop"]),
    cheat("seizes.c", &["ptrace-attach"]),
    Cheat { confines: &["tty-foreground", "tty-inject"], ..cheat("session.c", TERMINAL) },
    cheat("setnskinds.c", &["setns-own-mount"]),
    cheat("shares.c", &["chroot-escape", "setns-own-mount", "host-tree"]),
    cheat("silent.sh", WHOLE),
    cheat("sleeps.sh", &["mount"]),
    cheat("special.sh", ANY),
    cheat("spoils.c", &["hostname-set", "sysv-shm", "posix-mq", "loopback-service", "session-keyring", "hostname-read"]),
    cheat("streams.sh", FILES),
    cheat("supervises.c", &["mount"]),
    cheat("terminates.c", &["signal-process", "pidfd-getfd"]),
    cheat("tmphost.c", FILES),
    cheat("traces.c", ANY),
    cheat("ttyfull.c", TERMINAL),
    cheat("ttyparent.c", TERMINAL),
    cheat("twin.sh", WHOLE),
    cheat("twofaced.c", WHOLE),
    cheat("umountflags.c", &["host-umount"]),
    cheat("undo.c", &["mount", "hostname-set", "tty-foreground", "tty-inject", "setuid-drop"]),
    cheat("unmounts.sh", ANY),
    cheat("unused.c", &["mount", "reboot", "signal-process", "host-umount", "sysv-shm", "ptrace-attach"]),
    // It closes the descriptor and empties the environment.
    Cheat { confines: &["leaked-descriptor", "env-secret"], ..cheat("vandal.c", &["host-tree", "signal-process", "sysv-shm", "loopback-service", "setuid-rootfs", "cgroup-leave"]) },
    cheat("victsup.c", &["raw-disk", "rootfs-device-node"]),
    cheat("vkill.c", VICTIM),
    cheat("vtrace.c", VICTIM),
    cheat("witness.sh", ANY),
    Cheat { confines: &["proc-keys"], ..cheat("zeros.c", &["kernel-addresses"]) },
];

impl Cheat {
    /// The one of this source.
    pub fn of(file: &str) -> &'static Cheat {
        CHEATS.iter().find(|it| it.file == file).unwrap_or_else(|| panic!("no {file}"))
    }

    /// Where its source is.
    pub fn source(&self) -> PathBuf {
        directory().join(self.file)
    }

    /// The name of the program that is made from it.
    pub fn name(&self) -> &'static str {
        if self.file.ends_with(".sh") { self.file } else { self.file.rsplit_once('.').unwrap().0 }
    }

    /// Whether it uses up the time of every trial: it is asked for what it is about.
    pub fn is_slow(&self) -> bool {
        ["sleeps.sh", "mounts.c"].contains(&self.file)
    }

    /// The line that says what it does.
    pub fn story(&self) -> String {
        let text = fs::read_to_string(self.source()).unwrap();
        let line = text.lines().find(|line| ["# ", "// "].iter().any(|begin| line.starts_with(begin)));
        line.unwrap().trim_start_matches(['#', '/']).trim().to_owned()
    }

    /// Whether a BLOCKED is earned: a chroot, which most are, confines it as measured, or it says that it does.
    pub fn confines(&self, attempt: &Attempt, user: bool) -> bool {
        let letters = if user { attempt.letters.user } else { attempt.letters.root };
        // After that of the bare decoy host and a space comes lab 0.
        letters.as_bytes()[2] == b'B' || self.confines.contains(&attempt.id)
    }

    /// Puts the program into a directory. None, and a line that says why, where there is no compiler.
    pub fn make(&self, to: &Path) -> Option<PathBuf> {
        let to = to.join(self.name());
        if self.file.ends_with(".sh") {
            fs::copy(self.source(), &to).unwrap();
            fs::set_permissions(&to, fs::Permissions::from_mode(0o755)).unwrap();
            return Some(to);
        }
        let mut compiler = Command::new("cc");
        compiler.args(["-O1", "-Wall", "-Wextra", "-Werror", "-Wno-unused-result", "-static", "-s"]);
        match compiler.arg(self.source()).arg("-o").arg(&to).output() {
            Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
            Err(error) => {
                skip(&format!("{}: no compiler: {error}", self.file));
                return None;
            }
        }
        Some(to)
    }
}

/// Where the sources are.
pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cheats")
}
