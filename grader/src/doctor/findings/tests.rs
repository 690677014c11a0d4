//! Tables of facts: known machines, and their findings.

use super::*;
use crate::decoy::ids::Ids;
use crate::doctor::facts::{Cgroups, Container, Settings, Stands};
use crate::doctor::way_out;
use crate::report::DecoyKind;
use rstest::rstest;

const ME: &str = "/home/me/grader";

fn refused(errno: Errno) -> Tried {
    Tried::Refused { why: format!("tried: {errno}"), errno }
}

/// Root on a machine that lacks nothing.
fn root() -> MachineFacts {
    MachineFacts {
        root: true,
        initial: true,
        program: ME.into(),
        release: "6.8.0-45-generic".into(),
        missing: Vec::new(),
        container: None,
        sys_admin: true,
        filtered: false,
        settings: Settings { max_user_namespaces: Some(15_000), ..Settings::default() },
        user_namespace: Tried::Works,
        loop_device: Tried::Works,
        ptrace: Tried::Works,
        cgroups: Cgroups {
            flavour: Flavour::V2,
            unified: Some("/sys/fs/cgroup".into()),
            lacking: Vec::new(),
            group: Tried::Works,
            user_manager: true,
        },
        ids: Ok(Ids { first: 0x7000_0000, count: IDS, owner: None }),
        cache: Ok("/home/ann/.cache/container-labs".into()),
        temporary: Tried::Works,
        libc: Libc::Static,
        decoys: [DecoyKind::Root, DecoyKind::User]
            .map(|kind| (kind, Stands::Works { landed: 4, not: Vec::new() }))
            .into(),
    }
}

/// An ordinary user there, who can make no user namespace.
fn user(errno: Errno, settings: Settings) -> MachineFacts {
    let only_root = Tried::NotTried("only root can make one");
    MachineFacts {
        root: false,
        settings,
        user_namespace: refused(errno),
        loop_device: only_root.clone(),
        cgroups: Cgroups { group: only_root, user_manager: false, ..root().cgroups },
        ids: Ok(Ids { first: 1000, count: 1, owner: None }),
        decoys: vec![(DecoyKind::User, Stands::Fails("clone(2)".into()))],
        ..root()
    }
}

/// The lacks of an area: what mends each.
fn mends(facts: &MachineFacts, area: Area) -> Vec<Mend> {
    let of_area = findings(facts).into_iter().filter(|finding| finding.area == area);
    of_area
        .filter_map(|finding| match finding.state {
            Assessment::Lack { mend, .. } => Some(mend),
            _ => None,
        })
        .collect()
}

fn run(command: &str) -> Mend {
    Mend::Run(command.into())
}

#[test]
fn a_machine_that_lacks_nothing_has_no_lack() {
    let found = findings(&root());
    assert!(found.iter().all(|finding| !matches!(finding.state, Assessment::Lack { .. })), "{found:?}");
    assert!(root().works());
}

#[rstest]
#[case::ubuntu_24_04(
    Errno::EACCES,
    Settings { apparmor_restrict: Some(1), ..Settings::default() },
    "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
)]
#[case::debian_10(
    Errno::EPERM,
    Settings { unprivileged_userns_clone: Some(0), ..Settings::default() },
    "sudo sysctl -w kernel.unprivileged_userns_clone=1"
)]
#[case::red_hat_7(
    Errno::ENOSPC,
    Settings { max_user_namespaces: Some(0), ..Settings::default() },
    "sudo sysctl -w user.max_user_namespaces=15000"
)]
fn a_setting_that_forbids_user_namespaces_is_named_with_its_mend(
    #[case] errno: Errno,
    #[case] settings: Settings,
    #[case] command: &str,
) {
    let facts = user(errno, settings);
    assert_eq!(mends(&facts, Area::UserNamespaces), [run(command)]);
    assert_eq!(mends(&facts, Area::UserDecoy), [run(command)]);
    assert_eq!(way_out(&facts, &[], true).unwrap(), format!("sudo {ME}"));
    assert!(!facts.works());
    // If user namespaces work, the setting does not matter: a profile allows them.
    let allowed = MachineFacts { user_namespace: Tried::Works, ..facts };
    assert_eq!(mends(&allowed, Area::UserNamespaces), []);
}

