//! What each class explains, and what it does not.

use super::*;
use crate::host::Served;
use crate::host::{Executed, Terminal};
use nix::libc;

const ALL: [Refusal; 4] = [Refusal::Permission, Refusal::File, Refusal::Mount, Refusal::HostName];

/// A host whose attacker has a root of its own or not, a filter or not, and these namespaces of its own.
fn host(own_root: bool, filtered: bool, apart: &[&str]) -> Host {
    let mut host = Host::default();
    for name in ["cgroup", "mnt", "pid", "ipc", "net", "user", "uts"] {
        host.namespaces.insert(name.into(), 1);
        host.attacker.namespaces.insert(name.into(), if apart.contains(&name) { 2 } else { 1 });
    }
    host.attacker.own_root = Some(own_root);
    host.attacker.status.insert("Seccomp".into(), if filtered { "2" } else { "0" }.into());
    host
}

#[test]
fn running_out_of_something_is_no_refusal() {
    let all = host(true, true, &["mnt", "pid", "ipc", "net", "user", "uts"]);
    for class in ALL {
        for errno in NEVER {
            assert!(class.explain(*errno, &all).is_err(), "{class:?} {errno}");
        }
        assert!(class.explain(Errno::EPERM, &host(false, false, &[])).is_ok());
        assert!(class.explain(Errno::EINVAL, &all).is_err());
    }
}

/// As where a filter answers so for reboot(2).
#[test]
fn an_accident_is_called_one() {
    let said = Refusal::Permission.explain(Errno::EDEADLK, &host(true, true, &["pid"])).unwrap_err();
    assert!(said.starts_with("EDEADLK") && said.ends_with("is an accident, not a refusal"), "{said}");
}

#[test]
fn enosys_needs_a_filter() {
    assert!(Refusal::Mount.explain(Errno::ENOSYS, &host(false, true, &[])).is_ok());
    assert!(Refusal::Mount.explain(Errno::ENOSYS, &host(false, false, &[])).is_err());
}

#[test]
fn a_missing_file_needs_another_root() {
    assert!(Refusal::File.explain(Errno::ENOENT, &host(true, false, &[])).is_ok());
    assert!(Refusal::File.explain(Errno::ENOENT, &host(false, false, &[])).is_err());
    assert!(Refusal::Mount.explain(Errno::ENOENT, &host(true, false, &["mnt"])).is_err());
}

#[test]
fn what_the_program_has_spoiled_refuses_nothing() {
    let with = |spoiled: &str| Host { spoiled: vec![spoiled.into()], ..host(true, true, &["mnt"]) };
    for errno in [Errno::EPERM, Errno::ENOENT] {
        assert!(Refusal::Root.explain(errno, &with("canary")).is_err());
    }
    assert!(Refusal::Node.explain(Errno::ENOENT, &with("node")).is_err());
    assert!(Refusal::Node.explain(Errno::EACCES, &with("node")).is_ok());
}

#[test]
fn another_root_counts_only_where_the_host_has_its_own() {
    let roots = |after: &str| Host {
        mountinfo: ("30 1 0:5 / / rw - tmpfs decoy rw".into(), after.into()),
        ..host(true, false, &[])
    };
    assert!(Refusal::Root.explain(Errno::ENOENT, &roots("30 1 0:5 / / rw - tmpfs decoy rw")).is_ok());
    assert!(Refusal::Root.explain(Errno::ENOENT, &roots("40 1 0:5 /srv / rw - tmpfs decoy rw")).is_err());
}

#[test]
fn a_volume_that_is_not_there_needs_private_mounts() {
    let table = |table: &str| {
        let mut host = host(true, false, &["mnt"]);
        host.secrets.insert("volume".into(), "word".into());
        host.attacker.mountinfo = table.into();
        Refusal::Unmount.explain(Errno::EINVAL, &host)
    };
    assert!(table("1 1 0:5 / / rw - tmpfs decoy rw").is_ok());
    assert!(table("1 1 0:5 / / rw shared:1 - tmpfs decoy rw").is_err());
    assert!(table("1 1 0:5 / /data rw - tmpfs word rw").is_err());
    assert!(table("").is_err());
}

#[test]
fn what_is_missing_in_a_namespace_needs_that_namespace() {
    for (class, errno, namespace) in [
        (Refusal::Process, Errno::ESRCH, "pid"),
        (Refusal::Ipc, Errno::ENOENT, "ipc"),
        (Refusal::Connection, Errno::ECONNREFUSED, "net"),
        (Refusal::UserNamespace, Errno::ENOSPC, "user"),
        (Refusal::Group, Errno::ENOENT, "cgroup"),
    ] {
        assert!(class.explain(errno, &host(true, true, &[namespace])).is_ok(), "{class:?}");
        assert!(class.explain(errno, &host(true, true, &[])).is_err(), "{class:?}");
    }
}

#[test]
fn what_ran_out_refuses_where_the_containers_own_group_counted_it() {
    let counted = |before, after| {
        let mut host = host(true, true, &["cgroup"]);
        for (group, count) in [(&mut host.group.0, before), (&mut host.group.1, after)] {
            (group.forks_refused, group.memory_refused) = (count, count);
        }
        host
    };
    for (class, errno) in [(Refusal::Processes, Errno::EAGAIN), (Refusal::Memory, Errno::ENOMEM)] {
        assert!(class.explain(errno, &counted(Some(0), Some(1))).is_ok(), "{class:?}");
        assert!(class.explain(errno, &counted(None, Some(1))).is_ok(), "{class:?}");
        // Another limit refused it: RLIMIT_NPROC, RLIMIT_AS, or that of the host itself.
        assert!(class.explain(errno, &counted(Some(1), Some(1))).is_err(), "{class:?}");
        assert!(class.explain(errno, &counted(None, None)).is_err(), "{class:?}");
    }
    assert!(Refusal::Memory.explain(Errno::EPERM, &counted(Some(0), Some(1))).is_err());
}

