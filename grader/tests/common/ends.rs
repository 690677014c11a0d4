//! What a test program that is killed would leave: the programs that it has started, and its directory of temporary files.

use nix::fcntl::{Flock, FlockArg};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, parent_id};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const PREFIX: &str = "container-labs-tests-";

/// The program is killed when the thread that starts it ends, as all do of a test program that is killed.
pub fn with_us(program: &mut Command) {
    let ours = std::process::id();
    let ask = move || {
        // After the change of ids, which would undo it (prctl(2), PR_SET_PDEATHSIG).
        set_pdeathsig(Signal::SIGKILL)?;
        if parent_id() == ours { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
    };
    // SAFETY: two system calls, in a child that the program then replaces.
    unsafe { program.pre_exec(ask) };
}

/// Makes a directory for this program's temporary files, outside of the target directory: that may lie where only root can
/// go. Whoever made it removes it; of a program that was killed the next one does, since a lock ends with its holder.
pub fn directory() -> PathBuf {
    static LOCK: OnceLock<Flock<File>> = OnceLock::new();
    sweep(&std::env::temp_dir());
    let made = tempfile::Builder::new().prefix(PREFIX).permissions(Permissions::from_mode(0o755)).tempdir();
    let directory = made.unwrap().keep().canonicalize().unwrap();
    // It gets its name once it is held.
    let held =
        Flock::lock(File::create(directory.join("lock.new")).unwrap(), FlockArg::LockExclusive).unwrap();
    fs::rename(directory.join("lock.new"), directory.join("lock")).unwrap();
    LOCK.get_or_init(|| held);
    directory
}

/// Removes what those have left whose lock nobody holds. Another person's stays.
pub fn sweep(temporary: &Path) {
    let Ok(entries) = fs::read_dir(temporary) else { return };
    for entry in entries.flatten().filter(|it| it.file_name().to_string_lossy().starts_with(PREFIX)) {
        let lock = File::open(entry.path().join("lock"));
        if lock.is_ok_and(|lock| Flock::lock(lock, FlockArg::LockExclusiveNonblock).is_ok()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