#[test]
fn two_settings_that_forbid_it_are_both_named() {
    let settings =
        Settings { unprivileged_userns_clone: Some(0), apparmor_restrict: Some(1), ..Settings::default() };
    assert_eq!(mends(&user(Errno::EPERM, settings), Area::UserNamespaces).len(), 2);
}

#[test]
fn settings_that_spare_root_are_not_blamed_for_what_root_is_refused() {
    let settings =
        Settings { unprivileged_userns_clone: Some(0), apparmor_restrict: Some(1), ..Settings::default() };
    let facts = MachineFacts { settings, user_namespace: refused(Errno::EPERM), ..root() };
    assert_eq!(Hindrance::all(&facts), [Hindrance::Unknown]);
}

/// Root or an ordinary user in `docker run IMAGE`, which drops CAP_SYS_ADMIN and filters unshare(2).
#[rstest]
fn a_container_without_privileges_is_started_anew_whoever_asks(#[values(true, false)] is_root: bool) {
    let inside = MachineFacts {
        root: is_root,
        container: Some(Container { engine: "docker".into(), id: Some("0123456789ab".into()) }),
        sys_admin: false,
        filtered: true,
        decoys: vec![(DecoyKind::User, Stands::Fails("clone(2)".into()))],
        ..user(Errno::EPERM, Settings::default())
    };
    let command =
        "docker run --privileged -it \"$(docker inspect -f '{{.Config.Image}}' 0123456789ab)\" # on the host";
    assert_eq!(mends(&inside, Area::Container), [run(command)]);
    assert_eq!(mends(&inside, Area::UserNamespaces), [run(command)]);
    // sudo gives no more than the container has.
    assert_eq!(way_out(&inside, &[], true).unwrap(), command);
}

#[test]
fn root_in_a_container_with_privileges_is_told_so_and_lacks_nothing() {
    let container = Some(Container { engine: "podman".into(), id: None });
    let facts = MachineFacts { container, ..root() };
    assert!(findings(&facts).iter().all(|finding| !matches!(finding.state, Assessment::Lack { .. })));
}

#[test]
fn the_command_that_helps_repeats_what_was_asked_for() {
    let facts = user(Errno::EPERM, Settings { unprivileged_userns_clone: Some(0), ..Settings::default() });
    let words = ["run", "--program", "./a b {command}"].map(str::to_owned);
    assert_eq!(
        way_out(&facts, &words, false).unwrap(),
        format!("sudo {ME} run --program './a b {{command}}'")
    );
}

#[test]
fn root_is_no_help_where_the_limit_holds_for_root_and_a_root_decoy_is_not_for_this() {
    let facts = user(Errno::ENOSPC, Settings { max_user_namespaces: Some(0), ..Settings::default() });
    assert_eq!(way_out(&facts, &[], false).unwrap(), "sudo sysctl -w user.max_user_namespaces=15000");
}

#[rstest]
#[case(Errno::ENXIO, run("modprobe loop"))]
#[case(Errno::ENOTTY, Mend::Otherwise("boot Linux 5.8 or newer".into()))]
fn a_loop_device_that_is_refused(#[case] errno: Errno, #[case] mend: Mend) {
    let facts = MachineFacts { loop_device: refused(errno), ..root() };
    assert_eq!(mends(&facts, Area::LoopDevices), [mend]);
}

#[test]
fn root_of_a_user_namespace_is_not_the_machines() {
    let container = Some(Container { engine: "podman".into(), id: None });
    let facts = MachineFacts { initial: false, container, loop_device: refused(Errno::EPERM), ..root() };
    assert!(matches!(&mends(&facts, Area::LoopDevices)[..], [Mend::Otherwise(_)]));
}

#[test]
fn an_ordinary_user_lacks_what_only_root_can_make() {
    let facts = user(Errno::EPERM, Settings::default());
    for area in [Area::LoopDevices, Area::Cgroups, Area::Ids] {
        assert_eq!(mends(&facts, area), [run(&format!("sudo {ME}"))], "{area:?}");
    }
}

#[test]
fn a_v2_tree_that_gives_no_controllers_is_told_to() {
    let facts =
        MachineFacts { cgroups: Cgroups { group: refused(Errno::UnknownErrno), ..root().cgroups }, ..root() };
    let command = "echo '+memory +pids' | tee /sys/fs/cgroup/cgroup.subtree_control";
    assert_eq!(mends(&facts, Area::Cgroups), [run(command)]);
}