#[test]
fn what_is_read_only_is_looked_at() {
    let mut host = host(true, true, &["uts"]);
    for class in [Refusal::Mask, Refusal::HostName] {
        for (read_only, explained) in [(Some(true), true), (Some(false), false), (None, false)] {
            host.handles.read_only = read_only;
            assert_eq!(class.explain(Errno::EROFS, &host).is_ok(), explained, "{class:?} {read_only:?}");
        }
    }
}

#[test]
fn a_missing_key_needs_another_keyring() {
    let mut host = host(true, true, &["user"]);
    let mut explained = |hosts: Option<i32>, attackers| {
        let key = hosts.map(|ring| ("name".into(), 5, ring));
        host.services = Some(Served { key, ..Served::default() });
        host.handles.keyring = attackers;
        Refusal::Key.explain(Errno::ENOKEY, &host).is_ok()
    };
    assert!(explained(Some(7), Some(8)));
    assert!(!explained(Some(7), Some(7)) && !explained(Some(7), None) && !explained(None, Some(8)));
}

#[test]
fn a_mask_is_another_file() {
    let mut host = host(true, true, &["mnt", "user"]);
    let of = [(None, false), (Some(libc::PROC_SUPER_MAGIC), false), (Some(libc::SYSFS_MAGIC), false)];
    for (file_system, explained) in of.into_iter().chain([(Some(libc::TMPFS_MAGIC), true)]) {
        host.handles.file_system = file_system;
        assert_eq!(Refusal::Mask.explain_success(&host).is_ok(), explained, "{file_system:?}");
    }
}

#[test]
fn where_the_stake_was_spoiled_nothing_counts() {
    let spoiled = Host { unfit: Some("spoiled".into()), ..host(true, true, &["pid"]) };
    assert_eq!(Refusal::Process.explain(Errno::EPERM, &spoiled), Err("spoiled".into()));
    assert_eq!(Refusal::Process.explain_success(&spoiled), Err("spoiled".into()));
}

#[test]
fn a_terminal_that_is_none_must_not_be_the_callers() {
    let all = host(true, true, &["mnt", "pid", "ipc", "net", "user", "uts"]);
    for (held, in_session, explains) in
        [(true, true, false), (true, false, true), (false, true, true), (false, false, true)]
    {
        let terminal = Terminal { held: Some(held), in_session: Some(in_session) };
        let host = Host { terminal, ..all.clone() };
        assert_eq!(Refusal::Terminal.explain(Errno::ENOTTY, &host).is_ok(), explains);
        assert_eq!(Refusal::Terminal.explain_success(&host).is_ok(), !held);
        for errno in [Errno::EIO, Errno::EBADF, Errno::EINVAL] {
            assert!(Refusal::Terminal.explain(errno, &host).is_err());
        }
    }
    assert!(Refusal::Terminal.explain(Errno::ENOTTY, &all).is_err());
}

#[test]
fn a_program_that_gives_nothing_needs_a_reason() {
    let gains = |file: Option<Executed>, uid: u32, no_new_privs: &str, uid_map: &str, apart: &[&str]| {
        let mut host = Host { root_uid: 7, ..host(true, false, apart) };
        host.attacker.status.insert("NoNewPrivs".into(), no_new_privs.into());
        (host.attacker.executes, host.attacker.uid) = (file, Some(uid));
        host.attacker.uid_map = uid_map.into();
        Refusal::SetUserId.explain_success(&host)
    };
    let whole = Executed { owner: 7, setuid: true, nosuid: false };
    let map = "0 7 2000\n";
    assert!(gains(Some(whole), 1007, "0", map, &[]).is_err());
    assert!(gains(Some(whole), 1007, "0", map, &["user"]).is_err());
    assert!(gains(Some(whole), 7, "0", map, &["user"]).is_err());
    assert!(gains(None, 1007, "1", map, &[]).is_err());
    // What is no longer the stake, or can't be root's.
    assert!(gains(Some(Executed { setuid: false, ..whole }), 1007, "0", map, &[]).is_ok());
    assert!(gains(Some(Executed { owner: 8, ..whole }), 1007, "0", map, &[]).is_ok());
    assert!(gains(Some(Executed { nosuid: true, ..whole }), 1007, "0", map, &[]).is_ok());
    assert!(gains(Some(whole), 1007, "1", map, &[]).is_ok());
    assert!(gains(Some(whole), 1007, "0", "0 8 2000\n", &["user"]).is_ok());
    assert!(gains(Some(whole), 1007, "0", "0 8 2000\n", &[]).is_err());
    assert!(gains(Some(whole), 7, "0", "0 7 1\n", &["user"]).is_ok());
}

#[test]
fn a_success_needs_another_namespace() {
    assert!(Refusal::Mount.explain_success(&host(false, false, &["mnt"])).is_ok());
    assert!(Refusal::Mount.explain_success(&host(false, false, &["uts"])).is_err());
    assert!(Refusal::Permission.explain_success(&host(true, true, &["mnt"])).is_err());
}
