use super::*;
use std::os::unix::fs::{MetadataExt, symlink};
use tempfile::TempDir;

fn tree() -> (TempDir, Directory) {
    let temporary = tempfile::tempdir().unwrap();
    let directory = Directory::open(temporary.path()).unwrap();
    (temporary, directory)
}

fn errno<T>(result: io::Result<T>) -> Errno {
    Errno::from_raw(result.err().expect("it is refused").raw_os_error().unwrap())
}

#[test]
fn no_path_leads_out() {
    let (temporary, root) = tree();
    fs::create_dir(temporary.path().join("real")).unwrap();
    symlink("/etc", temporary.path().join("out")).unwrap();
    symlink("real", temporary.path().join("in")).unwrap();
    for path in ["out", "in", "out/passwd", "in/x"] {
        assert_eq!(errno(root.below(path)), Errno::ELOOP, "{path}");
    }
    assert_eq!(errno(root.below("..")), Errno::EXDEV);
    assert_eq!(errno(root.entry("real/../../etc")), Errno::EXDEV);
    root.below("/real").unwrap();
    // As a program finds them that has it as its root: the one leads within, the other nowhere.
    root.in_root("in").unwrap();
    assert_eq!(errno(root.in_root("out")), Errno::ENOENT);
}

#[test]
fn what_is_made_is_new() {
    let (temporary, root) = tree();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("file"), "theirs").unwrap();
    for name in ["file", "missing"] {
        symlink(outside.path().join(name), temporary.path().join(name)).unwrap();
        assert_eq!(errno(root.create(name, 0o644)), Errno::EEXIST);
        assert_eq!(errno(root.make(name, 0o755)), Errno::EEXIST);
        assert_eq!(errno(root.link(name, "/")), Errno::EEXIST);
    }
    symlink(outside.path(), temporary.path().join("directory")).unwrap();
    assert_eq!(errno(root.create("directory/new", 0o644)), Errno::ELOOP);
    assert_eq!(errno(root.make_all(Path::new("directory/new"), 0o755, |_| Ok(()))), Errno::ELOOP);
    assert_eq!(errno(root.remove("directory/file")), Errno::ELOOP);
    assert_eq!(errno(root.rewrite("file")), Errno::EINVAL);
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
    assert_eq!(fs::read_to_string(outside.path().join("file")).unwrap(), "theirs");
}

#[test]
fn modes_are_those_that_were_asked_for() {
    let (temporary, root) = tree();
    root.create("file", 0o4755).unwrap();
    root.make_all(Path::new("a/b"), 0o777, |_| Ok(())).unwrap();
    let mode = |name: &str| fs::metadata(temporary.path().join(name)).unwrap().mode() & 0o7777;
    assert_eq!([mode("file"), mode("a"), mode("a/b")], [0o4755, 0o777, 0o777]);
}

#[test]
fn a_tree_deeper_than_there_are_descriptors_is_removed_and_nothing_behind_its_links() {
    let (temporary, root) = tree();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("file"), "theirs").unwrap();
    let mut at = root.make("deep", 0o755).unwrap();
    for _ in 0..3000 {
        at.link("out", outside.path()).unwrap();
        at.create("file", 0o600).unwrap();
        at = at.make("d", 0o755).unwrap();
    }
    root.remove_all("deep").unwrap();
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0);
    assert_eq!(fs::read_to_string(outside.path().join("file")).unwrap(), "theirs");
}

#[test]
fn owners_are_changed_without_following() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let (temporary, root) = tree();
    let outside = tempfile::NamedTempFile::new().unwrap();
    root.link("link", outside.path()).unwrap();
    root.make("directory", 0o755).unwrap().create("file", 0o600).unwrap();
    root.set_owner_of_all(1234, 1235).unwrap();
    for name in ["link", "directory", "directory/file"] {
        let it = fs::symlink_metadata(temporary.path().join(name)).unwrap();
        assert_eq!((it.uid(), it.gid()), (1234, 1235), "{name}");
    }
    assert_eq!(outside.as_file().metadata().unwrap().uid(), 0);
}

fn copy(without_dot_directories: bool, left: u64) -> Copy<'static> {
    Copy { left, without_dot_directories, owner: None, root: (0, 0) }
}

#[test]
fn a_copy_has_directories_files_and_links_and_opens_nothing_else() {
    let ((from, source), (to, target)) = (tree(), tree());
    fs::create_dir_all(from.path().join("it/.git")).unwrap();
    fs::write(from.path().join("it/.git/config"), "secret").unwrap();
    fs::write(from.path().join("it/.dotted"), "a file").unwrap();
    symlink("/nowhere", from.path().join("it/link")).unwrap();
    // To open it would wait for ever.
    nix::unistd::mkfifo(&from.path().join("it/fifo"), Mode::S_IRWXU).unwrap();
    fs::set_permissions(from.path().join("it"), fs::Permissions::from_mode(0o751)).unwrap();
    copy(true, 8192).entry(&source.entry("it").unwrap(), &target, Path::new("copy")).unwrap();
    let copied = to.path().join("copy");
    let names = |path: &Path| Directory::open(path).unwrap().names().unwrap();
    assert_eq!(names(&copied), [".dotted", "link"]);
    assert_eq!(fs::read_link(copied.join("link")).unwrap(), Path::new("/nowhere"));
    assert_eq!(fs::metadata(&copied).unwrap().mode() & 0o777, 0o751);
    copy(false, 8192).entry(&source.entry("it").unwrap(), &target, Path::new("whole")).unwrap();
    assert_eq!(names(&to.path().join("whole/.git")), ["config"]);
}

#[test]
fn what_was_exchanged_after_the_look_is_not_copied() {
    let ((from, source), (to, target)) = (tree(), tree());
    let secret = tempfile::NamedTempFile::new().unwrap();
    fs::write(secret.path(), "secret").unwrap();
    fs::write(from.path().join("file"), "honest").unwrap();
    let looked_at = source.entry("file").unwrap();
    fs::remove_file(from.path().join("file")).unwrap();
    symlink(secret.path(), from.path().join("file")).unwrap();
    copy(false, 8192).entry(&looked_at, &target, Path::new("copy")).unwrap();
    assert_eq!(fs::read_to_string(to.path().join("copy")).unwrap(), "honest");
    // Found by its real path, and then exchanged.
    let real = from.path().canonicalize().unwrap().join("file/below");
    assert_eq!(errno(Entry::at_real_path(&real)), Errno::ELOOP);
}

#[test]
fn what_is_in_the_way_of_a_copy_stays_and_is_named() {
    let ((from, source), (to, target)) = (tree(), tree());
    fs::create_dir(from.path().join("it")).unwrap();
    fs::write(from.path().join("it/file"), "new").unwrap();
    let outside = tempfile::tempdir().unwrap();
    symlink(outside.path(), to.path().join("it")).unwrap();
    let it = source.entry("it").unwrap();
    let error = copy(false, 8192).entry(&it, &target, Path::new("it")).unwrap_err();
    assert!(format!("{error:#}").contains("something of that name"), "{error:#}");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    let error = copy(false, 2).entry(&it, &target, Path::new("other")).unwrap_err();
    let text = format!("{error:#}");
    assert!(text.contains("file") && text.contains("larger than may be copied"), "{text}");
}