#[test]
fn an_ordinary_user_gets_a_group_from_systemd_where_that_can_give_one() {
    let found = |user_manager, flavour| {
        let none = Tried::NotTried("only root");
        let cgroups = Cgroups { group: none, user_manager, flavour, ..root().cgroups };
        mends(&MachineFacts { cgroups, ..user(Errno::EPERM, Settings::default()) }, Area::Cgroups)
    };
    let scope = format!("systemd-run --user --scope -p Delegate=yes {}", root().program);
    assert_eq!(found(true, Flavour::V2), [run(&scope)]);
    for (user_manager, flavour) in [(false, Flavour::V2), (true, Flavour::V1)] {
        assert_ne!(found(user_manager, flavour), [run(&scope)]);
    }
}

#[test]
fn yama_can_forbid_what_root_can_not_get_back() {
    let settings = Settings { ptrace_scope: Some(3), ..Settings::default() };
    let facts = MachineFacts { ptrace: refused(Errno::EPERM), ..user(Errno::EPERM, settings) };
    assert!(matches!(&mends(&facts, Area::Tracing)[..], [Mend::Otherwise(_)]));
    assert_ne!(way_out(&facts, &[], true), Some(format!("sudo {ME}")));
    let settings = Settings { ptrace_scope: Some(2), ..Settings::default() };
    let facts = MachineFacts { ptrace: refused(Errno::EPERM), settings, ..root() };
    assert_eq!(mends(&facts, Area::Tracing), [run("sysctl -w kernel.yama.ptrace_scope=1")]);
}

#[rstest]
#[case(
    "5.10.0-28-amd64",
    Errno::ENOSYS,
    "no mount_setattr(2) (since Linux 5.12)",
    "boot Linux 5.12 or newer"
)]
#[case("6.1.0", Errno::ENOSYS, "no mount_setattr(2)", "boot a kernel that has it built in")]
#[case("6.1.0", Errno::EPERM, "mount_setattr(2): refused: EPERM", "start the grader where no filter")]
#[case("5.10.0", Errno::EPERM, "mount_setattr(2): refused: EPERM", "start the grader where no filter")]
fn what_a_kernel_does_not_have_is_told_from_what_is_refused(
    #[case] release: &str,
    #[case] errno: Errno,
    #[case] said: &str,
    #[case] way: &str,
) {
    let facts = MachineFacts {
        missing: vec![(feature("mount_setattr(2)"), errno)],
        release: release.into(),
        ..root()
    };
    let [Finding { found, state: Assessment::Lack { mend: Mend::Otherwise(mend), .. }, .. }] =
        &kernel(&facts)[..]
    else {
        panic!("{:?}", kernel(&facts))
    };
    assert!(found.contains(said) && mend.starts_with(way), "{found}: {mend}");
    assert_eq!(found.contains("since Linux"), errno == Errno::ENOSYS);
}

#[test]
fn what_the_grader_can_do_without_is_a_note() {
    let facts = MachineFacts { missing: vec![(feature("close_range(2)"), Errno::ENOSYS)], ..root() };
    assert_eq!(kernel(&facts)[0].state, Assessment::Note);
}

fn feature(name: &str) -> &'static Feature {
    crate::doctor::features::ALL.iter().find(|feature| feature.name == name).unwrap()
}

#[test]
fn an_attempt_that_lands_only_as_root_names_the_command_that_judges_it() {
    let not = vec![("clock-adjust".to_owned(), "EPERM".to_owned())];
    let mut facts = root();
    facts.decoys[1].1 = Stands::Works { landed: 3, not };
    let command = format!("{ME} run --decoy root --check clock-adjust");
    assert_eq!(mends(&facts, Area::UserDecoy), [run(&command)]);
}

#[test]
fn without_a_place_for_its_files_that_comes_first() {
    let cache = Err("neither XDG_CACHE_HOME nor HOME is set".to_owned());
    let facts =
        MachineFacts { cache, user_namespace: Tried::Works, ..user(Errno::EPERM, Settings::default()) };
    assert_eq!(way_out(&facts, &[], true).unwrap(), "export XDG_CACHE_HOME=$(mktemp -d)");
    let facts = MachineFacts { temporary: refused(Errno::EROFS), cache: root().cache, ..facts };
    assert!(way_out(&facts, &[], true).unwrap().starts_with("export TMPDIR="));
}
