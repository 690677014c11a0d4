//! The namespaces, as the host sees them in `/proc/<pid>` (namespaces(7)).

use crate::host::{mounts, status};
use crate::running::Running;
use crate::stage::{Lab, Lab::*, Stage, Who, Who::*};
use nix::unistd::{Pid, getegid, geteuid};
use rstest::rstest;
use std::fs;
use std::path::PathBuf;

const ALL: [&str; 8] = ["mnt", "uts", "ipc", "pid", "net", "user", "cgroup", "time"];

/// The namespace that a process is in. Its file names it: `uts:[4026531838]`.
fn namespace(process: Pid, kind: &str) -> PathBuf {
    fs::read_link(format!("/proc/{process}/ns/{kind}")).unwrap()
}

/// The namespaces of a process that are not this test's.
fn own(process: Pid) -> Vec<&'static str> {
    ALL.into_iter().filter(|kind| namespace(process, kind) != namespace(Pid::this(), kind)).collect()
}

/// A lab whose command waits.
fn waiting(stage: &Stage, options: &[&str]) -> Running {
    let mut running = stage.start(options, "echo ready; read line");
    assert_eq!(running.line(), "ready");
    running
}

#[rstest]
fn all_are_the_containers_own(#[values(Namespaces, Mounts, Pivot)] lab: Lab, #[values(Root, User)] who: Who) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let but_user: Vec<_> = ALL.into_iter().filter(|kind| *kind != "user").collect();
    let expected = if who == Root { but_user.as_slice() } else { &ALL };
    let running = waiting(&stage, &[]);
    assert_eq!(own(running.command()), expected);
    assert_eq!(own(running.pid()), [""; 0], "the lab itself stays where it is");
}

#[rstest]
fn userns_makes_a_user_namespace_also_as_root(
    #[values(Namespaces, Mounts, Pivot)] lab: Lab,
    #[values(Root, User)] who: Who,
) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let running = waiting(&stage, &["--userns"]);
    assert_eq!(own(running.command()), ALL);
    // Root inside is nobody special outside: real, effective, saved and file system uid.
    let uids = status(running.command(), "Uid").unwrap();
    assert!(uids.split_whitespace().all(|uid| uid != "0"), "{uids}");
}

/// Lab 0 has no namespaces, but what an ordinary user needs to be allowed a chroot.
#[rstest]
fn lab_0_has_none(#[values(Root, User)] who: Who) {
    let Some(stage) = Stage::new(Chroot, who) else { return };
    let running = waiting(&stage, &[]);
    let expected: &[&str] = if who == Root { &[] } else { &["user"] };
    assert_eq!(own(running.command()), expected);
}

#[rstest]
#[case("cgroup", "cgroup")]
#[case("ipc", "ipc")]
#[case("network", "net")]
#[case("time", "time")]
#[case("uts", "uts")]
fn share_leaves_one_out(
    #[values(Namespaces, Mounts, Pivot)] lab: Lab,
    #[values(Root, User)] who: Who,
    #[case] name: &str,
    #[case] kind: &str,
) {
    let Some(stage) = Stage::new(lab, who) else { return };
    // Without its own network namespace a user may not mount a sysfs (user_namespaces(7)).
    if (name, who) == ("network", User) && lab > Namespaces {
        return;
    }
    let running = waiting(&stage, &["--share", name]);
    let shared = |own: &[&str]| ALL.into_iter().filter(|kind| !own.contains(kind)).collect::<Vec<_>>();
    let expected = if who == Root { vec![kind, "user"] } else { vec![kind] };
    let mut found = shared(&own(running.command()));
    found.sort_unstable_by_key(|kind| *kind == "user");
    assert_eq!(found, expected);
}

#[rstest]
fn the_host_keeps_its_name(#[values(Namespaces, Mounts, Pivot)] lab: Lab, #[values(Root, User)] who: Who) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let before = nix::unistd::gethostname().unwrap();
    stage.script("uname -n").success().stdout("container\n");
    let shared = format!("{}\n", before.display());
    let rootfs = stage.rootfs();
    let words = ["--share".as_ref(), "uts".as_ref(), rootfs.as_os_str(), "uname".as_ref(), "-n".as_ref()];
    stage.run(words).success().stdout(shared);
    assert_eq!(nix::unistd::gethostname().unwrap(), before);
}

#[rstest]
fn the_command_is_number_1(
    #[values(Chroot, Namespaces, Mounts, Pivot)] lab: Lab,
    #[values(Root, User)] who: Who,
) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let running = waiting(&stage, &[]);
    let numbers = status(running.command(), "NSpid").unwrap();
    let number = numbers.split_whitespace().last().unwrap();
    assert_eq!(number == "1", lab != Chroot, "{numbers}");
}

