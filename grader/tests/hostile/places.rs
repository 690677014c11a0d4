//! Temporary directories and reports in odd places: nothing stays, nothing foreign goes, no planted link is followed.

use crate::caller::Caller;
use crate::common::stage::{Who, skip};
use crate::descendants;
use crate::run::{Ran, run};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use nix::unistd::mkfifo;
use rstest::rstest;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

fn grader(caller: &Caller) -> Option<Command> {
    let honest = caller.honest("honest-a")?;
    let mut grader = caller.grader(["run", "--format", "json", "--attempt", "hostname-read"]);
    grader.arg(honest);
    Some(grader)
}

/// Somebody else's process, whose group a name could tell the keeper to end.
struct Bystander(Child);

impl Bystander {
    fn start(caller: &Caller) -> Bystander {
        let mut sleep = caller.stage.command(Path::new("/bin/sleep"));
        let child = sleep.arg("1000").process_group(0).stdout(Stdio::null()).spawn().unwrap();
        descendants::spare(child.id() as i32);
        Bystander(child)
    }

    fn is_alive(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A variable that names a directory, as it was typed, in a directory in which something foreign lies. `HERE` stands for
/// that directory, `GROUP` for the number of somebody else's process group, `LONG` for a name as long as may be.
const TYPED: &[&[u8]] = &[
    b"relative",
    b"",
    b".",
    b"HERE/not \xff UTF-8",
    b"HERE/new\nline",
    b"HERE/a\nkill GROUP\nb",
    b"HERE/a\nHERE/foreign\nb",
    b"HERE/co:lon,comma and space",
    b"HERE/quo'\"te$(x)\\",
    b"HERE/LONG/LONG/LONG/LONG/LONG/LONG/LONG/LONG/LONG/LONG",
    b"HERE/link",
    b"HERE/private",
    b"HERE/missing/below",
    b"HERE/foreign/file",
    b"/proc",
];

/// Where no temporary file can be made nothing is judged, and the line says what helps; another place serves for a cache.
#[rstest]
fn a_variable_names_a_directory(
    #[values("TMPDIR", "XDG_CACHE_HOME")] variable: &str,
    #[values(Who::Root, Who::User)] who: Who,
) {
    let Some(caller) = Caller::new(who) else { return };
    let mut bystander = Bystander::start(&caller);
    for typed in TYPED {
        let Some(grader) = grader(&caller) else { return };
        let mut ran = with_variable(&caller, grader, (variable, typed), &bystander);
        if !bystander.is_alive() {
            ran.faults.push("somebody else's process group was ended".into());
        }
        let unusable = [&b"HERE/missing/below"[..], b"HERE/foreign/file", b"/proc"].contains(typed)
            || variable != "TMPDIR" && !typed.starts_with(b"HERE");
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        if unusable && variable == "TMPDIR" {
            if ran.code != Some(1) || !said.contains("this helps: export TMPDIR=") {
                ran.faults.push(format!("exit code {:?}: {said}", ran.code));
            }
        } else if ran.verdicts("honest-a").get("hostname-read").map(String::as_str) != Some("BLOCKED None") {
            ran.faults.push(format!("{:?}: {said}", ran.verdicts("honest-a")));
        } else if unusable != said.contains("For this run the cache is ") {
            ran.faults.push(said);
        }
        ran.faults.iter_mut().for_each(|fault| *fault = format!("{}: {fault}", typed.escape_ascii()));
        ran.assert();
    }
}

fn with_variable(
    caller: &Caller,
    mut grader: Command,
    (variable, typed): (&str, &[u8]),
    bystander: &Bystander,
) -> Ran {
    let here = caller.stage.directory("here");
    let typed = replaced(typed, "GROUP", &bystander.0.id().to_string());
    let typed = replaced(&typed, "LONG", &"l".repeat(255));
    let typed = OsString::from_vec(replaced(&typed, "HERE", here.to_str().unwrap()));
    for directory in ["foreign", "target", "relative", "private", "container-labs-old"] {
        caller.stage.directory(&format!("here/{directory}"));
    }
    fs::set_permissions(here.join("private"), fs::Permissions::from_mode(0o700)).unwrap();
    caller.file("here/foreign/file", "foreign\n", 0o644);
    caller.file("here/container-labs-old/file", "foreign\n", 0o644);
    let _ = symlink("target", here.join("link"));
    if !typed.as_bytes().ends_with(b"/missing/below") && !typed.is_empty() {
        let mut mkdir = caller.stage.command(Path::new("/bin/mkdir"));
        let _ = mkdir.arg("-p").arg(&typed).current_dir(&here).stderr(Stdio::null()).status();
    }
    // A cache stays, as it should.
    let is_cache = |path: &PathBuf| variable != "TMPDIR" && path.iter().any(|part| part == "container-labs");
    let before = contents(&here);
    // A cache would be made in it.
    grader.env_remove("HOME");
    grader.env(variable, &typed).current_dir(&here).arg("--output").arg(caller.report());
    let mut ran = run(caller, grader);
    let after = contents(&here);
    let gone = before.keys().filter(|it| !after.contains_key(*it));
    ran.faults.extend(gone.map(|it| format!("{it:?} is gone")));
    let left = after.keys().filter(|it| !before.contains_key(*it) && !is_cache(it));
    ran.faults.extend(left.map(|it| format!("{it:?} is left")));
    ran
}

fn replaced(text: &[u8], word: &str, by: &str) -> Vec<u8> {
    let mut all = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        match rest.strip_prefix(word.as_bytes()) {
            Some(after) => {
                all.extend(by.as_bytes());
                rest = after;
            }
            None => {
                all.push(rest[0]);
                rest = &rest[1..];
            }
        }
    }
    all
}

/// The names below a directory, and what is in the files.
fn contents(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(contents(&path));
        }
        found.insert(path.clone(), fs::read(&path).unwrap_or_default());
    }
    found
}

