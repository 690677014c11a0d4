//! Root file systems: the embedded one, made from this machine and from others that look different, and run; those that
//! people bring.
//!
//! # Layout
//! - `cache`: where the embedded one is kept
//! - `import`: made of archives. `debian`: of Debian's packages. `size`: how large one may be

mod cache;
mod debian;
mod import;
mod size;

use grader::rootfs::{self, LeftOutReason, Root, Rootfs};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{chdir, chroot, geteuid};
use rstest::rstest;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::{TempDir, tempdir};

/// The rootfs of this machine, in a directory of its own.
fn built() -> (TempDir, Rootfs) {
    let temporary = tempdir().unwrap();
    let rootfs = rootfs::build(Some(&temporary.path().join("rootfs"))).unwrap();
    (temporary, rootfs)
}

/// Says why a test judges nothing here. Written past the test harness, which hides what a passing test prints.
fn skip(reason: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED: {reason}");
}

/// Runs a script in `root`. None where this machine lets the user change no root.
fn run(root: &Path, script: &str) -> Option<Output> {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]).env_clear().env("PATH", "/usr/bin");
    let (root, is_root) = (root.to_owned(), geteuid().is_root());
    let enter = move || -> std::io::Result<()> {
        if !is_root {
            unshare(CloneFlags::CLONE_NEWUSER)?;
        }
        chroot(&root)?;
        Ok(chdir("/")?)
    };
    // SAFETY: between fork and exec the closure makes system calls only.
    unsafe { command.pre_exec(enter) };
    match command.output() {
        // EPERM where it is forbidden, ENOSPC where the limit is 0.
        Err(error) if !is_root && error.kind() != std::io::ErrorKind::NotFound => {
            skip(&format!("this machine gives an ordinary user no user namespace: {error}"));
            None
        }
        output => Some(output.unwrap()),
    }
}