/// The kernel gives `lo` its address when it comes up; before that there is no route to it.
#[rstest]
fn the_loopback_interface_is_up(
    #[values(Namespaces, Mounts, Pivot)] lab: Lab,
    #[values(Root, User)] who: Who,
) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let running = waiting(&stage, &[]);
    let network = |file: &str| fs::read_to_string(format!("/proc/{}/net/{file}", running.command())).unwrap();
    let interfaces: Vec<_> =
        network("dev").lines().filter_map(|line| Some(line.split_once(':')?.0.trim().to_owned())).collect();
    // Some kernel modules put interfaces of their own, all down, into every network namespace.
    assert!(interfaces.contains(&"lo".to_owned()), "{interfaces:?}");
    let routes = network("fib_trie");
    assert!(routes.contains("127.0.0.1"), "{routes}");
}

/// A week lies between the two clocks: both offsets count from the machine's first time namespace.
#[rstest]
fn the_boot_time_clock_is_another_than_the_hosts(
    #[values(Namespaces, Mounts, Pivot)] lab: Lab,
    #[values(Root, User)] who: Who,
) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let running = waiting(&stage, &[]);
    let offset = |process: &str| -> Option<i64> {
        let offsets = fs::read_to_string(format!("/proc/{process}/timens_offsets")).ok()?;
        let line = offsets.lines().find_map(|line| line.strip_prefix("boottime"))?;
        line.split_whitespace().next()?.parse().ok()
    };
    let inside = offset(&running.command().to_string()).expect("the command's offsets can be read");
    assert_eq!(inside, 604_800);
    assert_ne!(Some(inside), offset("self"));
}

#[rstest]
fn without_root_the_own_ids_are_roots(#[values(Chroot, Namespaces, Mounts, Pivot)] lab: Lab) {
    let Some(stage) = Stage::new(lab, User) else { return };
    let (uid, gid) = if geteuid().is_root() {
        (crate::stage::USER, crate::stage::USER)
    } else {
        (geteuid().as_raw(), getegid().as_raw())
    };
    stage.script("id -u; id -g").success().stdout("0\n0\n");
    let running = waiting(&stage, &[]);
    let words = |file: &str| {
        let text = fs::read_to_string(format!("/proc/{}/{file}", running.command())).unwrap();
        text.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(words("uid_map"), ["0", &uid.to_string(), "1"]);
    assert_eq!(words("gid_map"), ["0", &gid.to_string(), "1"]);
    assert_eq!(words("setgroups"), ["deny"]);
}

#[rstest]
fn with_userns_root_gets_a_range_of_ids(#[values(Namespaces, Mounts, Pivot)] lab: Lab) {
    let Some(stage) = Stage::new(lab, Root) else { return };
    let running = waiting(&stage, &["--userns"]);
    for file in ["uid_map", "gid_map"] {
        let map = fs::read_to_string(format!("/proc/{}/{file}", running.command())).unwrap();
        let numbers: Vec<u64> = map.split_whitespace().map(|number| number.parse().unwrap()).collect();
        let [0, first, count] = numbers[..] else { panic!("{file}: {map}") };
        assert!(first > 0 && count >= 1, "{file}: {map}");
    }
}

/// Propagation: what the container mounts stays its own, also while it runs and where `/` is shared.
#[rstest]
fn the_host_sees_no_mount(
    #[values(Chroot, Namespaces, Mounts, Pivot)] lab: Lab,
    #[values(Root, User)] who: Who,
) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let mut program = stage.program();
    program.arg(stage.rootfs()).args(["/bin/sh", "-c", "echo ready; read line"]);
    if who == Root {
        crate::stage::share_mounts(&mut program);
    }
    let before = mounts();
    let mut running = Running::start(program);
    assert_eq!(running.line(), "ready");
    let around = fs::read_to_string(format!("/proc/{}/mountinfo", running.pid())).unwrap();
    let rootfs = stage.rootfs();
    assert!(!around.contains(rootfs.to_str().unwrap()), "{around}");
    assert_eq!(mounts(), before);
}

/// In the host's mount namespace the labs after lab 1 mount nothing and exchange no root: it would be the host's.
#[rstest]
fn in_the_hosts_mount_namespace_nothing_is_mounted(
    #[values(Mounts, Pivot)] lab: Lab,
    #[values(Root, User)] who: Who,
) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let mut program = stage.program();
    program.args(["--share", "mount"]).arg(stage.rootfs()).args(["/bin/sh", "-c", "echo ready; read line"]);
    // A host of its own all the same: who knows what a broken lab would do to this one.
    if who == Root {
        crate::stage::share_mounts(&mut program);
    }
    let mut running = Running::start(program);
    assert_eq!(running.line(), "ready");
    assert_eq!(namespace(running.pid(), "mnt"), namespace(running.command(), "mnt"));
    let around = fs::read_to_string(format!("/proc/{}/mountinfo", running.pid())).unwrap();
    assert!(!around.contains(stage.rootfs().to_str().unwrap()), "{around}");
}
