use super::*;
use nix::sys::stat::{makedev, mknod};
use nix::unistd::mkfifo;
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};
use std::os::unix::net::UnixListener;
use std::thread;

fn names(directory: &Path) -> usize {
    fs::read_dir(directory).unwrap().count()
}

#[test]
fn a_file_is_replaced_whole_and_keeps_its_mode() {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("report");
    write(&path, b"one").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    let old = File::open(&path).unwrap();
    write(&path, b"two").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "two");
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    assert_eq!(io::read_to_string(old).unwrap(), "one");
    assert_eq!(names(temporary.path()), 1);
}

#[test]
fn a_link_is_replaced_and_not_followed() {
    let temporary = tempfile::tempdir().unwrap();
    let at = |name: &str| temporary.path().join(name);
    fs::write(at("theirs"), "theirs").unwrap();
    for target in ["theirs", "missing", "/dev/null"] {
        let _ = fs::remove_file(at("report"));
        symlink(target, at("report")).unwrap();
        write(&at("report"), b"ours").unwrap();
        assert!(fs::symlink_metadata(at("report")).unwrap().is_file());
    }
    assert_eq!(fs::read_to_string(at("theirs")).unwrap(), "theirs");
    assert_eq!(names(temporary.path()), 2);
}

#[test]
fn a_named_pipe_and_a_socket_are_written_to() {
    let temporary = tempfile::tempdir().unwrap();
    let pipe = temporary.path().join("pipe");
    mkfifo(&pipe, Mode::S_IRWXU).unwrap();
    let reader = {
        let pipe = pipe.clone();
        thread::spawn(move || fs::read_to_string(pipe).unwrap())
    };
    write(&pipe, b"report").unwrap();
    assert_eq!(reader.join().unwrap(), "report");
    assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());

    let path = temporary.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    write(&path, b"report").unwrap();
    let mut said = String::new();
    listener.accept().unwrap().0.read_to_string(&mut said).unwrap();
    assert_eq!(said, "report");
    assert_eq!(names(temporary.path()), 2);
}

#[test]
fn a_device_is_written_to_and_a_disk_is_refused() {
    if !geteuid().is_root() {
        return;
    }
    let temporary = tempfile::tempdir().unwrap();
    let at = |name: &str| temporary.path().join(name);
    // Copies of our own, of the null device and of a block device that there is none of.
    for (name, kind, device) in
        [("null", SFlag::S_IFCHR, makedev(1, 3)), ("disk", SFlag::S_IFBLK, makedev(240, 77))]
    {
        mknod(&at(name), kind, Mode::S_IRWXU, device).unwrap();
    }
    write(&at("null"), b"report").unwrap();
    assert!(fs::symlink_metadata(at("null")).unwrap().file_type().is_char_device());
    let error = write(&at("disk"), b"report").unwrap_err().to_string();
    assert!(error.contains("block device"), "{error}");
    assert!(fs::symlink_metadata(at("disk")).unwrap().file_type().is_block_device());
}

#[test]
fn what_another_has_put_where_everybody_may_is_left() {
    if !geteuid().is_root() {
        return;
    }
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("report");
    fs::set_permissions(temporary.path(), Permissions::from_mode(0o1777)).unwrap();
    for plant in
        [|path: &Path| mkfifo(path, Mode::S_IRWXU).unwrap(), |path: &Path| fs::write(path, "x").unwrap()]
    {
        plant(&path);
        std::os::unix::fs::chown(&path, Some(1234), None).unwrap();
        let error = write(&path, b"report").unwrap_err().to_string();
        assert!(error.contains("1234"), "{error}");
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn a_descriptor_by_its_name_is_written_to_where_it_stands() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"one ").unwrap();
    for place in ["/dev/fd", "/proc/self/fd"] {
        use std::os::fd::AsRawFd;
        if Path::new(place).exists() {
            write(Path::new(&format!("{place}/{}", file.as_raw_fd())), b"two ").unwrap();
        }
    }
    io::Seek::rewind(&mut file).unwrap();
    assert!(io::read_to_string(&file).unwrap().starts_with("one two "));
    assert!(write(Path::new("/proc/self/fd/999"), b"").is_err());
}

/// If somebody could guess the name of the temporary file.
#[test]
fn what_stands_under_the_temporary_name_is_not_opened() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::write(path("theirs"), "theirs").unwrap();
    symlink(path("theirs"), path("link")).unwrap();
    symlink(path("new"), path("dangling")).unwrap();
    let place = Destination::find(&path("report")).unwrap();
    for planted in ["theirs", "link", "dangling"] {
        let error = place.create(planted.as_ref()).unwrap_err();
        assert!(
            format!("{error:#}").contains("EEXIST") || format!("{error:#}").contains("File exists"),
            "{error:#}"
        );
    }
    assert!(!path("new").exists());
}
