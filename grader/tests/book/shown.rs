//! The commands that a page shows, run: in a block ```` ```console,checked ```` every line after a prompt is
//! typed into a shell, and what the page shows below it must be what comes out.
//!
//! `$` is anybody's prompt, and such a shell starts in an empty directory. A block with a `#` is run as root, in a mount
//! namespace that plays the host's, or not at all; in the directory lie a `rootfs` and the programs that lie beside
//! the pages. The labs and the grader are on the path. A line `...` stands for any lines, `...` within a line for any
//! text.

use crate::common::programs;
use crate::common::stage::{PATIENCE, Stage, Who, skip};
use crate::pages::{Block, blocks, book, pages};
use assert_cmd::cargo::cargo_bin;
use nix::unistd::geteuid;
use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use tempfile::TempDir;

/// A command and what the page shows of its output.
#[derive(Debug, PartialEq, Eq)]
struct Shown {
    root: bool,
    command: String,
    output: Vec<String>,
}

/// The commands of a block.
fn commands(lines: &[String]) -> Vec<Shown> {
    let mut commands: Vec<Shown> = Vec::new();
    let mut lines = lines.iter();
    while let Some(line) = lines.next() {
        let prompt = |prompt| line.strip_prefix(prompt).map(str::to_owned);
        match (prompt("$ ").or(prompt("# ")), commands.last_mut()) {
            (Some(mut command), _) => {
                while command.ends_with('\\') {
                    command.push('\n');
                    command.push_str(lines.next().expect("a line goes on"));
                }
                commands.push(Shown { root: line.starts_with('#'), command, output: Vec::new() });
            }
            (None, Some(last)) => last.output.push(line.clone()),
            (None, None) => panic!("output without a command: {line:?}"),
        }
    }
    commands
}

/// Whether these lines are what the page shows.
fn fits(shown: &[String], real: &[&str]) -> bool {
    match shown.split_first() {
        None => real.is_empty(),
        Some((first, rest)) if first == "..." => (0..=real.len()).any(|skipped| fits(rest, &real[skipped..])),
        Some((first, rest)) => {
            real.split_first().is_some_and(|(line, others)| fits_line(first, line) && fits(rest, others))
        }
    }
}

/// The same of one line. What is shown of it may end in less space than it has.
fn fits_line(shown: &str, real: &str) -> bool {
    match shown.split_once("...") {
        None => shown.trim_end() == real.trim_end(),
        Some((begin, rest)) => real.strip_prefix(begin).is_some_and(|real| {
            let places = real.char_indices().map(|(place, _)| place).chain([real.len()]);
            places.into_iter().any(|place| fits_line(rest, &real[place..]))
        }),
    }
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
        // The labs that this grader carries are built once.
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("book-{}", geteuid()));
        command.env("XDG_CACHE_HOME", cache);
        let output = assert_cmd::Command::from_std(command).timeout(PATIENCE).output().unwrap();
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

/// Runs a block; what doesn't fit is the answer.
fn run(block: &Block, surroundings: &Surroundings) -> Vec<String> {
    const MARK: char = '\u{1e}';
    let commands = commands(&block.lines);
    let mut script = "exec 2>&1\n".to_owned();
    for shown in &commands {
        script.push_str(&format!("printf '{MARK}'\n{}\n", shown.command));
    }
    let own = open_directory(surroundings.home.path());
    let output = match commands.iter().any(|shown| shown.root) {
        true => surroundings.shell_of_the_host(&script, own.path()),
        false => surroundings.shell(&script, own.path()),
    };
    let mut outputs: Vec<&str> = output.split(MARK).skip(1).collect();
    outputs.resize(commands.len(), "(the shell had ended)");
    let misfits = commands.iter().zip(outputs).filter(|(shown, real)| {
        let real: Vec<&str> = real.lines().collect();
        !fits(&shown.output, &real)
    });
    misfits.map(|(shown, real)| format!("{}\n{real}", shown.command)).collect()
}

#[test]
fn what_a_page_shows_of_a_command_is_what_it_prints() {
    // Says why, where nothing can be judged here.
    let who = if geteuid().is_root() { Who::Root } else { Who::User };
    let (Some(_), Some(surroundings)) = (Stage::new(who), Surroundings::new()) else { return };
    let mut wrong = Vec::new();
    let mut checked = 0;
    for (page, text) in pages() {
        for block in blocks(&text).iter().filter(|block| block.info == "console,checked") {
            let place = format!("{page}, line {}", block.line);
            let text = block.lines.join("\n");
            let root = text.lines().any(|line| line.starts_with("# "));
            if root && !geteuid().is_root() {
                skip(&format!("{place}: needs root"));
            } else if text.contains("crt-static") && !links_statically() {
                skip(&format!("{place}: needs a static C library"));
            } else {
                checked += 1;
                wrong.extend(run(block, &surroundings).into_iter().map(|real| format!("{place}: {real}")));
            }
        }
    }
    assert!(checked > 0, "no block was run");
    assert!(wrong.is_empty(), "not what the pages show:\n\n{}", wrong.join("\n"));
}

#[test]
fn dots_stand_for_what_differs_and_for_nothing_else() {
    let shown = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    for (page, real) in [("", ""), ("a", "a"), ("a\n...\nd", "a\nb\nc\nd"), ("...", ""), ("a ... c", "a b c")]
    {
        assert!(fits(&shown(page), &real.lines().collect::<Vec<_>>()), "{page:?} {real:?}");
    }
    for (page, real) in
        [("", "a"), ("a", ""), ("a", "b"), ("a\n...\nd", "a\nb"), ("a ... c", "a b"), ("...\nb", "a")]
    {
        assert!(!fits(&shown(page), &real.lines().collect::<Vec<_>>()), "{page:?} {real:?}");
    }
}
