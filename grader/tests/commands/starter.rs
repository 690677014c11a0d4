//! A student's workspace: what `grader starter` makes, and that the other commands work in it.

mod git;

use crate::common::confined::small_disk;
use crate::common::stage::{Stage, Who, all_is_asked_for, skip, workspace};
use crate::common::variants;
use crate::common::warm;
use crate::common::way;
use grader::labs;
use grader::labs::steps::Source;
use grader::report::{CheckKind, Verdict};
use grader::student::starter;
use nix::unistd::geteuid;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::{contains, is_empty};
use rstest::rstest;
use std::env;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// `grader` with these words, with a home where git has no settings.
fn grader(stage: &Stage, words: &[&str]) -> Command {
    let mut grader = stage.grader(words);
    grader.env("HOME", stage.directory("home")).env_remove("XDG_CONFIG_HOME");
    grader
}

/// A new workspace.
fn starter(stage: &Stage) -> PathBuf {
    stage.run(grader(stage, &["starter", "mine"])).assert().success();
    stage.path("mine")
}

/// A new workspace, in which the crates that the labs use are built.
fn warm_starter(stage: &Stage) -> PathBuf {
    let mine = starter(stage);
    assert!(warm::target(&mine));
    mine
}

/// A grader in a workspace, which it builds.
fn inside(stage: &Stage, workspace: &Path, words: &[&str]) -> Command {
    let mut grader = stage.grader(words);
    grader.current_dir(workspace);
    warm::cargo_settings(&mut grader);
    grader
}

/// Who has cargo here: whoever runs the tests.
fn with_cargo() -> Option<Stage> {
    if Command::new("cargo").arg("--version").output().is_err() {
        skip("needs cargo");
        return None;
    }
    Stage::new(if geteuid().is_root() { Who::Root } else { Who::User })
}

fn git(workspace: &Path, words: &[&str]) -> String {
    // Another user's repository is one that git does not trust.
    let mut git = Command::new("git");
    git.args(["-c", "safe.directory=*"]).args(words).current_dir(workspace);
    String::from_utf8(git.output().unwrap().stdout).unwrap()
}

