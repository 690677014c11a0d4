//! The programs that are graded: shell scripts as they lie in `tests/programs`, Rust programs and labs that are
//! built once.

use super::stage::{skip, workspace};
use super::variants;
use grader::labs::steps::Source;
use grader::labs::{self, Workspace};
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// lab 1 without its step `private-propagation`.
pub const WITHOUT_PROPAGATION: &str = "lab1-without-private-propagation";

/// A program. None, and a line that says why, where it can't be built.
pub fn find(name: &str) -> Option<PathBuf> {
    if name.ends_with(".sh") { Some(scripts().join(name)) } else { built(name) }
}

/// The labs' programs, in order.
pub fn labs() -> Option<Vec<PathBuf>> {
    labs::ALL.iter().map(|lab| built(lab)).collect()
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs")
}

/// A program that is not there as it is. Built under another name and renamed: another test program may be
/// looking for it.
fn built(name: &str) -> Option<PathBuf> {
    static BUILDING: Mutex<Vec<String>> = Mutex::new(Vec::new());
    if let Some(given) = env::var_os("CONTAINER_LABS_PROGRAMS") {
        let path = Path::new(&given).join(name);
        if !path.exists() {
            skip(&format!("{} is not there", path.display()));
            return None;
        }
        return Some(path);
    }
    if Command::new(rustc()).arg("--version").output().is_err() {
        skip("needs a Rust compiler, or CONTAINER_LABS_PROGRAMS");
        return None;
    }
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("programs");
    let path = directory.join(name);
    let mut done = BUILDING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if !done.iter().any(|it| it == name) {
        fs::create_dir_all(&directory).unwrap();
        let part = directory.join(format!("{name}.{}", std::process::id()));
        fs::create_dir_all(&part).unwrap();
        let made = build(name, &part);
        fs::rename(made, &path).unwrap();
        fs::remove_dir_all(&part).unwrap();
        done.push(name.to_owned());
    }
    Some(path)
}

fn build(name: &str, directory: &Path) -> PathBuf {
    if labs::ALL.contains(&name) {
        let workspace = Workspace::above(workspace()).unwrap();
        return labs::build(&workspace, &[name], directory).unwrap().remove(0).program;
    }
    if name == WITHOUT_PROPAGATION {
        let labs = Source::read(workspace()).unwrap();
        let weaker = labs.without(|step| step.to_string() == "lab1-namespaces/private-propagation").unwrap();
        let program = variants::workshop().unwrap().build(&weaker, "lab1-namespaces").unwrap();
        fs::copy(program, directory.join(name)).unwrap();
        return directory.join(name);
    }
    let source = scripts().join(name).with_extension("rs");
    // Where there is no static C library the program is a dynamic one: the decoy shows the machine's libraries,
    // but the root file system need not have them.
    let compile = |flags: &[&str]| {
        let mut rustc = Command::new(rustc());
        rustc.args(["--edition=2024", "-Dwarnings", "-Cstrip=symbols"]).args(flags).arg(&source);
        rustc.arg("-o").arg(directory.join(name)).output().unwrap()
    };
    let output = compile(&["-Ctarget-feature=+crt-static"]);
    if !output.status.success() {
        let output = compile(&[]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    directory.join(name)
}

fn rustc() -> Box<OsStr> {
    env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()).into_boxed_os_str()
}
