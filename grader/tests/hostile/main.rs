//! Nothing of the machine, of its people or of the next submission is ever touched.
//!
//! Each hostile program is graded between two honest ones, as root and as an ordinary user, and the machine is looked
//! at before and after. Nothing of it moves; the honest programs get what they get without the hostile one; and what
//! only the caller knows is nowhere in what comes out. What a hostile program gets for itself is no matter here.
//!
//! ```console
//! $ cargo test -p grader --test hostile               # as whoever runs the tests, and what takes no long
//! $ GRADER_TESTS=all cargo test -p grader --test hostile spy::user     # one program, as an ordinary user
//! $ GRADER_KILLS=500 cargo test -p grader --test hostile kills -- --nocapture
//! ```
//!
//! # Layout
//! - [`caller`]: a person with a home, and secrets in it. [`run`]: a grader of that person's, which must end in time.
//! - [`watch`]: what the machine looks like, and what has changed.
//! - [`descendants`], [`groups`]: processes and control groups that are left, and how they are ended.
//! - [`programs`]: the hostile programs, each between two honest ones.
//! - [`folders`]: submissions and root file systems whose files are hostile. [`places`]: temporary directories and reports.
//! - [`secrets`]: submissions that lie in a home.
//! - [`owners`]: who owns the decoys' user namespaces. [`kills`]: SIGKILL at random moments. [`pool`]: what one program, or a dead worker, costs the others.

mod caller;
#[path = "../common/mod.rs"]
mod common;
mod compiled;
mod descendants;
mod folders;
mod groups;
mod kills;
mod owners;
mod places;
mod pool;
mod programs;
#[allow(dead_code, reason = "another test owns it, and only a part is used here")]
#[path = "../commands/watch/pty.rs"]
mod pty;
mod run;
mod secrets;
#[allow(dead_code, reason = "another test owns it, and only a part is used here")]
#[path = "../commands/watch/student.rs"]
mod student;
mod watch;
