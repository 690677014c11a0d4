use super::*;
use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, symlink};
use tempfile::TempDir;

/// The folder of a submission, with a script and its data.
fn folder() -> (TempDir, PathBuf) {
    let temporary = tempfile::tempdir().unwrap();
    let sub = temporary.path().canonicalize().unwrap().join("sub");
    fs::create_dir_all(sub.join("lib")).unwrap();
    script(&sub.join("prog.sh"));
    fs::write(sub.join("lib/helper"), "x").unwrap();
    (temporary, sub)
}

fn script(path: &Path) {
    fs::write(path, "#!/bin/sh\n").unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
}

fn of(cwd: &Path, words: &[&str]) -> Result<Vec<PathBuf>> {
    let (program, words) = words.split_first().unwrap();
    let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).chain(["{command}".to_owned()]).collect();
    Ok(collect(Path::new(program), &words, cwd)?.files)
}

#[test]
fn a_small_folder_comes_whole() {
    let (_keep, sub) = folder();
    assert_eq!(of(&sub, &["./prog.sh", "lib/helper"]).unwrap(), std::slice::from_ref(&sub));
    fs::create_dir(sub.join(".git")).unwrap();
    fs::write(sub.join(".git/large"), vec![0; 17 << 20]).unwrap();
    fs::write(sub.join(".git/named"), "x").unwrap();
    assert_eq!(of(&sub, &["./prog.sh"]).unwrap(), std::slice::from_ref(&sub));
    // A named file is copied although its directory is not.
    assert_eq!(of(&sub, &["./prog.sh", ".git/named"]).unwrap(), [sub.clone(), sub.join(".git/named")]);
}

#[test]
fn a_large_folder_brings_what_is_named_alone() {
    let (_keep, sub) = folder();
    fs::write(sub.join("large"), vec![0; 17 << 20]).unwrap();
    assert_eq!(of(&sub, &["./prog.sh", "lib/helper"]).unwrap(), [sub.join("lib"), sub.join("prog.sh")]);
}

#[test]
fn what_looks_like_a_home_brings_what_is_named_alone_and_never_its_keys() {
    for mark in [".ssh/canary", ".config/x", ".netrc"] {
        let (_keep, sub) = folder();
        let marked = sub.join(mark);
        fs::create_dir_all(marked.parent().unwrap()).unwrap();
        fs::write(&marked, "canary").unwrap();
        assert_eq!(of(&sub, &["./prog.sh"]).unwrap(), [sub.join("prog.sh")], "{mark}");
        if mark.starts_with(".ssh") {
            let error = format!("{:#}", of(&sub, &["./prog.sh", mark]).unwrap_err());
            assert!(error.contains("in a directory of keys"), "{error}");
        }
    }
}

#[test]
fn directories_of_the_system_and_homes_are_of_note() {
    for place in ["/", "/etc", "/etc/sub", "/tmp", "/var/tmp", "/home", "/home/anybody", "/root", "/opt"] {
        assert!(is_of_note(Path::new(place)), "{place}");
    }
    for place in ["/opt/course", "/home/anybody/sub", "/srv/sub", "/work"] {
        assert!(!is_of_note(Path::new(place)), "{place}");
    }
}

#[test]
fn links_come_as_links_and_what_they_lead_to_at_its_real_path() {
    let (keep, sub) = folder();
    let top = keep.path().canonicalize().unwrap();
    symlink("sub", top.join("by-link")).unwrap();
    symlink("lib", sub.join("conf")).unwrap();
    // A file in the folder: the whole folder is copied.
    assert_eq!(of(&sub, &["./prog.sh", "conf/helper"]).unwrap(), std::slice::from_ref(&sub));
    let found = of(Path::new("/"), &[top.join("by-link/prog.sh").to_str().unwrap()]).unwrap();
    assert_eq!(found, [top.join("by-link"), sub]);
}

#[test]
fn a_link_that_leads_out_brings_a_program_or_what_everybody_may_read() {
    let (keep, sub) = folder();
    let elsewhere = keep.path().canonicalize().unwrap().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("app.conf"), "secret").unwrap();
    fs::set_permissions(elsewhere.join("app.conf"), Permissions::from_mode(0o600)).unwrap();
    script(&elsewhere.join("contain"));
    symlink(&elsewhere, sub.join("out")).unwrap();
    let error = format!("{:#}", of(&sub, &["./prog.sh", "out/app.conf"]).unwrap_err());
    assert!(error.contains("not world-readable"), "{error}");
    assert_eq!(of(&sub, &["./out/contain"]).unwrap(), [elsewhere, sub.join("out")]);
}

#[test]
fn what_is_said_is_bounded() {
    let cwd = Path::new("/x");
    let files: Vec<_> =
        (0..30).map(|n| PathBuf::from(format!("/x/{n}"))).map(|it| (it.clone(), it)).collect();
    assert!(named(&files, cwd).starts_with("./0, ./1, ") && named(&files, cwd).ends_with("and 22 more"));
    let long = PathBuf::from(format!("/{}", "a".repeat(4000)));
    assert!(named(&[(long.clone(), long)], cwd).len() < 200);
}

#[test]
fn nothing_is_missed_beside_an_interpreter_of_the_machines_own() {
    let directory = tempfile::tempdir().unwrap();
    script(&directory.path().join("container"));
    let found =
        collect(&directory.path().join("container"), &["{command}".into()], directory.path()).unwrap();
    assert_eq!(found.lacks, Vec::<String>::new());
}
