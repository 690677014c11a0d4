//! A root file system that came from somebody else: links and files where the container's file systems are to be
//! mounted. No command runs in it, and what is mounted is mounted nowhere else.

use crate::directories::make_read_only;
use crate::host::mounts;
use crate::stage::{Lab, Lab::*, Stage, Who, Who::*, finish};
use grader::labs;
use grader::labs::steps::Source;
use grader::labs::variant::Workshop;
use nix::sys::stat::Mode;
use rstest::rstest;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};
use std::process::Command;

/// Prints what only a host has. In a container it is not there.
const SCRIPT: &str = "echo started; cat /../canary";

const LINK: &str = "Too many symbolic links encountered";

/// A copy of the root file system in which something else stands at `place`.
fn image(stage: &Stage, place: &str, put: impl Fn(&Path)) -> String {
    let rootfs = stage.copy("image");
    let at = rootfs.join(place);
    // The file is the pristine one's, too: it is not written to.
    let _ = fs::rename(&at, rootfs.join("was-there"));
    put(&at);
    rootfs.to_str().unwrap().to_owned()
}

#[rstest]
fn a_link_is_not_followed(
    #[values(Mounts, Pivot)] lab: Lab,
    #[values((Root, false), (Root, true), (User, false))] (who, userns): (Who, bool),
    #[values("proc", "sys", "dev", "tmp", "run")] place: &str,
    #[values("/", "the top", "/var/tmp", "etc", "/proc/self/root", "/no/such/place", "itself")] to: &str,
) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let to = |rootfs: &Path| match to {
        "itself" => place.into(),
        "the top" => up(rootfs, 0),
        to => to.into(),
    };
    let rootfs = image(&stage, place, |at| symlink(to(at.parent().unwrap()), at).unwrap());
    refuses(&stage, userns, &rootfs, place, LINK);
    assert_eq!(fs::read_link(Path::new(&rootfs).join(place)).unwrap(), to(rootfs.as_ref()));
}

/// From `rootfs` up to the host's `/`, by as many `..` as that needs and some `more`.
fn up(rootfs: &Path, more: usize) -> PathBuf {
    let depth = rootfs.components().filter(|part| matches!(part, Component::Normal(_))).count();
    std::iter::repeat_n("..", depth + more).collect()
}

#[rstest]
fn a_file_is_no_directory(
    #[values(Mounts, Pivot)] lab: Lab,
    #[values((Root, false), (Root, true), (User, false))] (who, userns): (Who, bool),
    #[values("proc", "sys", "dev", "tmp", "run")] place: &str,
    #[values(false, true)] pipe: bool,
) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let rootfs = image(&stage, place, |at| match pipe {
        true => nix::unistd::mkfifo(at, Mode::from_bits_truncate(0o644)).unwrap(),
        false => fs::write(at, "").unwrap(),
    });
    refuses(&stage, userns, &rootfs, place, "Not a directory");
}

/// What is missing is made, and what can't be made is said.
#[rstest]
fn a_directory_is_missing(
    #[values(Mounts, Pivot)] lab: Lab,
    #[values((Root, true), (User, false))] (who, userns): (Who, bool),
    #[values("proc", "sys", "dev", "tmp", "run")] place: &str,
) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let rootfs = image(&stage, place, |_| {});
    // Whose root has not all capabilities over the file, or is not its owner, may not write.
    fs::set_permissions(&rootfs, fs::Permissions::from_mode(0o555)).unwrap();
    if who == User {
        // Its owner may give itself the right, and its root need not have it.
        nix::unistd::chown(Path::new(&rootfs), Some(0.into()), Some(0.into())).unwrap_or_default();
        if !nix::unistd::geteuid().is_root() {
            return;
        }
    }
    refuses(&stage, userns, &rootfs, place, "Permission denied");
}

#[rstest]
fn a_directory_is_missing_on_a_read_only_file_system(
    #[values(Mounts, Pivot)] lab: Lab,
    #[values(Root, User)] who: Who,
    #[values("proc", "sys", "dev", "tmp", "run")] place: &str,
) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let rootfs = image(&stage, place, |_| {});
    let mut program = stage.program();
    program.args([rootfs.as_str(), "/bin/sh", "-c", SCRIPT]);
    make_read_only(&stage, rootfs.as_ref(), &mut program);
    ends_with(program, &format!("{}: {place}: Read-only file system\n", lab.name()));
}

