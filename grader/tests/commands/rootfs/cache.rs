//! The cache of the embedded rootfs: when it is made anew, what is removed, and disks that are full.

use super::{built, skip};
use grader::rootfs::{self, Cache, Root};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{geteuid, getgid, getuid};
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};
use tempfile::tempdir;

/// The names in the cache.
fn kept(cache: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(cache.join("rootfs")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

fn age(path: &Path, hours: u64) {
    let time = SystemTime::now() - Duration::from_secs(hours * 3600);
    File::open(path).unwrap().set_modified(time).unwrap();
}

#[test]
fn a_changed_machine_has_another_rootfs_and_the_old_one_goes_a_day_later() {
    let (temporary, machine) = built();
    let directory = temporary.path().join("cache");
    let cache = Cache::at(&directory);
    let embedded = || cache.embedded(&Root::at(&machine.path).unwrap()).unwrap().path;

    let old = embedded();
    assert_eq!(embedded(), old);
    let cat = machine.path.join("bin/cat");
    OpenOptions::new().append(true).open(cat).unwrap().write_all(b"\0").unwrap();
    age(&old, 23);
    let new = embedded();
    assert_ne!(new, old);
    assert_eq!(kept(&directory), BTreeSet::from([name(&old), name(&new)]));

    for (part, hours) in [(".part-dead", 2), (".part-alive", 0), ("debian", 99)] {
        let part = directory.join("rootfs").join(part);
        fs::create_dir(&part).unwrap();
        fs::write(part.join("x"), "").unwrap();
        age(&part, hours);
    }
    age(&old, 25);
    age(&new, 25);
    assert_eq!(embedded(), new);
    assert_eq!(kept(&directory), BTreeSet::from([name(&new), ".part-alive".into(), "debian".into()]));
    let used = fs::metadata(&new).unwrap().modified().unwrap();
    assert!(used.elapsed().unwrap() < Duration::from_secs(600), "a use keeps it for another day");
}

#[test]
fn a_damaged_rootfs_is_replaced_and_a_whole_one_can_be() {
    let temporary = tempdir().unwrap();
    let cache = Cache::at(temporary.path());
    let machine = Root::machine().unwrap();
    let path = cache.embedded(&machine).unwrap().path;
    let inode = || fs::metadata(&path).unwrap().ino();

    fs::remove_dir(path.join("data")).unwrap();
    let damaged = inode();
    assert_eq!(cache.embedded(&machine).unwrap().path, path);
    assert!(path.join("data").is_dir() && inode() != damaged);

    let whole = inode();
    assert_eq!(cache.rebuild(&machine).unwrap().path, path);
    assert_ne!(inode(), whole);
    // Who reads one of the two that were replaced goes on reading.
    assert_eq!(kept(temporary.path()).len(), 3);
    kept(temporary.path()).iter().for_each(|name| age(&temporary.path().join("rootfs").join(name), 2));
    cache.embedded(&machine).unwrap();
    assert_eq!(kept(temporary.path()), BTreeSet::from([name(&path)]));
}

/// This test program again, for one test that needs a process of its own.
fn again(test: &str, directory: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture"]).env(PLACE, directory);
    command
}

/// Tells such a process where to work.
const PLACE: &str = "ROOTFS_TEST_PLACE";

#[test]
fn builders_that_run_at_once_all_end_with_a_rootfs() {
    let temporary = tempdir().unwrap();
    let processes: Vec<_> = (0..4)
        .map(|_| {
            again("rootfs::cache::one_builder", temporary.path()).stdout(std::process::Stdio::null()).spawn()
        })
        .collect();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let cache = Cache::at(temporary.path());
            std::thread::spawn(move || cache.embedded(&Root::machine().unwrap()).unwrap().path)
        })
        .collect();
    let paths: BTreeSet<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    for process in processes {
        assert!(process.unwrap().wait().unwrap().success());
    }
    assert_eq!(paths.len(), 1);
    assert_eq!(kept(temporary.path()), paths.iter().map(|path| name(path)).collect());
}

#[test]
#[ignore = "a process that another test starts"]
fn one_builder() {
    let Some(place) = std::env::var_os(PLACE) else { return };
    let rootfs = Cache::at(Path::new(&place)).embedded(&Root::machine().unwrap()).unwrap();
    rootfs::check(&rootfs.path).unwrap();
}

#[test]
fn a_full_disk_is_named_and_nothing_is_left() {
    let temporary = tempdir().unwrap();
    let disk = temporary.path().to_owned();
    let mut command = again("rootfs::cache::on_a_full_disk", &disk);
    let (uid_map, gid_map) = (format!("0 {} 1", getuid()), format!("0 {} 1", getgid()));
    let is_root = geteuid().is_root();
    let small_disk = move || -> std::io::Result<()> {
        if is_root {
            unshare(CloneFlags::CLONE_NEWNS)?;
        } else {
            unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)?;
            // Files can be made only by ids that the owner of the file system knows, user_namespaces(7).
            fs::write("/proc/self/setgroups", "deny")?;
            fs::write("/proc/self/uid_map", &uid_map)?;
            fs::write("/proc/self/gid_map", &gid_map)?;
        }
        let nothing: Option<&str> = None;
        mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing)?;
        Ok(mount(nothing, &disk, Some("tmpfs"), MsFlags::empty(), Some("size=2m"))?)
    };
    // SAFETY: the closure allocates only for paths, which glibc and musl allow in the child of a fork.
    unsafe { command.pre_exec(small_disk) };
    match command.output() {
        Err(error) => skip(&format!("this machine gives no mount namespace: {error}")),
        Ok(output) => {
            let passed =
                output.status.success() && String::from_utf8_lossy(&output.stdout).contains("1 passed");
            assert!(passed, "{}", String::from_utf8_lossy(&output.stderr));
        }
    }
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0, "the small disk was this test's own");
}

#[test]
#[ignore = "a process that another test starts"]
fn on_a_full_disk() {
    let Some(place) = std::env::var_os(PLACE).map(PathBuf::from) else { return };
    let machine = Root::machine().unwrap();
    let full = |error: anyhow::Error, named: &Path, way_out: &str| {
        let text = error.to_string();
        let told = [&named.display().to_string(), "No space left on device", "free 10 MB", way_out];
        told.iter().for_each(|part| assert!(text.contains(part), "{part}: {text}"));
    };
    let error = Cache::at(&place).embedded(&machine).unwrap_err();
    full(error, &place.join("rootfs"), "set XDG_CACHE_HOME");
    assert!(kept(&place).is_empty());

    let new = place.join("new");
    full(rootfs::build(Some(&new)).unwrap_err(), &new, "another disk");
    assert!(!new.exists());

    fs::create_dir(&new).unwrap();
    full(rootfs::build(Some(&new)).unwrap_err(), &new, "another disk");
    assert_eq!(fs::read_dir(&new).unwrap().count(), 0);
}

#[test]
fn a_cache_that_cannot_be_written_is_named() {
    if geteuid().is_root() {
        return skip("root can write everywhere");
    }
    let temporary = tempdir().unwrap();
    fs::set_permissions(temporary.path(), fs::Permissions::from_mode(0o500)).unwrap();
    let error = Cache::at(temporary.path()).embedded(&Root::machine().unwrap()).unwrap_err().to_string();
    assert!(error.contains("Permission denied") && error.contains("set XDG_CACHE_HOME"), "{error}");
}
