//! The list of attempts, in teaching order.

mod abstract_socket;
mod boot_time;
mod cap_bounding;
mod cap_inheritable;
mod cgroup_leave;
mod cgroup_path;
mod chroot_escape;
mod clock_adjust;
mod core_pattern;
mod core_pattern_remount;
mod cpu_hog;
mod cwd_outside_root;
mod env_secret;
mod fork_bomb;
mod host_tree;
mod host_umount;
mod hostname_read;
mod hostname_set;
mod image_root_link;
mod image_tmp_link;
mod int80_userns;
mod io_uring;
mod kernel_addresses;
mod leaked_descriptor;
mod loopback_service;
mod memory_hog;
mod mknod_disk;
mod mknod_disk_dev;
mod mknod_disk_volume;
mod mount;
mod no_new_privs;
mod open_by_handle;
mod packet_sniff;
mod personality;
mod pidfd_getfd;
mod posix_mq;
mod proc_environ;
mod proc_keys;
mod proc_keys_unmask;
mod proc_pid_root;
mod ptrace_attach;
mod raw_disk;
mod reboot;
mod release_agent;
mod remount_dev;
mod rootfs_device_node;
mod session_keyring;
mod setns_own_mount;
mod setuid_drop;
mod setuid_rootfs;
mod setuid_volume;
mod shell_pid;
mod signal_process;
mod sysfs_write;
mod sysv_shm;
mod tty_foreground;
mod tty_inject;
mod tty_inject_high_bits;
mod tty_inject_own;
mod userns_clone;
mod userns_clone3;
mod userns_unshare;

use crate::attacker::Failed;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use nix::libc;

/// An escape attempt.
pub struct Attempt {
    /// Its name.
    pub id: &'static str,
    /// What the host loses.
    pub stake: &'static str,
    /// The attack in words.
    pub story: &'static str,
    /// One or two commands that repeat it by hand, as root in a shell inside the container, or `# on the host`.
    pub by_hand: &'static [&'static str],
    /// The steps that stop it, as `lab/step`. The highest lab among them is the first that must block.
    pub stopped_by: &'static [&'static str],
    /// Its prerequisites, as in [`Work::after`](crate::works::Work::after).
    pub after: &'static [&'static str],
    /// The manual pages to read.
    pub man: &'static [&'static str],
    /// Its measured verdicts, a letter a stage.
    pub letters: Measured,
    /// What the decoy host must provide for it.
    pub needs: &'static [Need],
    /// The decisive system calls. The host traces the attacker with ptrace(2), and a refusal counts only if the host
    /// saw one of these calls return it. Empty where the host reads a property instead.
    pub decisive: &'static [libc::c_long],
    /// What the attacker does, as the container's command: the host makes its system calls.
    pub attack: Attack,
    /// What its decisive calls are about. A refusal counts only if this class explains it.
    pub class: Refusal,
    /// What the host looks at afterwards.
    pub witness: fn(&Host) -> Seen,
}

/// What an attacker does.
pub type Attack = fn(&mut Attacker) -> Result<(), Failed>;

/// The verdicts measured in the reference labs: the bare decoy host, a space, then lab 0 and up. `E` escaped, `B`
/// blocked, `I` can't be judged.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// On a decoy host of the root kind.
    pub root: &'static str,
    /// On one of the user kind, made by root.
    pub user: &'static str,
    /// On one that an ordinary user made.
    pub rootless: &'static str,
}

/// What a decoy host must provide for an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// A host of its own, since the attempt may change it.
    FreshHost,
    /// The decoy disk.
    Disk,
    /// A terminal as the caller's standard streams and controlling terminal.
    Terminal,
    /// The same terminal, but not as the controlling terminal of a session.
    FreeTerminal,
    /// `open("/")` left on descriptor 77.
    LeakedDescriptor,
    /// A full ambient set of capabilities.
    AmbientCapabilities,
    /// Fresh objects of IPC, services and a key: [`Served`](crate::host::Served).
    Services,
    /// Datagrams on the host's loopback interface, every 3 ms.
    Datagrams,
    /// A control group for the container.
    Group,
    /// The same, with memory, pids and cpu controllers.
    Limits,
    /// A named v1 hierarchy.
    ReleaseAgent,
    /// The host must join the attacker's mount namespace and read its mounts.
    MountNamespace,
    /// The host must search its own tree for set-user-ID files.
    SetuidFiles,
    /// The address of the kernel's text segment.
    KernelText,
    /// A small ext4 file system, a directory of which is a volume of the container.
    Ext4Volume,
    /// This directory at the top of the root file system is replaced by a link; a copy with the original directory is
    /// available too.
    ImageLink {
        /// The directory's name.
        name: &'static str,
        /// The target of the link.
        to: &'static str,
    },
    /// At least two ids: root and another user.
    ManyIds,
    /// No `no_new_privs` around the grader: there nobody gains anything by execve(2).
    NewPrivileges,
}

