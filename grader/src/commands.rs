//! The commands: their names and options, one file each.

pub mod begin;
pub mod common;
pub mod doctor;
pub mod explain;
pub mod knockout;
pub mod pack;
pub mod rootfs;
pub mod run;
pub mod starter;
pub mod student;
pub mod r#try;
pub mod watch;

use crate::interrupts::Interrupted;
use crate::text::{self, Shown};
use clap::Parser;
use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;

/// Builds the labs, runs every escape attempt in every stage on a decoy host, and prints the matrix. Options without a
/// command are those of `run`.
#[derive(Parser)]
#[command(name = "grader", version, about, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

/// The commands.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Grade some labs or programs; without a name, all labs
    Run(run::Options),
    /// Run one attempt and explain it: what it did, what the kernel answered, what the host saw
    Try(r#try::Options),
    /// Explain an attempt, a works check or a step, with the man pages to read
    Explain(explain::Options),
    /// Remove each step of the labs in turn, and show which checks fail without it
    Knockout(knockout::Options),
    /// Make a student's workspace: the labs with every step still to be written
    Starter(starter::Options),
    /// Build and grade a lab on each save
    Watch(watch::Options),
    /// Pack the labs' sources into one file to hand in, or check such a file
    Pack(pack::Options),
    /// Show what can be judged on this machine, what can't, and the command that fixes it
    Doctor,
    /// Make, import or check a root file system
    Rootfs(rootfs::Options),
}

const EXIT_CODES: &str = "Exit codes: 0 every check is as expected; 1 some check is not; 2 the command line is \
                          wrong; 3 nothing that was asked for can be judged on this machine.";

/// The command line is wrong: exit code 2.
#[derive(Debug)]
pub struct UsageError(pub String);

impl std::fmt::Display for UsageError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}

impl From<anyhow::Error> for UsageError {
    fn from(error: anyhow::Error) -> UsageError {
        UsageError(format!("{error:#}"))
    }
}

/// Parses the command line; an error ends the program with exit code 2.
pub fn parse() -> Command {
    let asked = Cli::try_parse_from(words(env::args_os())).unwrap_or_else(|error| {
        // The message quotes the arguments, which may come from an untrusted script: sanitize it.
        let text = error.render().ansi().to_string();
        let _ = match error.use_stderr() {
            true => write_shown(anstream::AutoStream::auto(io::stderr()), &text),
            false => write_shown(anstream::AutoStream::auto(io::stdout()), &text),
        };
        std::process::exit(error.exit_code())
    });
    asked.command.unwrap_or_else(|| Command::Run(run::Options::default()))
}

/// The arguments; where options stand in place of a command, they are those of `run`.
fn words(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut words: Vec<OsString> = arguments.collect();
    let own = ["-h", "--help", "-V", "--version"];
    if words
        .get(1)
        .is_some_and(|first| first.as_bytes().starts_with(b"-") && !own.iter().any(|it| first == it))
    {
        words.insert(1, "run".into());
    }
    words
}

fn write_shown(out: impl Write, text: &str) -> io::Result<()> {
    let mut out = Shown::new(out);
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// The exit code of a command, with its error on standard error.
pub fn exit(result: anyhow::Result<u8>) -> ExitCode {
    let error = match result {
        Ok(code) => return ExitCode::from(code),
        Err(error) => error,
    };
    text::say(&text::lines(&format!("grader: {error:#}")));
    ExitCode::from(match (error.downcast_ref::<Interrupted>(), error.is::<UsageError>()) {
        // As a shell does.
        (Some(Interrupted(signal)), _) => 128 + *signal as u8,
        (None, true) => 2,
        (None, false) => 1,
    })
}
