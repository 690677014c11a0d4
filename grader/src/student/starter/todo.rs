//! The comment in place of a step: its goal, and the checks that test it.

use crate::labs::steps::Step;
use crate::text;
use attempts::attempts::ALL as ATTEMPTS;
use attempts::works::ALL as WORKS;

/// The maximum width of a line, without the indentation of its marker.
const WIDTH: usize = 88;

/// The comment in place of the step.
pub fn todo(step: &Step) -> String {
    let stops: Vec<&str> =
        ATTEMPTS.iter().map(|attempt| attempt.id).filter(|attempt| stops(step, attempt)).collect();
    let works = WORKS.iter().map(|work| work.id).filter(|id| step.lost.iter().any(|lost| lost == id));
    let mut text = comment("TODO: ", &step.goal);
    text.push_str(&comment("Read: ", &step.man.join(", ")));
    if !stops.is_empty() {
        // This step works only with an option.
        let label = if step.id.name == "user-namespace" { "Stops, with --userns: " } else { "Stops: " };
        text.push_str(&comment(label, &stops.join(", ")));
    }
    let works: Vec<&str> = works.collect();
    if !works.is_empty() {
        text.push_str(&comment("Needed by: ", &works.join(", ")));
    }
    text
}

/// Whether an attempt escapes without this step, or is stopped in this lab by this step together with another.
fn stops(step: &Step, attempt: &str) -> bool {
    let Some(it) = ATTEMPTS.iter().find(|it| it.id == attempt) else { return false };
    let of_this_lab = |name: &&str| name.starts_with(&format!("{}/", step.id.lab));
    step.lost.iter().any(|lost| lost == attempt)
        || it.stopped_by.contains(&step.id.to_string().as_str()) && it.stopped_by.iter().all(of_this_lab)
}

/// A comment: the text after its label, wrapped.
fn comment(label: &str, text: &str) -> String {
    text::wrap(&format!("// {label}"), "// ", text, WIDTH) + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labs::Workspace;
    use crate::labs::steps::marker;
    use std::path::Path;

    #[test]
    fn every_attempt_that_the_labs_stop_is_named_by_a_step() {
        let steps = Workspace::sources().steps().unwrap();
        for attempt in ATTEMPTS.iter().filter(|attempt| attempt.first_lab() < crate::labs::ALL.len()) {
            let named = steps.iter().any(|step| stops(step, attempt.id));
            assert!(named, "{}", attempt.id);
        }
    }

    #[test]
    fn no_line_is_wide_or_nearly_a_marker() {
        for step in Workspace::sources().steps().unwrap() {
            let text = todo(&step);
            assert!(text.lines().all(|line| line.len() <= WIDTH && line.starts_with("// ")), "{text}");
            assert_eq!(marker::parse(Path::new("lib.rs"), &text), Ok(Vec::new()), "{}", step.id);
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            let said = words(&text.replace("\n//", "\n"));
            assert!(said.join(" ").contains(&words(&step.goal).join(" ")), "{text}");
        }
    }
}
