//! Temporary directories and reports in odd places: nothing stays, nothing foreign goes, no planted link is followed.

use crate::caller::Caller;
use crate::common::stage::{Who, skip};
use crate::descendants;
use crate::run::run;
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use nix::unistd::mkfifo;
use rstest::rstest;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, symlink};
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

/// TMPDIR as it was typed, in a directory in which something foreign lies. `HERE` stands for that directory, `GROUP`
/// for the number of somebody else's process group.
#[rstest]
#[case::relative(b"relative")]
#[case::empty(b"")]
#[case::not_utf8(b"HERE/not \xff UTF-8")]
#[case::newline(b"HERE/new\nline")]
#[case::a_word_to_the_keeper(b"HERE/a\nkill GROUP\nb")]
#[case::a_path(b"HERE/a\nHERE/foreign\nb")]
#[case::a_link(b"HERE/link")]
#[case::missing(b"HERE/missing/below")]
fn temporary(#[case] typed: &[u8], #[values(Who::Root, Who::User)] who: Who) {
    let Some(caller) = Caller::new(who) else { return };
    let Some(mut grader) = grader(&caller) else { return };
    let mut bystander = Bystander::start(&caller);
    let here = caller.stage.directory("here");
    let typed = replaced(typed, "GROUP", &bystander.0.id().to_string());
    let typed = OsString::from_vec(replaced(&typed, "HERE", here.to_str().unwrap()));
    for directory in ["here/foreign", "here/target", "here/relative", "here/container-labs-old"] {
        caller.stage.directory(directory);
    }
    caller.file("here/foreign/file", "foreign\n", 0o644);
    caller.file("here/container-labs-old/file", "foreign\n", 0o644);
    symlink("target", here.join("link")).unwrap();
    if !typed.as_bytes().ends_with(b"/missing/below") && !typed.is_empty() {
        let mut mkdir = caller.stage.command(Path::new("/bin/mkdir"));
        assert!(mkdir.arg("-p").arg(&typed).current_dir(&here).status().unwrap().success());
    }
    let before = contents(&here);

    grader.env("TMPDIR", &typed).current_dir(&here).arg("--output").arg(caller.report());
    let mut ran = run(&caller, grader);
    if !matches!(ran.code, Some(0..=3)) {
        let stderr = String::from_utf8_lossy(&ran.stderr).into_owned();
        ran.faults.push(format!("exit code {:?}: {stderr}", ran.code));
    }
    if !bystander.is_alive() {
        ran.faults.push("somebody else's process group was ended".into());
    }
    let after = contents(&here);
    ran.faults
        .extend(before.keys().filter(|it| !after.contains_key(*it)).map(|it| format!("{it:?} is gone")));
    ran.faults
        .extend(after.keys().filter(|it| !before.contains_key(*it)).map(|it| format!("{it:?} is left")));
    ran.assert();
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
