//! One attempt, told slowly: what the attacker did, what it got, what the host saw, how to repeat it by hand.

use super::{Check, TargetReport};
use attempts::attempts::Attempt;
use std::io::{self, Write};

/// Writes it.
pub fn write(
    target: &TargetReport,
    check: &Check,
    attempt: &Attempt,
    out: &mut impl Write,
) -> io::Result<()> {
    let clean = |text: &str| text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
    writeln!(out, "{} in {}: {}", attempt.id, clean(&target.name), check.verdict)?;
    writeln!(out, "  {}\n", clean(&check.why))?;
    writeln!(out, "At stake\n  {}\n", attempt.stake)?;
    writeln!(out, "What happened")?;
    for fact in &check.evidence {
        writeln!(out, "  - {}", clean(fact))?;
    }
    // What no usual tool does can't be repeated with one.
    if !attempt.by_hand.is_empty() {
        writeln!(out, "\nRepeat it by hand, inside the container")?;
    }
    for command in attempt.by_hand {
        writeln!(out, "  {command}")?;
    }
    writeln!(out, "\nStopped by")?;
    for step in attempt.stopped_by {
        writeln!(out, "  {step}    (grader explain {step})")?;
    }
    if check.waits() {
        writeln!(out, "\nWaits for")?;
    }
    for id in &check.waiting_for {
        writeln!(out, "  {id}    (grader explain {id})")?;
    }
    if check.cause.as_deref() == Some("machine") {
        writeln!(out, "\nNot your fault: this machine can't judge it. See: grader doctor")?;
    }
    writeln!(out, "\nRead: {}", attempt.man.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Verdict;

    #[test]
    fn what_waits_says_for_what_and_what_it_was_alone() {
        let attempt = Attempt::find("proc-keys-unmask").unwrap();
        let mut check = Check::new(attempt.id, "attempt", &Verdict::Blocked("refused".into()), None);
        check.wait_for(vec!["proc-keys".into()]);
        let (name, kind) = ("container".into(), "program".into());
        let target = TargetReport {
            name,
            kind,
            points: 0.0,
            max_points: 0.0,
            reached: None,
            mend_first: None,
            checks: Vec::new(),
        };
        let mut text = Vec::new();
        write(&target, &check, attempt, &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.starts_with("proc-keys-unmask in container: INCONCLUSIVE\n"), "{text}");
        for line in
            ["Waits for\n  proc-keys    (grader explain proc-keys)", "taken alone it was BLOCKED: refused"]
        {
            assert!(text.contains(line), "{text}");
        }
    }
}
