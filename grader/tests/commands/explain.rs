//! `grader explain` of everything there is to explain.

use crate::common::stage::{Ran, Stage, Who};
use attempts::attempts::{ALL as ATTEMPTS, Attempt};
use attempts::works::ALL as WORKS;
use grader::labs::steps::{losing, to_come};
use grader::labs::{self, Workspace};
use nix::unistd::geteuid;
use predicates::str::contains;

fn explain(stage: &Stage, words: &[&str]) -> String {
    // Nothing is started by it that could be left behind.
    let ran = Ran(stage.grader([&["explain"], words].concat()).output().unwrap());
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
        assert!((1..=2).contains(&attempt.by_hand.len()), "{}: {:?}", attempt.id, attempt.by_hand);
        assert!(attempt.by_hand.iter().all(|command| !command.trim().is_empty()), "{}", attempt.id);
        attempt.by_hand.iter().for_each(|command| has(command));
        assert!(!attempt.man.is_empty() && !attempt.stopped_by.is_empty(), "{}", attempt.id);
        for id in attempt.stopped_by {
            let step = steps.iter().find(|step| step.id.to_string() == *id);
            let is_there = labs::ALL.iter().any(|lab| id.starts_with(lab));
            assert_eq!(step.is_some(), is_there, "{id}");
            match step {
                Some(step) => has(&format!("  {id}    {}:{}\n", step.file.display(), step.line)),
                None => {
                    let mechanism = to_come::mechanism(id).unwrap();
                    has(&format!("  {id}    a lab still to come\n    {mechanism}\n"));
                }
            }
        }
        let waits = text.lines().find_map(|line| line.strip_prefix("Prerequisites: "));
        assert_eq!(waits.unwrap_or_default(), attempt.after.join(", "), "{}", attempt.id);
        measured(attempt, &text);
    }
}

/// Read back from the words, they are the letters.
fn measured(attempt: &Attempt, text: &str) {
    let rows = [
        ("grader as root", attempt.letters.root),
        ("the same with --decoy user", attempt.letters.user),
        ("grader as an ordinary user", attempt.letters.rootless),
    ];
    for (setting, letters) in rows {
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("  {setting}")));
        let line = line.unwrap_or_else(|| panic!("{}: {setting} is missing in\n{text}", attempt.id)).trim();
        let mut read = ['?'; 4];
        for part in line.split("; ") {
            let letter = match part.split(' ').next() {
                Some("escapes") if letters.starts_with('E') && part.contains("on the bare host") => 'E',
                Some("blocked") => 'B',
                Some("can't") => {
                    read = ['I'; 4];
                    continue;
                }
                _ => panic!("{}: {line}", attempt.id),
            };
            let numbers = part.split(|c: char| !c.is_ascii_digit()).filter_map(|it| it.parse::<usize>().ok());
            numbers.for_each(|lab| read[lab] = letter);
        }
        assert_eq!(read.iter().collect::<String>(), letters[2..2 + read.len()], "{}: {line}", attempt.id);
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
            assert!(!part.is_empty() && text.contains(part), "{}: {part:?} is missing in\n{text}", step.id);
        }
        let named: Vec<&str> = text
            .lines()
            .filter_map(|line| line.split_once(": "))
            .filter(|(word, _)| ["Stops", "Needed by", "Escape without it"].contains(word))
            .flat_map(|(_, ids)| ids.split(", "))
            .collect();
        assert!(step.lost.iter().all(|id| named.contains(&id.as_str())), "{}: {text}", step.id);
        let line = source.file(&step.file).unwrap().lines().nth(step.line - 1).unwrap();
        assert_eq!(line.trim(), format!("// step: {}", step.id.name));
    }
}

#[test]
fn every_works_check_says_what_must_work_and_from_which_lab_on() {
    let stage = stage();
    let steps = Workspace::sources().steps().unwrap();
    for work in WORKS {
        let text = explain(&stage, &[work.id]);
        let from = format!("Required from lab {} on.", work.first_lab);
        for part in [work.what, &from, &work.man.join(", ")] {
            assert!(!part.is_empty() && text.contains(part), "{}: {part:?} is missing in\n{text}", work.id);
        }
        let waits = text.lines().find_map(|line| line.strip_prefix("Prerequisites: "));
        assert_eq!(waits.unwrap_or_default(), work.after.join(", "), "{}", work.id);
        for id in losing(work.id) {
            let step = steps.iter().find(|step| step.id == id).unwrap();
            let line = format!("  {id}    {}:{}\n", step.file.display(), step.line);
            assert!(text.contains(&line), "{}: {line:?} is missing in\n{text}", work.id);
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