/// Runs a script that must succeed, and gives what it printed.
fn says(root: &Path, script: &str) -> Option<String> {
    let output = run(root, script)?;
    assert!(output.status.success(), "{script}: {output:?}");
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_shell_and_its_tools_run() {
    let (_temporary, rootfs) = built();
    assert_eq!(rootfs.tools[0], "sh");
    assert!(rootfs.bytes <= 12_000_000, "it is copied for each trial: {rootfs:?}");
    let Some(text) = says(&rootfs.path, "echo hello; . /etc/os-release; echo $ID; pwd") else { return };
    assert_eq!(text, "hello\ncontainer-labs\n/\n");
    for tool in rootfs.tools.iter().map(String::as_str).filter(|tool| *tool != "sh") {
        let output = run(&rootfs.path, &format!("exec {tool} --version </dev/null")).unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        let started = ![Some(126), Some(127), None].contains(&output.status.code());
        assert!(started && !error.contains("shared librar"), "{tool}: {output:?}");
    }
}

#[test]
fn the_directories_and_files_that_a_container_needs_are_there() {
    let (_temporary, rootfs) = built();
    let mode =
        |name: &str| fs::symlink_metadata(rootfs.path.join(name)).unwrap().permissions().mode() & 0o7777;
    for empty in ["proc", "sys", "dev", "run", "home", "mnt", "data", "root", "tmp", "var/tmp"] {
        assert_eq!(fs::read_dir(rootfs.path.join(empty)).unwrap().count(), 0, "{empty}");
    }
    assert_eq!((mode("root"), mode("tmp"), mode("var/tmp"), mode("bin")), (0o700, 0o1777, 0o1777, 0o755));
    let text = |name: &str| fs::read_to_string(rootfs.path.join("etc").join(name)).unwrap();
    let machine_id = text("machine-id");
    assert!(
        machine_id.len() == 33 && machine_id.trim().bytes().all(|b| b.is_ascii_hexdigit()),
        "{machine_id}"
    );
    for name in ["passwd", "group"] {
        for user in ["root:x:0:", "student:x:1000:", "nobody:x:65534:"] {
            assert!(text(name).contains(user), "{name} has no {user}");
        }
    }
    assert!(text("hosts").contains("127.0.0.1 localhost"));
    assert_eq!(fs::metadata(&rootfs.path).unwrap().uid(), geteuid().as_raw());
}

/// Which programs of the rootfs are files, and which are links to what.
fn programs(rootfs: &Path) -> Vec<(String, Option<PathBuf>)> {
    let mut found: Vec<_> = fs::read_dir(rootfs.join("bin"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_link(&path).ok()))
        .collect();
    found.sort();
    found
}

/// A machine whose programs all lie in /usr/bin, and one whose programs lie in both places.
#[rstest]
#[case::merged(true)]
#[case::unmerged(false)]
fn the_layout_of_the_machine_does_not_matter(#[case] merged: bool) {
    let (temporary, first) = built();
    let machine = &first.path;
    let expected = programs(machine);
    for link in ["sbin", "usr/bin", "usr/sbin"] {
        fs::remove_file(machine.join(link)).unwrap();
    }
    if merged {
        fs::rename(machine.join("bin"), machine.join("usr/bin")).unwrap();
        symlink("usr/bin", machine.join("bin")).unwrap();
    } else {
        fs::create_dir(machine.join("usr/bin")).unwrap();
        for name in ["wc", "tr"] {
            fs::rename(machine.join("bin").join(name), machine.join("usr/bin").join(name)).unwrap();
        }
    }
    let second = temporary.path().join("second");
    let rebuilt = rootfs::make(&Root::at(machine).unwrap(), &second).unwrap();
    assert_eq!(programs(&second), expected);
    assert_eq!((rebuilt.tools, rebuilt.bytes), (first.tools, first.bytes));
    if let Some(text) = says(&second, "echo hello | tr h j | wc -c") {
        assert_eq!(text.trim(), "6");
    }
}

/// A machine that has nothing but one program of many names.
fn busybox_machine(busybox: &Path, machine: &Path) {
    let bin = machine.join("bin");
    fs::rename(&bin, machine.join("old")).unwrap();
    fs::create_dir(&bin).unwrap();
    fs::copy(busybox, bin.join("busybox")).unwrap();
    symlink("busybox", bin.join("sh")).unwrap();
    symlink("/bin/busybox", bin.join("ls")).unwrap();
    fs::hard_link(bin.join("busybox"), bin.join("cat")).unwrap();
    fs::write(bin.join("find"), "#!/bin/sh\n").unwrap();
    fs::remove_dir_all(machine.join("old")).unwrap();
}

#[test]
fn a_program_of_many_names_is_there_once() {
    let (temporary, first) = built();
    let shell = temporary.path().join("shell");
    fs::copy(first.path.join("bin").join(&first.shell), &shell).unwrap();
    busybox_machine(&shell, &first.path);
    let second = temporary.path().join("second");
    let rootfs = rootfs::make(&Root::at(&first.path).unwrap(), &second).unwrap();
    assert_eq!(rootfs.shell, "busybox");
    assert_eq!(rootfs.tools, ["sh", "cat", "ls"]);
    let link = Some(PathBuf::from("busybox"));
    let expected = [("busybox", None), ("cat", link.clone()), ("ls", link.clone()), ("sh", link)];
    assert_eq!(programs(&second), expected.map(|(name, to)| (name.to_owned(), to)));
    let why = |name: &str| rootfs.left_out.iter().find(|tool| tool.name == name).map(|tool| tool.why.clone());
    assert_eq!((why("find"), why("ps")), (Some(LeftOutReason::NotElf), Some(LeftOutReason::Absent)));
}

#[test]
fn a_real_busybox_runs() {
    let Some(busybox) = ["/bin/busybox", "/usr/bin/busybox"].iter().map(Path::new).find(|path| path.exists())
    else {
        return skip("there is no busybox on this machine");
    };
    let (temporary, first) = built();
    busybox_machine(busybox, &first.path);
    let second = temporary.path().join("second");
    rootfs::make(&Root::at(&first.path).unwrap(), &second).unwrap();
    if let Some(text) = says(&second, "ls /etc | cat") {
        assert!(text.contains("passwd"), "{text}");
    }
}

#[test]
fn what_is_damaged_is_found_before_it_is_run() {
    let (_temporary, rootfs) = built();
    rootfs::check(&rootfs.path).unwrap();
    let Some(libc) = find(&rootfs.path, "libc.so.6") else { return skip("the shell here has no libc.so.6") };
    fs::remove_file(libc).unwrap();
    let error = rootfs::check(&rootfs.path).unwrap_err().to_string();
    assert!(error.contains(r#"no "libc.so.6", which "/bin/"#), "{error}");
}

/// The first file of this name in a tree.
fn find(tree: &Path, name: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(tree).unwrap().map(|entry| entry.unwrap());
    entries.into_iter().find_map(|entry| {
        if entry.file_type().unwrap().is_dir() { find(&entry.path(), name) } else { None }
            .or_else(|| (entry.file_name() == name).then(|| entry.path()))
    })
}

#[test]
fn nothing_is_overwritten() {
    let temporary = tempdir().unwrap();
    let full = temporary.path().join("full");
    fs::create_dir(&full).unwrap();
    fs::write(full.join("thesis"), "x").unwrap();
    let refused = |path: &Path, because: &str| {
        let error = rootfs::build(Some(path)).unwrap_err().to_string();
        assert!(error.contains(&path.display().to_string()) && error.contains(because), "{error}");
    };
    refused(&full, "not empty");
    refused(&full.join("thesis"), "Not a directory");
    refused(&temporary.path().join("a/b"), "make its parent first");
    assert_eq!(fs::read_dir(&full).unwrap().count(), 1);

    let empty = temporary.path().join("empty");
    fs::create_dir(&empty).unwrap();
    rootfs::build(Some(&empty)).unwrap();
    rootfs::check(&empty).unwrap();
}

#[test]
fn a_machine_without_a_shell_is_told_so_and_nothing_is_left() {
    let (machine, target) = (tempdir().unwrap(), tempdir().unwrap());
    let target = target.path().join("rootfs");
    let error = rootfs::make(&Root::at(machine.path()).unwrap(), &target).unwrap_err().to_string();
    assert!(error.contains("cannot read /bin/sh"), "{error}");
    assert!(!target.exists());
}
