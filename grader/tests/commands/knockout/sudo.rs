//! As sudo would run it: what is built for a person is built by that person, and stays that person's.

use crate::common::stage::{Stage, Who, skip};
use crate::common::warm;
use grader::labs::Workspace;
use predicates::str::{contains, is_empty};
use rstest::rstest;
use std::env;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The caller of sudo, who has an account in a mount namespace of the test's own only.
const ANN: u32 = 1000;

/// What ann has, root's toolchain among it: root's home, where that may lie, is closed to others.
const MOUNTS: &str = "mount --bind passwd /etc/passwd; mount --bind \"$SYSROOT\" ann/toolchain
    mount --bind \"$REGISTRY\" ann/.cargo/registry; cd \"$PLACE\"; exec \"$@\"";

#[rstest]
fn nothing_of_it_is_roots(#[values("empty", "labs")] place: &str) {
    let Some(stage) = Stage::new(Who::Root) else { return };
    let Some((sysroot, registry)) = toolchain() else {
        return skip("needs cargo and what it has downloaded");
    };
    let home = stage.directory("ann");
    for directory in ["ann/toolchain", "ann/.cargo/bin", "ann/.cargo/registry", "ann/empty"] {
        stage.directory(directory);
    }
    for tool in ["cargo", "rustc"] {
        symlink(format!("../../toolchain/bin/{tool}"), home.join(".cargo/bin").join(tool)).unwrap();
    }
    let settings = registry.with_file_name("config.toml");
    if settings.exists() {
        fs::copy(settings, home.join(".cargo/config.toml")).unwrap();
    }
    Workspace::alone().unwrap().write(&home.join("labs")).unwrap();
    assert!(warm::target(&home.join("labs")));
    let account = format!("ann:x:{ANN}:{ANN}::{}:/bin/sh\n", home.display());
    fs::write(stage.path("passwd"), format!("root:x:0:0::/root:/bin/sh\n{account}")).unwrap();
    assert!(
        Command::new("chown").args(["-hR", &format!("{ANN}:{ANN}")]).arg(&home).status().unwrap().success()
    );

    let mut grader = stage.command(Path::new("unshare"));
    grader.args(["--mount", "sh", "-ec", MOUNTS, "sh"]).arg(stage.path("grader"));
    grader.args(["knockout", "lab0", "--decoy", "user"]);
    grader.env("SYSROOT", sysroot).env("REGISTRY", registry).env("PLACE", home.join(place));
    grader.env("SUDO_UID", ANN.to_string()).env("SUDO_GID", ANN.to_string());
    let cache = stage.directory("roots-cache");
    grader.env("XDG_CACHE_HOME", &cache).env("CARGO_NET_OFFLINE", "true");
    grader.env_remove("CARGO_TARGET_DIR").env_remove("CARGO_HOME");
    stage.run(grader).assert().success().stdout(contains("1 of 1 steps lose exactly")).stderr(is_empty());

    let own = below(&home);
    let roots: Vec<_> = own.iter().filter(|path| fs::symlink_metadata(path).unwrap().uid() != ANN).collect();
    assert!(roots.is_empty(), "{roots:#?}");
    let built = |path: &&PathBuf| path.ends_with("container-labs/debug/libcommon.rlib");
    let at = own.iter().find(built).unwrap_or_else(|| panic!("nothing was built: {own:#?}"));
    let expected = if place == "labs" { home.join("labs") } else { home.join(".cache/container-labs") };
    assert!(at.starts_with(&expected), "{}", at.display());
    let foreign: Vec<_> =
        below(&cache).into_iter().filter(|path| fs::symlink_metadata(path).unwrap().uid() != 0).collect();
    assert!(foreign.is_empty(), "{foreign:#?}");
}

/// Where the toolchain is, and what cargo has downloaded.
fn toolchain() -> Option<(PathBuf, PathBuf)> {
    let output = Command::new("rustc").args(["--print", "sysroot"]).output().ok()?;
    let sysroot = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")))?;
    let (cargo, registry) = (sysroot.join("bin/cargo"), home.join("registry"));
    (cargo.exists() && registry.exists()).then_some((sysroot, registry))
}

fn below(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap().flatten() {
        if entry.file_type().unwrap().is_dir() {
            found.extend(below(&entry.path()));
        }
        found.push(entry.path());
    }
    found
}
