//! A target directory in which the crates that the labs use are built: seven seconds of work, done once for all
//! workspaces that tests make.

use super::stage::skip;
use grader::labs::Workspace;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};

/// Gives the workspace at `root` such a directory of its own, where the grader builds. False, and a line that says why, where there is no
/// cargo.
pub fn target(root: &Path) -> bool {
    let Some(warm) = warm() else { return false };
    // Not by hard links: cargo writes into some of these files.
    let mut cp = Command::new("cp");
    let place = root.join("target/container-labs");
    fs::create_dir_all(root.join("target")).unwrap();
    let copied = cp.args(["-aT", "--reflink=auto"]).arg(warm).arg(place).status().unwrap();
    assert!(copied.success());
    true
}

/// Gives the cache one for what `pack` builds.
pub fn target_of_pack(cache: &Path) -> bool {
    let Some(warm) = warm() else { return false };
    let place = cache.join("pack/target");
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    if !place.exists() {
        let mut cp = Command::new("cp");
        fs::create_dir_all(&place).unwrap();
        let copied = cp.arg("-aT").arg(warm).arg(place.join("container-labs")).status().unwrap();
        assert!(copied.success());
    }
    true
}

/// Writes a cargo, to be named by `CARGO`, for workspaces that the grader makes: it puts such a target directory where
/// nothing is built yet.
pub fn write_cargo(program: &Path) {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let script = format!(
        r#"#!/bin/sh
target=target
for word; do
    [ "$option" != --target-dir ] || target=$word
    option=$word
done
if [ "$1" = rustc ] && [ ! -e "$target/debug" ]; then
    cp -a "{warm}/." "$target"
fi
exec "{cargo}" "$@"
"#,
        warm = warm().unwrap_or(Path::new("/nowhere")).display(),
        cargo = cargo.display(),
    );
    fs::write(program, script).unwrap();
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Each workspace has its own target directory, and no network is needed: the crates were downloaded for the tests.
pub fn cargo_settings(command: &mut Command) {
    command
        .env_remove("CARGO_TARGET_DIR")
        .env_remove("CARGO_BUILD_TARGET_DIR")
        .env("CARGO_NET_OFFLINE", "true");
}

/// The target directory that is copied.
fn warm() -> Option<&'static Path> {
    static WARM: OnceLock<Option<PathBuf>> = OnceLock::new();
    let build = || {
        if Command::new("cargo").arg("--version").output().is_err() {
            skip("needs cargo");
            return None;
        }
        // Kept from one run to the next: cargo sees what has changed.
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("warm");
        Workspace::alone().unwrap().write(&root).unwrap();
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--quiet", "--package", "common"]).current_dir(&root);
        cargo_settings(&mut cargo);
        assert!(cargo.status().unwrap().success());
        Some(root.join("target"))
    };
    WARM.get_or_init(build).as_deref()
}
