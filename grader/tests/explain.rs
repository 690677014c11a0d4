//! `grader explain` of everything there is to explain.

mod common;

use attempts::attempts::ALL as ATTEMPTS;
use attempts::works::ALL as WORKS;
use common::stage::{Stage, Who};
use grader::labs::{self, Workspace};
use nix::unistd::geteuid;
use predicates::str::contains;

fn explain(stage: &Stage, words: &[&str]) -> String {
    let ran = stage.run(stage.grader([&["explain"], words].concat()));
    let done = ran.assert().success().stderr("");
    String::from_utf8(done.get_output().stdout.clone()).unwrap()
}

fn stage() -> Stage {
    Stage::new(if geteuid().is_root() { Who::Root } else { Who::User }).unwrap()
}

#[test]
fn every_attempt_has_its_story_its_commands_its_defence_and_where_that_is() {
    let stage = stage();
    let steps = Workspace::sources().steps().unwrap();
    for attempt in ATTEMPTS {
        let text = explain(&stage, &[attempt.id]);
        let has = |part: &str| assert!(text.contains(part), "{}: {part:?} is missing in\n{text}", attempt.id);
        assert!(attempt.story.split_whitespace().count() >= 20, "{}: {}", attempt.id, attempt.story);
        has(attempt.story);
        has(attempt.stake);
        assert!(attempt.by_hand.len() <= 2, "{}: {:?}", attempt.id, attempt.by_hand);
        attempt.by_hand.iter().for_each(|command| has(command));
        assert!(!attempt.man.is_empty() && !attempt.stopped_by.is_empty(), "{}", attempt.id);
        for id in attempt.stopped_by {
            let step = steps.iter().find(|step| step.id.to_string() == *id);
            let is_there = labs::ALL.iter().any(|lab| id.starts_with(lab));
            assert_eq!(step.is_some(), is_there, "{id}");
            match step {
                Some(step) => has(&format!("  {id}    {}:{}\n", step.file.display(), step.line)),
                None => has(&format!("  {id}    a lab still to come\n")),
            }
        }
        // The line is that of the marker.
        has("Measured, where it escapes:\n  decoy host of the kind root                bare host");
    }
}

#[test]
fn the_line_is_that_of_the_marker() {
    let stage = stage();
    let source = Workspace::sources();
    for step in source.steps().unwrap() {
        let text = explain(&stage, &[&step.id.to_string()]);
        let place = format!("\n{}:{}\n", step.file.display(), step.line);
        for part in [step.goal.as_str(), &place, &step.man.join(", ")] {
            assert!(text.contains(part), "{}: {part:?} is missing in\n{text}", step.id);
        }
        let line = source.file(&step.file).unwrap().lines().nth(step.line - 1).unwrap();
        assert_eq!(line.trim(), format!("// step: {}", step.id.name));
    }
}

#[test]
fn every_works_check_says_what_must_work_and_from_which_lab_on() {
    let stage = stage();
    for work in WORKS {
        let text = explain(&stage, &[work.id]);
        let from = format!("Asked for from lab {} on.", work.first_lab);
        for part in [work.what, &from, &work.man.join(", ")] {
            assert!(text.contains(part), "{}: {part:?} is missing in\n{text}", work.id);
        }
    }
}

#[test]
fn without_a_name_everything_is_listed_and_a_wrong_name_is_refused() {
    let stage = stage();
    let list = explain(&stage, &[]);
    let names = ATTEMPTS.iter().map(|it| it.id).chain(WORKS.iter().map(|it| it.id));
    for name in names {
        assert!(list.lines().any(|line| line.starts_with(&format!("  {name} "))), "{name}");
    }
    let refused = stage.run(stage.grader(["explain", "no-such-thing"])).assert().code(2);
    refused.stderr(contains("no-such-thing: neither an attempt nor a step; see: grader explain"));
}
