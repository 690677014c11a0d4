//! One attempt in detail: what the attacker did, what the kernel answered, what the host saw, what is missing, how to
//! repeat it by hand.

use crate::labs;
use crate::report::{Check, TargetReport, Verdict};
use crate::text::line as clean;
use attempts::attempts::Attempt;
use std::io::{self, Write};

/// A step that stops the attempt, and that the student's lab lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The step, as `lab/step`.
    pub step: String,
    /// Whether it is still to be written; otherwise it is written, but does not pass.
    pub todo: bool,
    /// The place of its marker, as `file:line`; none where the marker is missing.
    pub place: Option<String>,
    /// The goal of the step.
    pub goal: String,
}

/// Context of the attempt besides the report.
#[derive(Clone, Debug, Default)]
pub struct StoryContext {
    /// The missing steps.
    pub wanted: Vec<Wanted>,
    /// The command that lets this machine judge the attempt, where one is known.
    pub way_out: Option<String>,
    /// The commands that open a shell inside the container, on a disposable host.
    pub shell: Vec<String>,
}

/// A disposable host: a shell in new namespaces. Changes to them end with the shell; the files are the machine's own.
pub const HOST: &str =
    "unshare --user --map-root-user --mount --uts --ipc --net --pid --fork --mount-proc sh";

/// Writes it.
///
/// # Errors
/// Those of `out`.
pub fn write(
    target: &TargetReport,
    check: &Check,
    attempt: &Attempt,
    context: &StoryContext,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "{} in {}: {}", attempt.id, clean(&target.name), check.verdict)?;
    writeln!(out, "  {}\n", clean(&check.why))?;
    if check.is_unjudgeable_here() {
        let command = context.way_out.as_deref().unwrap_or("grader doctor");
        writeln!(out, "Not your fault: this machine can't judge it. This helps: {command}")?;
        writeln!(out, "It is not asked here; it will be asked where it can be judged, and counts there.\n")?;
    }
    if check.waits() {
        writeln!(out, "Fix first\n  {}\n", check.waiting_for.join(", "))?;
    }
    writeln!(out, "At stake\n  {}\n", attempt.stake)?;
    if !check.evidence.is_empty() {
        writeln!(out, "What the attacker did, what the kernel answered, what the host saw")?;
    }
    for fact in &check.evidence {
        writeln!(out, "  - {}", clean(fact))?;
    }
    if check.verdict == Verdict::Escaped {
        writeln!(out, "  - seen on the host: {}", clean(&check.why))?;
    }
    if !context.wanted.is_empty() {
        writeln!(out, "\nWhat is missing")?;
        context.wanted.iter().try_for_each(|wanted| missing(wanted, out))?;
    }
    by_hand(attempt, &context.shell, out)?;
    writeln!(out, "\nStopped by")?;
    for step in attempt.stopped_by {
        match labs::ALL.iter().any(|lab| step.starts_with(lab)) {
            true => writeln!(out, "  {step}    (grader explain {step})")?,
            false => writeln!(out, "  {step}    (a lab still to come)")?,
        }
    }
    writeln!(out, "\nRead: {}", attempt.man.join(", "))
}

fn missing(wanted: &Wanted, out: &mut dyn Write) -> io::Result<()> {
    let place = wanted.place.as_deref().unwrap_or("your source has no marker for it");
    let state = if wanted.todo { "still to be written" } else { "written, but does not pass" };
    writeln!(out, "  the step {}: {state}\n  {}", wanted.step, clean(place))?;
    writeln!(out, "    {}", wanted.goal.trim().replace('\n', "\n    "))
}

/// An attempt that no common tool can repeat has no commands.
fn by_hand(attempt: &Attempt, shell: &[String], out: &mut dyn Write) -> io::Result<()> {
    if attempt.by_hand.is_empty() {
        return Ok(());
    }
    if !shell.is_empty() {
        writeln!(out, "\nA shell inside the container, on a disposable host")?;
    }
    for command in shell {
        writeln!(out, "  {command}")?;
    }
    writeln!(out, "\nRepeat it by hand, inside the container")?;
    attempt.by_hand.iter().try_for_each(|command| writeln!(out, "  {command}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::prerequisites::wait_for;
    use crate::judge::verdict::Outcome;
    use crate::report::{CheckKind, TargetKind};

    #[test]
    fn what_waits_says_for_what_and_what_it_was_alone() {
        let attempt = Attempt::find("proc-keys-unmask").unwrap();
        let mut check = Outcome::Blocked("refused".into()).check(attempt.id, CheckKind::Attempt, None);
        wait_for(&mut check, vec!["proc-keys".into()]);
        let target = TargetReport::new("container", "container", TargetKind::Program);
        let mut text = Vec::new();
        write(&target, &check, attempt, &StoryContext::default(), &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.starts_with("proc-keys-unmask in container: INCONCLUSIVE\n"), "{text}");
        for line in ["Fix first\n  proc-keys\n", "judged alone it was BLOCKED: refused"] {
            assert!(text.contains(line), "{text}");
        }
    }
}
