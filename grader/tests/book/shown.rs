//! The commands that a page shows, run: in a block ```` ```console,checked ```` every line after a prompt is
//! typed into a shell, and what the page shows below it must be what comes out. A block ```` ```console,checked,on ````
//! goes on in the shell of the one before. What the reader does there in an editor stands in the page as a command:
//! `<!-- typed: COMMAND -->`, which prints nothing.
//!
//! `$` is anybody's prompt, and such a shell starts in an empty directory. A block with a `#` is run as root, in a mount
//! namespace that plays the host's, or not at all; in the directory lie a `rootfs` and the programs that lie beside
//! the pages. The labs and the grader are on the path.

use crate::common::programs;
use crate::common::stage::{PATIENCE, Stage, Who, skip};
use crate::common::warm;
use crate::dots::fits;
use crate::pages::{Block, blocks, book, pages};
use assert_cmd::cargo::cargo_bin;
use nix::unistd::geteuid;
use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::Instant;
use tempfile::TempDir;

/// A command and what the page shows of its output.
struct Shown {
    /// The line of the page.
    line: usize,
    root: bool,
    command: String,
    output: Vec<String>,
}

/// What is typed into one shell: a block, those that go on, and what the reader does in an editor meanwhile.
fn sessions(page: &str) -> Vec<Vec<Shown>> {
    let mut parts: Vec<(usize, bool, Vec<Shown>)> = Vec::new();
    for block in blocks(page) {
        match block.info.as_str() {
            "console,checked" => parts.push((block.line, true, commands(&block))),
            "console,checked,on" => parts.push((block.line, false, commands(&block))),
            _ => {}
        }
    }
    for (line, text) in (1..).zip(page.lines()) {
        if let Some(command) = text.strip_prefix("<!-- typed: ").and_then(|text| text.strip_suffix(" -->")) {
            let command = command.to_owned();
            parts.push((line, false, vec![Shown { line, root: false, command, output: Vec::new() }]));
        }
    }
    parts.sort_by_key(|(line, ..)| *line);
    let mut sessions: Vec<Vec<Shown>> = Vec::new();
    for (line, begins, commands) in parts {
        match sessions.last_mut() {
            Some(last) if !begins => last.extend(commands),
            _ => {
                assert!(begins, "line {line} goes on with nothing");
                sessions.push(commands);
            }
        }
    }
    sessions
}

/// The commands of a block.
fn commands(block: &Block) -> Vec<Shown> {
    let mut commands: Vec<Shown> = Vec::new();
    let mut lines = (block.line + 1..).zip(&block.lines);
    while let Some((line, text)) = lines.next() {
        let prompt = |prompt| text.strip_prefix(prompt).map(str::to_owned);
        match (prompt("$ ").or(prompt("# ")), commands.last_mut()) {
            (Some(mut command), _) => {
                while command.ends_with('\\') {
                    command.push('\n');
                    command.push_str(lines.next().expect("a line goes on").1);
                }
                commands.push(Shown { line, root: text.starts_with('#'), command, output: Vec::new() });
            }
            (None, Some(last)) => last.output.push(text.clone()),
            (None, None) => panic!("output without a command: {text:?}"),
        }
    }
    commands
}

/// What a shell finds.
struct Surroundings {
    home: TempDir,
    path: OsString,
}

impl Surroundings {
    /// None, and a line that says why, where the labs can't be built.
    fn new() -> Option<Surroundings> {
        let labs = programs::labs()?;
        let home = open_directory(&std::env::temp_dir());
        let bin = home.path().join("bin");
        fs::create_dir(&bin).unwrap();
        for program in labs.into_iter().chain([cargo_bin("grader")]) {
            fs::copy(&program, bin.join(program.file_name().unwrap())).unwrap();
        }
        warm::write_cargo(&bin.join("warm-cargo"));
        let machine = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths([bin].into_iter().chain(std::env::split_paths(&machine))).unwrap();
        let surroundings = Surroundings { home, path };
        let given = surroundings.home.path().join("given");
        fs::create_dir(&given).unwrap();
        let made = surroundings.shell("grader rootfs build rootfs", &given);
        assert!(given.join("rootfs/bin/sh").exists(), "{made}");
        for path in beside_the_pages() {
            fs::copy(&path, given.join(path.file_name().unwrap())).unwrap();
        }
        Some(surroundings)
    }

    /// What comes out of the shell, on both streams.
    fn shell(&self, script: &str, directory: &Path) -> String {
        let mut command = Command::new("sh");
        command.args(["-c", script]).current_dir(directory);
        self.output(command)
    }

