//! `grader`: runs real escape attempts inside a container, and says from what the host saw which were blocked.

use grader::cache_dir;
use grader::commands::{self, Command};
use std::process::ExitCode;

fn main() -> ExitCode {
    let done = commands::begin::begin().and_then(|()| command());
    cache_dir::remove_caches_of_this_run();
    commands::exit(done)
}

// A separate stack frame: `begin` checks the stack limit before this frame is used.
#[inline(never)]
fn command() -> anyhow::Result<u8> {
    grader::runner::workers::process::serve_if_asked();
    match commands::parse() {
        Command::Run(options) => commands::run::run(&options),
        Command::Try(options) => commands::r#try::run(&options),
        Command::Explain(options) => commands::explain::run(&options),
        Command::Knockout(options) => commands::knockout::run(&options),
        Command::Starter(options) => commands::starter::run(&options),
        Command::Watch(options) => commands::watch::run(&options),
        Command::Pack(options) => commands::pack::run(&options),
        Command::Doctor => commands::doctor::run(),
        Command::Rootfs(options) => commands::rootfs::run(&options),
    }
}