#[rstest]
fn a_missing_directory_is_made(
    #[values(Mounts, Pivot)] lab: Lab,
    #[values(Root, User)] who: Who,
    #[values("proc", "sys", "dev", "tmp", "run")] place: &str,
) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let rootfs = image(&stage, place, |_| {});
    let script = format!("grep -c ' /{place} ' /proc/mounts");
    stage.run([rootfs.as_str(), "/bin/sh", "-c", &script]).success().stdout("1\n");
    assert!(fs::symlink_metadata(Path::new(&rootfs).join(place)).unwrap().is_dir());
}

/// What the image has in its `/dev` is covered before anything is mounted there.
#[rstest]
fn a_link_below_dev_is_covered(
    #[values(Mounts, Pivot)] lab: Lab,
    #[values((Root, false), (Root, true), (User, false))] (who, userns): (Who, bool),
    #[values("dev/pts", "dev/shm", "dev/null", "dev/ptmx", "dev/fd")] place: &str,
    #[values("/", "/var/tmp", "/no/such/place")] to: &str,
) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let rootfs = image(&stage, place, |at| {
        let _ = fs::create_dir(at.parent().unwrap());
        symlink(to, at).unwrap();
    });
    let script =
        "grep -cE ' /dev/(pts|shm|null) ' /proc/mounts; readlink /dev/ptmx /dev/fd; ls -d /../var/lib";
    let options = if userns { &["--userns"][..] } else { &[] };
    let ran = stage.run([options, &[&rootfs, "/bin/sh", "-c", script]].concat());
    ran.code(2).stdout("3\npts/ptmx\n/proc/self/fd\n");
}

/// It ends with the step's name before the command begins, and nothing is mounted on the host.
#[track_caller]
fn refuses(stage: &Stage, userns: bool, rootfs: &str, step: &str, why: &str) {
    let mut program = stage.program();
    program.args(userns.then_some("--userns")).args([rootfs, "/bin/sh", "-c", SCRIPT]);
    ends_with(program, &format!("{}: {step}: {why}\n", stage.lab.name()));
}

#[track_caller]
fn ends_with(program: Command, said: &str) {
    let before = mounts();
    finish(program).code(1).stdout("").stderr(said.to_owned());
    assert_eq!(mounts(), before);
}

/// Lab 3 looks for itself whether something lies over its root: here lab 2 lacks the step by which nothing does.
#[rstest]
fn lab_3_refuses_a_root_that_something_lies_over(
    #[values((Root, false), (Root, true), (User, false))] (who, userns): (Who, bool),
    #[values(None, Some(0), Some(1))] more: Option<usize>,
) {
    let Some(stage) = Stage::new(Pivot, who) else { return };
    let Some(program) = without_links_refused() else { return };
    let to = |rootfs: &Path| more.map_or_else(|| "/".into(), |more| up(rootfs, more));
    let rootfs = image(&stage, "tmp", |at| symlink(to(at.parent().unwrap()), at).unwrap());
    let run = |rootfs: &Path, script: &str| {
        let mut program = stage.program_at(program);
        program.arg("--quiet").args(userns.then_some("--userns")).arg(rootfs).args(["/bin/sh", "-c", script]);
        program
    };
    ends_with(run(rootfs.as_ref(), SCRIPT), "lab3-pivot: pivot-root: Cross-device link\n");
    // Where nothing lies over it, it is as it always was.
    let same = "test \"$(stat -c %d:%i /)\" = \"$(stat -c %d:%i /..)\" && echo same";
    finish(run(&stage.rootfs(), same)).success().stdout("same\n");
}

/// Lab 3 on a lab 2 without `no-links`. None, and a line that says why, where it can't be built.
fn without_links_refused() -> Option<&'static Path> {
    use std::sync::OnceLock;
    static PROGRAM: OnceLock<Option<std::path::PathBuf>> = OnceLock::new();
    let build = || {
        if std::env::var_os("CONTAINER_LABS_PROGRAMS").is_some()
            || Command::new("cargo").arg("-V").output().is_err()
        {
            eprintln!("skipped: the lab can't be built here");
            return None;
        }
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let source = Source::read(workspace).unwrap();
        let weaker = source.without(|id| id.to_string() == "lab2-mounts/no-links").unwrap();
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("links");
        let workshop = Workshop::open(workspace, &cache).unwrap();
        Some(workshop.build(&weaker, labs::ALL[3]).unwrap())
    };
    PROGRAM.get_or_init(build).as_deref()
}