/// `--output` beside which links are planted under the names that a temporary file may have, or in whose place one is.
#[rstest]
#[case::beside(false)]
#[case::in_its_place(true)]
fn planted(#[case] in_its_place: bool, #[values(Who::Root, Who::User)] who: Who) {
    let Some(caller) = Caller::new(who) else { return };
    let Some(mut grader) = grader(&caller) else { return };
    let target = caller.stage.path("machine/app.conf");
    let report = caller.stage.path("out/report.json");
    if in_its_place {
        symlink(&target, &report).unwrap();
    } else {
        let last: u32 =
            fs::read_to_string("/proc/loadavg").unwrap().trim().rsplit(' ').next().unwrap().parse().unwrap();
        for number in last..last + 3000 {
            for name in [format!("report.json.{number}.part"), format!(".report.json.{number}")] {
                symlink(&target, caller.stage.path("out").join(name)).unwrap();
            }
        }
    }
    grader.arg("--output").arg(&report);
    let ran = run(&caller, grader);
    ran.assert();
    if ran.code == Some(0) {
        let text = fs::read(&report).unwrap();
        assert!(serde_json::from_slice::<grader::report::Report>(&text).is_ok(), "there is no report");
    }
}

/// `--output` that is no regular file is written to, and not replaced.
#[rstest]
fn a_fifo(#[values(Who::Root, Who::User)] who: Who) {
    let Some(caller) = Caller::new(who) else { return };
    let Some(mut grader) = grader(&caller) else { return };
    let fifo = caller.stage.path("out/fifo");
    mkfifo(&fifo, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
    caller.stage.give("out/fifo");
    // Opened for both, so that nobody waits where the grader never opens it.
    let mut reader = fs::OpenOptions::new().read(true).write(true).open(&fifo).unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let mut text = vec![0; 1 << 16];
        let n = reader.read(&mut text).unwrap_or(0);
        let _ = sender.send(text[..n].to_vec());
    });
    grader.arg("--output").arg(&fifo);
    let ran = run(&caller, grader);
    ran.assert();
    assert!(fifo.symlink_metadata().unwrap().file_type().is_fifo(), "the fifo was replaced");
    let text = receiver.recv_timeout(std::time::Duration::from_secs(5)).unwrap_or_default();
    assert!(text.starts_with(b"{"), "no report came through it");
}

/// The same of a device, which stands for `/dev/null`.
#[test]
fn a_device() {
    let Some(caller) = Caller::new(Who::Root) else { return };
    let Some(mut grader) = grader(&caller) else { return };
    let null = caller.stage.path("out/null");
    if mknod(&null, SFlag::S_IFCHR, Mode::S_IRUSR | Mode::S_IWUSR, makedev(1, 3)).is_err() {
        return skip("no device can be made here");
    }
    grader.arg("--output").arg(&null);
    run(&caller, grader).assert();
    assert!(null.symlink_metadata().unwrap().file_type().is_char_device(), "the device was replaced");
}