#[test]
fn every_step_is_out_and_says_what_to_do() {
    let (reference, starter) = (Source::read(workspace()).unwrap(), starter::source().unwrap());
    let found = starter.found().unwrap();
    let steps = reference.steps().unwrap();
    assert_eq!(found.len(), steps.len());
    for (id, found) in found {
        let step = steps.iter().find(|step| step.id == id).unwrap();
        if id.lab == labs::ALL[0] {
            assert_eq!(found.body, step.body, "{id} is given");
            continue;
        }
        assert!(found.body.starts_with("// TODO: "), "{id}: {}", found.body);
        assert!(found.body.lines().all(|line| line.starts_with("//")), "{id}: {}", found.body);
        assert!(step.man.iter().all(|page| found.body.contains(page.as_str())), "{id}: {}", found.body);
    }
    let lab0 = |source: &Source| {
        let files = source.files().filter(|(path, _)| path.starts_with(labs::ALL[0]));
        files.map(|(path, text)| (path.to_owned(), text.to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(lab0(&starter), lab0(&reference));
}

#[test]
fn it_compiles_without_a_warning() {
    let starter = starter::source().unwrap();
    let Some(workshop) = variants::workshop() else { return };
    for lab in labs::ALL {
        workshop.check(&starter, lab).unwrap();
    }
}

/// Its manifest and its lock file are right: cargo would change nothing in them.
#[test]
fn cargo_builds_it_as_it_is() {
    let Some(stage) = with_cargo() else { return };
    let mine = starter(&stage);
    let mut cargo = Command::new("cargo");
    cargo.args(["clippy", "--quiet", "--workspace", "--locked", "--", "-Dwarnings"]).current_dir(&mine);
    // Kept from one run to the next: what clippy makes of a crate is nothing that a build can use.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clippy");
    cargo.env("CARGO_TARGET_DIR", target).env("CARGO_NET_OFFLINE", "true");
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut format = Command::new("cargo");
    assert!(format.args(["fmt", "--check"]).current_dir(&mine).status().unwrap().success());
    assert_eq!(git(&mine, &["status", "--porcelain"]), "");
}

/// Under sudo a person's workspace is the person's.
#[test]
fn under_sudo_it_belongs_to_who_called() {
    let Some(stage) = Stage::new(Who::Root) else { return };
    let mut grader = grader(&stage, &["starter", "deep/mine"]);
    // An account that every machine has.
    grader.env("SUDO_UID", "65534").env("SUDO_GID", "65534");
    stage.run(grader).assert().success();
    let mut open = vec![stage.path("deep")];
    while let Some(path) = open.pop() {
        let found = fs::symlink_metadata(&path).unwrap();
        assert_eq!((found.uid(), found.gid()), (65534, 65534), "{}", path.display());
        if found.is_dir() {
            open.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    assert_eq!(git(&stage.path("deep/mine"), &["rev-list", "--count", "HEAD"]), "1\n");
}

#[rstest]
#[case::not_empty("full", "not empty")]
#[case::a_file("file", "no directory")]
#[case::below_a_file("file/mine", "is a file")]
#[case::a_link_to_nothing("link", "no directory")]
fn what_is_there_is_never_overwritten(
    #[case] name: &str,
    #[case] why: &str,
    #[values(Who::Root, Who::User)] who: Who,
) {
    let Some(stage) = Stage::new(who) else { return };
    stage.directory("full");
    fs::write(stage.path("full/Cargo.toml"), "mine").unwrap();
    fs::write(stage.path("file"), "mine").unwrap();
    symlink("nothing", stage.path("link")).unwrap();
    let ran = stage.run(grader(&stage, &["starter", name]));
    ran.assert().code(2).stdout(is_empty()).stderr(contains(name).and(contains(why)));
    assert_eq!(fs::read_to_string(stage.path("full/Cargo.toml")).unwrap(), "mine");
    assert_eq!(fs::read_to_string(stage.path("file")).unwrap(), "mine");
    assert_eq!(fs::read_dir(stage.path("full")).unwrap().count(), 1);
    assert!(!stage.path("nothing").exists());
}

#[test]
fn an_empty_directory_is_taken() {
    let Some(stage) = Stage::new(Who::User) else { return };
    let mut grader = grader(&stage, &["starter", "."]);
    grader.current_dir(stage.directory("mine"));
    stage.run(grader).assert().success();
    assert!(stage.path("mine/lab3-pivot/src/main.rs").is_file());
}

/// Nothing half-made is left, whether the directory was there before or not, and wherever the disk was full.
#[rstest]
fn a_full_disk_leaves_nothing(
    #[values("small", "small/deep/mine")] directory: &str,
    #[values(16_384, 172_032)] size: u32,
    #[values(Who::Root, Who::User)] who: Who,
) {
    let Some(stage) = Stage::new(who) else { return };
    let small = stage.directory("small");
    let script = "\"$@\"; code=$?; find small -mindepth 1; exit $code";
    let mut shell = stage.script(script, ["starter", directory]);
    shell.env("HOME", stage.directory("home"));
    small_disk(&mut shell, who, &small, size);
    let said = contains("No space left on device").and(contains("no workspace was made"));
    stage.run(shell).assert().code(1).stdout(is_empty()).stderr(said);
}

#[test]
fn a_directory_that_cannot_be_written_is_named() {
    let Some(stage) = Stage::new(Who::User) else { return };
    let closed = stage.directory("closed");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    let ran = stage.run(grader(&stage, &["starter", "closed/mine"]));
    if geteuid().is_root() || ran.code() != Some(0) {
        ran.assert().code(1).stderr(contains("Permission denied").and(contains("closed/mine")));
    }
}

/// Without any step.
#[rstest]
fn every_lab_shows_what_the_lab_before_it_shows(#[values("root", "user")] decoy: &str) {
    let Some(stage) = with_cargo() else { return };
    if decoy == "root" && stage.who != Who::Root {
        return skip("needs root");
    }
    if decoy == "user" && stage.who == Who::Root && !all_is_asked_for("decoys that an ordinary user can make")
    {
        return;
    }
    let mine = warm_starter(&stage);
    let ran = stage.run(inside(&stage, &mine, &["run", "--format", "json", "--decoy", decoy]));
    let report = ran.report();
    assert_eq!(ran.code(), Some(1), "{report:#?}");
    let attempts = |lab: usize| {
        let checks = report.targets[lab].checks.iter().filter(|check| check.kind == CheckKind::Attempt);
        checks.map(|check| (check.id.clone(), check.verdict)).collect::<Vec<_>>()
    };
    for lab in 1..labs::ALL.len() {
        assert_eq!(attempts(lab), attempts(lab - 1), "{}", labs::ALL[lab]);
        assert_eq!(report.targets[lab].points, 0.0);
    }
    assert_eq!(report.targets[0].reached, Some(0));
}

#[test]
fn without_its_markers_it_is_graded_all_the_same() {
    let Some(stage) = with_cargo() else { return };
    let mine = warm_starter(&stage);
    for (path, text) in starter::source().unwrap().files() {
        let marker = |line: &&str| line.contains("// step:") || line.contains("// end step");
        let text: String =
            text.lines().filter(|line| !marker(line)).map(|line| format!("{line}\n")).collect();
        fs::write(mine.join(path), text).unwrap();
    }
    let told = stage.run(inside(&stage, &mine, &["run", "lab1", "--decoy", "user"])).assert().code(1);
    told.stdout(
        contains("Next: mount-namespace in lab1-namespaces\n").and(contains("It stops mount, host-umount")),
    );
    let told = stage.run(inside(&stage, &mine, &["explain", "hostname"])).assert().success();
    told.stdout(
        contains("Name the container").and(contains("// TODO")).and(contains("sethostname(HOSTNAME)").not()),
    );
}

/// What other systems and editors leave beside the source, or write in it, is no step that is missing.
#[test]
fn what_is_no_text_costs_no_step() {
    let Some(stage) = with_cargo() else { return };
    let mine = stage.directory("mine");
    way::source(2).write(&mine).unwrap();
    assert!(warm::target(&mine));
    let source = mine.join("lab1-namespaces/src");
    let library = fs::read_to_string(source.join("lib.rs")).unwrap();
    fs::write(source.join("lib.rs"), format!("\u{feff}{}", library.replace('\n', "\r\n"))).unwrap();
    fs::write(source.join("._lib.rs"), b"\0\x05\x16\x07Mac OS X\xb0\xff").unwrap();
    fs::write(source.join("alt.rs"), b"// \xfcber\n").unwrap();
    for stray in ["lab1-namespaces/src/._x", "lab2-backup", "lab3-pivot (copy)/src", "lab9/src"] {
        fs::create_dir_all(mine.join(stray)).unwrap();
    }
    let told = stage.run(inside(&stage, &mine, &["run", "lab1", "--decoy", "user"])).assert().code(1);
    told.stdout(contains("2 of 11 steps").and(contains(" in lab1-namespaces/src/lib.rs:")))
        .stderr(is_empty());
    let told = stage.run(inside(&stage, &mine, &["try", "mount", "--in", "lab1", "--decoy", "user"]));
    told.assert().stdout(contains("has no marker").not());
}

/// The whole of a person's first hour: red, a step written, the folder moved, the file of progress broken.
#[test]
fn run_says_where_the_student_stands() {
    let Some(stage) = with_cargo() else { return };
    let mine = warm_starter(&stage);
    let run =
        |place: &Path| stage.run(inside(&stage, place, &["run", "lab1", "--decoy", "user"])).assert().code(1);
    let text = |path: &Path| fs::read_to_string(path).unwrap();
    run(&mine)
        .stdout(
            contains("Red is expected").and(contains("Next: mount-namespace in lab1-namespaces/src/lib.rs:")),
        )
        .stderr(is_empty());
    assert!(text(&mine.join("progress.toml")).contains("runs = 1\n"));
    assert_eq!(git(&mine, &["status", "--porcelain"]), "", "git does not see it");

    // Two steps, as somebody would write them: below the TODO.
    let library = mine.join("lab1-namespaces/src/lib.rs");
    let mut lab1 = text(&library);
    for (read, flag) in
        [("// Read: mount_namespaces(7), clone(2)", "NEWNS"), ("// Read: ipc_namespaces(7)", "NEWIPC")]
    {
        lab1 = lab1.replacen(read, &format!("flags |= CloneFlags::CLONE_{flag};\n    {read}"), 1);
    }
    fs::write(&library, lab1).unwrap();
    run(&mine)
        .stdout(contains("new: sysv-shm, posix-mq").and(contains("Next: private-propagation in ")))
        .stdout(contains("Red is expected").not());

    assert!(text(&mine.join("progress.toml")).contains("runs = 2\n"));

    let moved = stage.path("moved");
    fs::rename(&mine, &moved).unwrap();
    fs::write(moved.join("progress.toml"), "runs = [").unwrap();
    run(&moved).stderr(contains("it is kept as progress.toml.broken"));
    assert_eq!(text(&moved.join("progress.toml.broken")), "runs = [");
    // A report for a machine, and one of a part, say and note nothing.
    let before = text(&moved.join("progress.toml"));
    for words in [["--format", "json"], ["--attempt", "mount"]] {
        let words = [&["run", "lab1", "--decoy", "user"], words.as_slice()].concat();
        stage.run(inside(&stage, &moved, &words)).assert().code(1).stdout(contains("Where you stand").not());
    }
    assert_eq!(text(&moved.join("progress.toml")), before);
}

/// Cargo takes packages of one name and one place in their workspaces for the same, and what was built later for new.
#[test]
fn workspaces_with_one_target_directory_are_each_graded_by_their_own_program() {
    let Some(stage) = with_cargo() else { return };
    let mine = starter(&stage);
    let other = stage.path("other");
    stage.run(grader(&stage, &["starter", "other"])).assert().success();
    let lab0 = other.join("lab0-chroot/src/lib.rs");
    let text = fs::read_to_string(&lab0).unwrap();
    fs::write(&lab0, text.replace("chdir(\"/\")", "chdir(\".\")")).unwrap();
    // As a file is that was unpacked from an archive: older than what was built of it.
    fs::File::options().write(true).open(&lab0).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    // A person's setting, for all workspaces below.
    stage.directory(".cargo");
    fs::write(stage.path(".cargo/config.toml"), "[build]\ntarget-dir = \"shared\"\n").unwrap();
    stage.directory("shared");
    let cargo = stage.path("warm-cargo");
    warm::write_cargo(&cargo);
    for (workspace, verdict) in
        [(&mine, Verdict::Blocked), (&other, Verdict::Escaped), (&mine, Verdict::Blocked)]
    {
        let words = ["run", "lab0", "--attempt", "cwd-outside-root", "--format", "json", "--decoy", "user"];
        let mut grader = inside(&stage, workspace, &words);
        grader.env("CARGO", &cargo);
        let report = stage.run(grader).report();
        assert_eq!(report.targets[0].checks[0].verdict, verdict, "{}", workspace.display());
    }
    assert!(!mine.join("target").exists(), "it builds where all do");
}

/// cargo's words for it are many; what to do is one thing.
#[test]
fn without_a_network_the_first_build_says_what_to_do() {
    let Some(stage) = with_cargo() else { return };
    let mine = starter(&stage);
    let mut grader = inside(&stage, &mine, &["run", "lab1"]);
    grader.env("CARGO_HOME", stage.directory("no-crates")).env("CARGO_TARGET_DIR", stage.directory("target"));
    let said = contains("there seems to be no network").and(contains("cargo fetch"));
    stage.run(grader).assert().code(1).stdout(is_empty()).stderr(said);
}
