//! Makes a root file system of Debian's packages, by Debian's own tools.
//!
//! mmdebstrap(1) writes a tar archive, as whatever user: that is imported like any other. debootstrap(8) fills a
//! directory, as root, and mounts file systems in it; so it has a mount namespace of its own.

use super::check::check_made;
use super::import::part::Part;
use super::import::{self, Limits, Watch};
use super::machine_id::{self, MachineId};
use super::words::Words;
use crate::beneath::Directory;
use crate::interrupts::as_by_default;
use anyhow::{Context, Result, bail};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, geteuid};
use std::env;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Some distributions leave these out of an ordinary user's PATH.
const MORE_PLACES: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// A tool that is asked to end has so long.
const GRACE: Duration = Duration::from_secs(5);

/// So many lines of what a tool said come with an error.
const LINES: usize = 12;

/// A root file system of Debian's packages.
#[derive(Debug)]
pub struct Debian {
    /// Where it is.
    pub path: PathBuf,
    /// The tool that made it.
    pub tool: &'static str,
    /// What became of its `/etc/machine-id`.
    pub machine_id: MachineId,
    /// What could not be as it should, one line each.
    pub lost: Vec<String>,
}

/// Makes one in `directory`, which is missing or empty. `say` is given the last line that the tool has said.
///
/// # Errors
/// There is no tool, or it fails; a signal. Then nothing is left.
pub fn make(directory: &Path, suite: &str, watch: &Watch, say: &dyn Fn(&str)) -> Result<Debian> {
    if !suite.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-./".contains(&byte))
        || suite.starts_with('-')
    {
        bail!("{suite:?} is no name of a release; some are stable, bookworm and trixie");
    }
    let (tool, program) = tool()?;
    let part = Part::begin(directory)?;
    let mut command = Command::new(program);
    command.arg("--variant=minbase");
    let archive = part.beside("archive.tar");
    match tool {
        "mmdebstrap" => command.arg("--format=tar").arg(suite).arg(&archive),
        _ => command.arg(suite).arg(part.path(Path::new(""))),
    };
    run(tool, command, &part, watch, say)?;
    if tool == "mmdebstrap" {
        let made = import::import_into(&archive, part, &Limits::default(), watch)?;
        return Ok(Debian { path: made.path, tool, machine_id: made.machine_id, lost: made.lost.lines() });
    }
    let machine_id = machine_id::fill(&part.tree()?)?;
    let words =
        Words { what: format!("{tool} has made no root file system"), way_out: "try another release" };
    check_made(&part.path(Path::new("")), &words)?;
    let path = part.target().to_owned();
    part.put(Path::new(""))?;
    Ok(Debian { path, tool, machine_id, lost: Vec::new() })
}

/// The tool, and where it is.
fn tool() -> Result<(&'static str, PathBuf)> {
    let path = env::var_os("PATH").unwrap_or_default();
    let places: Vec<PathBuf> = env::split_paths(&path).chain(MORE_PLACES.map(PathBuf::from)).collect();
    let is_program = |path: &PathBuf| {
        fs::metadata(path).is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
    };
    let find = |name: &str| places.iter().map(|place| place.join(name)).find(is_program);
    if let Some(found) = find("mmdebstrap") {
        return Ok(("mmdebstrap", found));
    }
    match find("debootstrap") {
        Some(found) if geteuid().is_root() => Ok(("debootstrap", found)),
        Some(_) => bail!(
            "debootstrap works as root only; install mmdebstrap, for example: sudo apt install mmdebstrap"
        ),
        None => bail!(
            "neither mmdebstrap nor debootstrap is installed; install one, for example: sudo apt install mmdebstrap"
        ),
    }
}

/// Runs the tool to its end, in a process group of its own.
fn run(tool: &str, mut command: Command, part: &Part, watch: &Watch, say: &dyn Fn(&str)) -> Result<()> {
    let log = part.beside("log");
    let output = File::create(&log).context("the log")?;
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).process_group(0);
    let own_mounts = tool == "debootstrap";
    let prepare = move || -> std::io::Result<()> {
        prctl::set_pdeathsig(Signal::SIGKILL)?;
        if own_mounts {
            unshare(CloneFlags::CLONE_NEWNS)?;
            let none: Option<&str> = None;
            mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
        }
        Ok(())
    };
    as_by_default(&mut command);
    // SAFETY: system calls alone, in a child that the program then replaces.
    unsafe { command.pre_exec(prepare) };
    let child = command.spawn().with_context(|| format!("starting {}", command.get_program().display()))?;
    let status = wait(child, watch, || {
        let text = said(&log);
        text.lines().last().into_iter().for_each(say);
    })?;
    if status.success() {
        return Ok(());
    }
    let text = said(&log);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let end = lines[lines.len().saturating_sub(LINES)..].join("\n  ");
    bail!("{tool} has failed ({status}); its last words:\n  {end}")
}

/// Waits for a process, and ends its group where a signal comes.
fn wait(mut child: Child, watch: &Watch, mut meanwhile: impl FnMut()) -> Result<ExitStatus> {
    let group = Pid::from_raw(i32::try_from(child.id())?);
    loop {
        if let Some(status) = child.try_wait()? {
            // What it may have started in the background.
            let _ = killpg(group, Signal::SIGKILL);
            return Ok(status);
        }
        if let Err(signal) = watch.check() {
            let _ = killpg(group, Signal::SIGTERM);
            let begun = Instant::now();
            while child.try_wait()?.is_none() && begun.elapsed() < GRACE {
                sleep(Duration::from_millis(20));
            }
            let _ = killpg(group, Signal::SIGKILL);
            let _ = child.wait();
            return Err(signal);
        }
        meanwhile();
        sleep(Duration::from_millis(100));
    }
}

/// The end of what the tool has said, which may be any bytes.
fn said(log: &Path) -> String {
    let parent = log.parent().and_then(|parent| Directory::open(parent).ok());
    let bytes = parent.and_then(|parent| parent.bytes("log", 16 << 20).ok()).unwrap_or_default();
    let end = &bytes[bytes.len().saturating_sub(8192)..];
    String::from_utf8_lossy(end)
        .replace('\r', "\n")
        .chars()
        .filter(|c| *c == '\n' || !c.is_control())
        .collect()
}
