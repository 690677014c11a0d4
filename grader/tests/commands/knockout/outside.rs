//! Outside of any workspace: the sources are those that the grader carries, and the cache is its own.

use super::stage;
use crate::common::warm;
use nix::pty::{Winsize, openpty};
use predicates::str::{contains, is_empty};
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::SystemTime;

/// Every file below a directory that a build makes, and when.
fn built(directory: &Path) -> BTreeMap<PathBuf, SystemTime> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let (path, about) = (entry.path(), entry.metadata().unwrap());
        // Cargo writes these anew each time, whether it has built anything or not.
        let list = path.extension().is_some_and(|ending| ending == "d");
        match about.is_dir() {
            true => found.extend(built(&path)),
            false if list => {}
            false => drop(found.insert(path, about.modified().unwrap())),
        }
    }
    found
}

#[test]
fn outside_of_any_workspace_it_works_and_a_second_run_builds_nothing() {
    let Some(stage) = stage() else { return };
    let cache = stage.directory("cache");
    let cargo = stage.path("warm-cargo");
    warm::write_cargo(&cargo);
    let knockout = || {
        let mut grader = stage.grader(["knockout", "lab0", "--decoy", "user"]);
        grader.env("XDG_CACHE_HOME", &cache).env("CARGO", &cargo);
        warm::cargo_settings(&mut grader);
        stage.run(grader).assert().success().stdout(contains("1 of 1 steps lose exactly")).stderr(is_empty());
    };
    knockout();
    let variants = cache.join("container-labs/variants");
    // What lies at the top is marked as used each time.
    let made = || -> BTreeMap<PathBuf, SystemTime> {
        built(&variants).into_iter().filter(|(path, _)| path.parent() != Some(&variants)).collect()
    };
    let first = made();
    assert!(first.keys().any(|path| path.ends_with("program")), "{first:?}");
    let libraries = |found: BTreeMap<PathBuf, SystemTime>| -> BTreeMap<PathBuf, SystemTime> {
        found.into_iter().filter(|(path, _)| path.extension().is_some_and(|it| it == "rlib")).collect()
    };
    let base = libraries(built(&cache));
    knockout();
    assert_eq!(made(), first, "the second run has built a variant");
    assert_eq!(libraries(built(&cache)), base, "the second run has built what the labs stand on");
}

/// Whoever waits on a terminal sees how far it is; in a pipe there is the table alone.
#[test]
fn on_a_terminal_there_is_a_progress_bar_and_it_is_gone_at_the_end() {
    let Some(stage) = stage() else { return };
    let pty = openpty(&Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 }, None).unwrap();
    let cargo = stage.path("warm-cargo");
    warm::write_cargo(&cargo);
    let mut grader = stage.grader(["knockout", "lab0", "--decoy", "user"]);
    grader.env("CARGO", cargo).env("TERM", "xterm").stdout(Stdio::piped()).stderr(pty.slave);
    warm::cargo_settings(&mut grader);
    let mut master = fs::File::from(pty.master);
    let screen = thread::spawn(move || {
        let mut bytes = Vec::new();
        // A terminal whose last user has gone gives an error in place of an end.
        let _ = master.read_to_end(&mut bytes);
        bytes
    });
    let output = grader.spawn().unwrap().wait_with_output().unwrap();
    drop(grader);
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 of 1 steps lose exactly"), "{output:?}");
    let bytes = screen.join().unwrap();
    let shown = String::from_utf8_lossy(&bytes);
    // At first: the controls, the attempts and the works checks on the whole lab, and one for the variant.
    let trials = 2 * attempts::attempts::ALL.len() + 2;
    assert!(shown.contains(&format!("/{trials} trials")), "{shown:?}");
    let mut screen = vt100::Parser::default();
    screen.process(&bytes);
    assert_eq!(screen.screen().contents().trim(), "", "{shown:?}");
}