    /// The same of root's shell, where its mounts and those of the labs are nobody else's.
    fn shell_of_the_host(&self, script: &str, directory: &Path) -> String {
        let mut command = Command::new("unshare");
        // First private, so that nothing reaches this machine; then shared, as on most machines. The rootfs is to lie
        // on a file system without nodev, which /tmp is not everywhere.
        const HOST: &str = "mount --make-rshared / && mount -t tmpfs play . && cd \"$PWD\" && cp -a \"$1\"/. . && exec sh -c \"$0\"";
        command.args(["--mount", "--propagation", "private", "sh", "-c", HOST, script]);
        command.arg(self.home.path().join("given")).current_dir(directory);
        self.output(command)
    }

    fn output(&self, mut command: Command) -> String {
        command.env("PATH", &self.path).env("LC_ALL", "C").env("TERM", "xterm");
        command.env("CARGO", self.home.path().join("bin/warm-cargo"));
        // The labs that this grader carries are built once.
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("book-{}", geteuid()));
        command.env("CARGO_TARGET_DIR", cache.join("target")).env("XDG_CACHE_HOME", cache);
        let output = assert_cmd::Command::from_std(command).timeout(4 * PATIENCE).output().unwrap();
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

/// A directory that others may enter too: the root of a user namespace is one of them.
fn open_directory(above: &Path) -> TempDir {
    let mut directory = tempfile::Builder::new();
    directory.prefix("container-labs-book-").permissions(Permissions::from_mode(0o755));
    directory.tempdir_in(above).unwrap()
}

/// The programs that pages show: `docs/src/*.rs`.
fn beside_the_pages() -> Vec<PathBuf> {
    let files = fs::read_dir(book()).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|ending| ending == "rs")).collect()
}

/// Whether a static program can be linked here: one that is to run in any root file system.
fn links_statically() -> bool {
    static LINKS: OnceLock<bool> = OnceLock::new();
    *LINKS.get_or_init(|| {
        let directory = TempDir::new().unwrap();
        fs::write(directory.path().join("empty.rs"), "fn main() {}").unwrap();
        let mut rustc = Command::new("rustc");
        rustc.args(["-Ctarget-feature=+crt-static", "empty.rs"]).current_dir(directory.path());
        rustc.output().is_ok_and(|output| output.status.success())
    })
}

/// Runs a session; what doesn't fit is the answer.
fn run(session: &[Shown], surroundings: &Surroundings) -> Vec<String> {
    const MARK: char = '\u{1e}';
    let mut script = "exec 2>&1\n".to_owned();
    for shown in session {
        script.push_str(&format!("printf '{MARK}'\n{}\n", shown.command));
    }
    let own = open_directory(surroundings.home.path());
    let output = match session.iter().any(|shown| shown.root) {
        true => surroundings.shell_of_the_host(&script, own.path()),
        false => surroundings.shell(&script, own.path()),
    };
    let mut outputs: Vec<&str> = output.split(MARK).skip(1).collect();
    outputs.resize(session.len(), "(the shell had ended)");
    let misfits = session.iter().zip(outputs).filter(|(shown, real)| {
        let real: Vec<&str> = real.lines().collect();
        !fits(&shown.output, &real)
    });
    misfits.map(|(shown, real)| format!("line {}: {}\n{real}", shown.line, shown.command)).collect()
}

#[test]
fn what_a_page_shows_of_a_command_is_what_it_prints() {
    // Says why, where nothing can be judged here.
    let who = if geteuid().is_root() { Who::Root } else { Who::User };
    let (Some(_), Some(surroundings)) = (Stage::new(who), Surroundings::new()) else { return };
    let all: Vec<(String, Vec<Shown>)> = pages()
        .into_iter()
        .flat_map(|(page, text)| sessions(&text).into_iter().map(move |session| (page.clone(), session)))
        .filter(|(page, session)| can_run(page, session))
        .collect();
    assert!(!all.is_empty(), "nothing was run");
    // Each in a place of its own: as many at once as there are processors.
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some((page, session)) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            let begin = Instant::now();
            let misfits = run(session, &surroundings);
            println!("{page}, line {}: {} ms", session[0].line, begin.elapsed().as_millis());
            wrong.lock().unwrap().extend(misfits.into_iter().map(|real| format!("{page}, {real}")));
        }
    };
    thread::scope(|scope| {
        (0..thread::available_parallelism().map_or(2, usize::from)).for_each(|_| drop(scope.spawn(work)));
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "not what the pages show:\n\n{}", wrong.join("\n"));
}

/// Whether this machine and person can run a session. Else a line says why not.
fn can_run(page: &str, session: &[Shown]) -> bool {
    let place = format!("{page}, line {}", session[0].line);
    let static_program = session.iter().any(|shown| shown.command.contains("crt-static"));
    if session.iter().any(|shown| shown.root) && !geteuid().is_root() {
        skip(&format!("{place}: needs root"));
        false
    } else if static_program && !links_statically() {
        skip(&format!("{place}: needs a static C library"));
        false
    } else {
        true
    }
}