/// Every attempt.
pub const ALL: &[Attempt] = &[
    reboot::ATTEMPT,
    mount::ATTEMPT,
    raw_disk::ATTEMPT,
    shell_pid::ATTEMPT,
    signal_process::ATTEMPT,
    ptrace_attach::ATTEMPT,
    proc_environ::ATTEMPT,
    pidfd_getfd::ATTEMPT,
    proc_pid_root::ATTEMPT,
    cwd_outside_root::ATTEMPT,
    host_umount::ATTEMPT,
    chroot_escape::ATTEMPT,
    setns_own_mount::ATTEMPT,
    leaked_descriptor::ATTEMPT,
    host_tree::ATTEMPT,
    image_root_link::ATTEMPT,
    open_by_handle::ATTEMPT,
    rootfs_device_node::ATTEMPT,
    mknod_disk::ATTEMPT,
    mknod_disk_dev::ATTEMPT,
    mknod_disk_volume::ATTEMPT,
    remount_dev::ATTEMPT,
    core_pattern::ATTEMPT,
    core_pattern_remount::ATTEMPT,
    sysfs_write::ATTEMPT,
    proc_keys::ATTEMPT,
    proc_keys_unmask::ATTEMPT,
    kernel_addresses::ATTEMPT,
    clock_adjust::ATTEMPT,
    hostname_set::ATTEMPT,
    hostname_read::ATTEMPT,
    sysv_shm::ATTEMPT,
    posix_mq::ATTEMPT,
    abstract_socket::ATTEMPT,
    loopback_service::ATTEMPT,
    packet_sniff::ATTEMPT,
    boot_time::ATTEMPT,
    cgroup_path::ATTEMPT,
    cgroup_leave::ATTEMPT,
    release_agent::ATTEMPT,
    env_secret::ATTEMPT,
    tty_foreground::ATTEMPT,
    tty_inject::ATTEMPT,
    tty_inject_own::ATTEMPT,
    tty_inject_high_bits::ATTEMPT,
    session_keyring::ATTEMPT,
    setuid_rootfs::ATTEMPT,
    setuid_volume::ATTEMPT,
    setuid_drop::ATTEMPT,
    image_tmp_link::ATTEMPT,
    cap_bounding::ATTEMPT,
    cap_inheritable::ATTEMPT,
    no_new_privs::ATTEMPT,
    userns_unshare::ATTEMPT,
    userns_clone::ATTEMPT,
    userns_clone3::ATTEMPT,
    int80_userns::ATTEMPT,
    personality::ATTEMPT,
    io_uring::ATTEMPT,
    fork_bomb::ATTEMPT,
    memory_hog::ATTEMPT,
    cpu_hog::ATTEMPT,
];

impl Attempt {
    /// The attempt with this name.
    pub fn find(id: &str) -> Option<&'static Attempt> {
        ALL.iter().find(|attempt| attempt.id == id)
    }

    /// Whether a refusal of this system call counts: it is decisive, or does the same as one that is by another way.
    pub fn decides(&self, call: libc::c_long) -> bool {
        let stands_for = match call {
            libc::SYS_openat2 => libc::SYS_openat,
            #[cfg(target_arch = "x86_64")]
            libc::SYS_open => libc::SYS_openat,
            libc::SYS_fsopen | libc::SYS_fsconfig | libc::SYS_fsmount => libc::SYS_mount,
            libc::SYS_move_mount | libc::SYS_mount_setattr => libc::SYS_mount,
            libc::SYS_adjtimex => libc::SYS_clock_adjtime,
            other => other,
        };
        self.decisive.contains(&stands_for)
    }

    /// The expected verdict of a lab on this kind of host: `E`, `B`, or `I` where it can't be judged.
    pub fn letter(&self, lab: usize, letters: &'static str) -> Option<char> {
        letters.split_once(' ')?.1.chars().nth(lab)
    }

    /// The number of the first lab that must block it: the highest in `stopped_by`.
    pub fn first_lab(&self) -> usize {
        self.stopped_by.iter().filter_map(|step| lab_number(step)).max().expect("every attempt names a step")
    }
}

/// The number in `labN-name/step`.
fn lab_number(step: &str) -> Option<usize> {
    step.strip_prefix("lab")?.split('-').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_letters_agree_with_the_first_lab() {
        // A chroot also stops user namespaces: they work again after pivot_root. And inside a chroot no `..` leads up.
        let chroot_stops =
            |id: &str| id.starts_with("userns-") || ["int80-userns", "image-root-link"].contains(&id);
        for Attempt { id, letters, .. } in ALL {
            let first = Attempt::find(id).unwrap().first_lab();
            for row in [letters.root, letters.user, letters.rootless] {
                assert!(row.len() == 9 && row.as_bytes()[1] == b' ', "{id}: {row}");
                if row == "I IIIIIII" {
                    continue;
                }
                assert!(row.starts_with('E') && row[2 + first..].chars().all(|it| it == 'B'), "{id}: {row}");
                let before = &row[2..2 + first];
                let lessons = row == letters.root && !chroot_stops(id);
                assert!(!lessons || before.chars().all(|it| it == 'E'), "{id}: {row}");
            }
        }
    }
}
