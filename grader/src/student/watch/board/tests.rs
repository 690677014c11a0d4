use super::*;
use crate::judge::prerequisites::wait_for;
use crate::judge::verdict::Outcome;
use crate::labs::Workspace;
use crate::report::{Cause, CheckKind, DecoyKind, FixFirst, TargetKind, TargetReport, Verdict};
use crate::student::starter;
use crate::student::watch::builder::{Built, EndedBy};
use crate::student::watch::key::KeyPress;
use crate::student::watch::state::Action;
use ratatui_core::backend::TestBackend;
use ratatui_core::buffer::Buffer;
use ratatui_core::terminal::Terminal;
use rstest::rstest;
use std::collections::BTreeMap;
use std::time::Duration;

/// A watch of lab 1 in a new workspace.
fn begun() -> WatchState {
    let reference = Workspace::sources().steps().unwrap();
    WatchState::new(1, DecoyKind::Root, reference, &starter::source().unwrap())
}

fn build(end: End, said: &[&str]) -> Built {
    let said = said.iter().map(|it| (*it).to_owned()).collect();
    Built { number: 1, lab: "lab1-namespaces".into(), end, said, took: Duration::from_millis(240) }
}

/// The same, graded: some checks pass, some do not, and one has each other mark.
fn graded() -> WatchState {
    let mut state = begun();
    state.built(build(End::Made("program".into()), &[]));
    state.graded(report(Verdict::Escaped), Duration::from_millis(610), &starter::source().unwrap());
    state
}

fn report(mount: Verdict) -> TargetReport {
    let attempt = |id, verdict: Outcome| verdict.check(id, CheckKind::Attempt, Some(Verdict::Blocked));
    let mount = match mount {
        Verdict::Escaped => Outcome::Escaped("the mount\u{1b}[2J is in the host's table".into()),
        _ => Outcome::Blocked("kept in".into()),
    };
    let mut checks = vec![
        Outcome::Works.check("starts", CheckKind::Works, Some(Verdict::Works)),
        Outcome::Fails("it is the host's".into()).check("host-name", CheckKind::Works, Some(Verdict::Works)),
        attempt("reboot", Outcome::Blocked("refused".into())),
        attempt("mount", mount),
        attempt("hostname-read", Outcome::Blocked("refused".into())),
        attempt("cgroup-path", Outcome::Inconclusive(Cause::Machine, "no control groups".into())),
    ];
    let fix_first =
        Some(FixFirst { id: "host-name".into(), why: "it is the host's".into(), steps: Vec::new() });
    wait_for(&mut checks[4], vec!["host-name".into()]);
    let name = "lab1-namespaces";
    TargetReport {
        points: 0.25,
        max_points: 1.0,
        fix_first,
        checks,
        ..TargetReport::new(name, name, TargetKind::Lab)
    }
}

fn drawn(state: &WatchState, width: u16, height: u16, colours: bool) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let context = PageContext { way_out: Some("sudo grader watch".into()), rootfs: "/rootfs".into() };
    terminal.draw(|frame| _ = draw(frame, state, &context, colours)).unwrap();
    terminal.backend().buffer().clone()
}

fn rows(buffer: &Buffer) -> Vec<String> {
    let row = |y| (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    (0..buffer.area.height).map(|y| row(y).trim_end().to_owned()).collect()
}

fn text(state: &WatchState, width: u16, height: u16) -> String {
    rows(&drawn(state, width, height, true)).join("\n")
}

/// The colour of the sign of a check, if it is on the board.
fn colour_of(buffer: &Buffer, id: &str) -> Color {
    let at = rows(buffer).iter().position(|row| row.get(3..).is_some_and(|row| row.starts_with(id)));
    buffer[(1, at.unwrap_or_else(|| panic!("{id} is not on {:#?}", rows(buffer))) as u16)].fg
}

#[test]
fn on_80_by_24_is_everything_that_matters() {
    let state = graded();
    let small = text(&state, 80, 24);
    for part in [
        " lab1-namespaces  points 0.25 of 1  steps 0 of 11",
        "built in 0.2 s, graded in 0.6 s",
        "step mount-namespace: still to be written, lab1-namespaces/src/lib.rs:",
        "Give the container a mount list of its own.",
        "red is expected: a lab without its steps is no more than the lab before it",
        "? 1 not judged, not your fault: this machine can't. This helps: sudo grader\nwatch",
        " x host-name             FAILS      it is the host's",
        "attempts: 1 of 4 blocked",
        " + reboot                BLOCKED    refused",
        ">x mount                 ESCAPED    the mount\\u{1b}[2J is in the host",
        " more\n",
        "h hint  e explain  t try  r rerun  n next",
        "q quit",
    ] {
        assert!(small.contains(part), "{part:?} is missing in\n{small}");
    }
    // The list is longer than that, and starts like this.
    let large = text(&state, 80, 50);
    for part in ["works checks: 1 of 2 work", " + starts                WORKS"] {
        assert!(large.contains(part), "{part:?} is missing in\n{large}");
    }
}

#[rstest]
#[case(80, 24)]
#[case(60, 15)]
#[case(40, 10)]
#[case(20, 6)]
#[case(10, 3)]
#[case(1, 1)]
#[case(200, 60)]
fn nothing_is_lost_or_broken_at_any_size(#[case] width: u16, #[case] height: u16) {
    let mut state = graded();
    for view in [View::Board, View::Messages, View::Hint, View::Explain, View::Try, View::Help] {
        state.view = view;
        let shown = rows(&drawn(&state, width, height, true));
        assert_eq!(shown.len(), usize::from(height));
        if width >= 40 {
            assert!(shown[0].contains("lab1-namespaces  points 0.25 of 1"), "{shown:#?}");
            assert!(shown[usize::from(height) - 1].contains("q quit"), "{shown:#?}");
        }
        if width >= 40 && view == View::Board {
            // The selected check is visible.
            assert!(shown.iter().any(|row| row.starts_with(">x mount")), "{shown:#?}");
            assert!(shown.iter().any(|row| row.starts_with("step mount-namespace")), "{shown:#?}");
        }
    }
}

#[test]
fn a_check_not_yet_asked_for_is_neither_red_nor_green() {
    let mut state = graded();
    let buffer = drawn(&state, 80, 100, true);
    assert_eq!(colour_of(&buffer, "mount"), Color::Red);
    assert_eq!(colour_of(&buffer, "reboot"), Color::Green);
    assert_eq!(colour_of(&buffer, "hostname-read"), Color::Yellow);
    for id in ["raw-disk", "host-tree", "fork-bomb", "cgroup-path", "signal-process"] {
        assert_eq!(colour_of(&buffer, id), Color::DarkGray, "{id}");
    }
    let shown = rows(&buffer).join("\n");
    assert!(shown.contains("required by later labs\n . raw-disk              lab 2"), "{shown}");
    assert!(shown.contains(" ~ hostname-read         waits      for host-name"), "{shown}");
    assert!(shown.contains(" ? cgroup-path           no verdict no control groups"), "{shown}");
    // Without colours all the words are there.
    let plain = drawn(&state, 80, 100, false);
    assert_eq!(rows(&plain), rows(&buffer));
    let coloured = |buffer: &Buffer| {
        buffer.content.iter().any(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset)
    };
    assert!(coloured(&buffer) && !coloured(&plain));
    state.built(build(End::Failed, &["\u{1b}[38;5;9merror\u{1b}[0m: no"]));
    assert!(coloured(&drawn(&state, 80, 24, true)) && !coloured(&drawn(&state, 80, 24, false)));
}

#[test]
fn what_has_turned_says_what_it_was() {
    let mut state = graded();
    state.graded(report(Verdict::Blocked), Duration::ZERO, &starter::source().unwrap());
    let text = text(&state, 80, 40);
    assert!(text.contains("+ mount                 BLOCKED    was ESCAPED kept in"), "{text}");
    let changes: Vec<_> = state.changes().map(|(check, was)| (check.id.as_str(), was)).collect();
    assert_eq!(changes, [("mount", Some(Verdict::Escaped))]);
}

#[test]
fn a_compiler_error_appears_and_goes() {
    let mut state = graded();
    state.built(build(
        End::Failed,
        &["\u{1b}[1merror[E0425]\u{1b}[0m: cannot find value", "error: could not compile"],
    ));
    let shown = text(&state, 80, 24);
    for part in [
        "x does not compile; the verdicts are of the last build",
        "error[E0425]: cannot find value",
        "could not",
    ] {
        assert!(shown.contains(part), "{part} is missing in {shown}");
    }
    assert!(!shown.contains("hostname-read"), "{shown}");
    state.built(build(End::Made("program".into()), &[]));
    let shown = text(&state, 80, 24);
    assert!(!shown.contains("error") && shown.contains(">x mount"), "{shown}");
}

#[test]
fn a_build_that_was_ended_says_why() {
    let mut state = begun();
    state.built(build(End::Killed(EndedBy::Limit), &[]));
    assert!(
        text(&state, 80, 24).contains("timed out after 0 s, and was stopped"),
        "{}",
        text(&state, 80, 24)
    );
    state.built(build(End::Offline, &["error: failed to download"]));
    assert!(text(&state, 80, 24).contains("run `cargo fetch`"), "{}", text(&state, 80, 24));
}

#[test]
fn there_are_three_hints_a_step() {
    let mut state = graded();
    let hint = state.progress.next().unwrap().step.hints.clone();
    let page = |state: &WatchState| text(state, 200, 60);
    for shown in 1..=4 {
        assert_eq!(state.press(KeyPress::Hint, 10), Action::Hint);
        assert_eq!(state.one_more_hint(0), shown.min(3));
        for (number, hint) in hint.iter().enumerate() {
            assert_eq!(page(&state).contains(hint.as_str()), number < shown, "{shown} {}", page(&state));
        }
    }
    assert!(!page(&state).contains("one more hint"));
    // Coming back to the page shows no further hint, now or later.
    let mut state = graded();
    state.press(KeyPress::Hint, 10);
    assert_eq!(state.one_more_hint(1), 1);
    state.press(KeyPress::Back, 10);
    assert_eq!(state.press(KeyPress::Hint, 10), Action::Show);
    assert!(page(&state).contains(&hint[0]) && !page(&state).contains(&hint[1]));
}

#[test]
fn try_says_what_is_missing_and_where() {
    let mut state = graded();
    state.press(KeyPress::Try, 10);
    let page = text(&state, 100, 60);
    for part in [
        "mount in lab1-namespaces: ESCAPED",
        "What is missing",
        "the step lab1-namespaces/mount-namespace: still to be written",
        "lab1-namespaces/src/lib.rs:",
        "unshare --user",
        "cargo run -q -p lab1-namespaces -- /rootfs /bin/sh",
    ] {
        assert!(page.contains(part), "{part} is missing in {page}");
    }
    // The page does not show the solution.
    let body = &state.progress.next().unwrap().step.body;
    assert!(body.contains("CLONE_NEWNS") && !page.contains("CLONE_NEWNS"), "{page}");
    state.selected = Some("cgroup-path".into());
    let page = text(&state, 100, 60);
    assert!(
        page.contains("Not your fault: this machine can't judge it. This helps: sudo grader watch"),
        "{page}"
    );
}

#[test]
fn keys_select_and_scroll_and_no_further_than_there_is_something() {
    let mut state = graded();
    state.press(KeyPress::Bottom, 10);
    let last = state.rows().last().unwrap().id.to_owned();
    assert!(text(&state, 80, 24).contains(&format!(">. {last}")), "{}", text(&state, 80, 24));
    state.press(KeyPress::Up, 10);
    state.press(KeyPress::Top, 10);
    assert_eq!(state.chosen(), Some("starts"));
    assert!(text(&state, 80, 24).contains("works checks: 1 of 2"), "{}", text(&state, 80, 24));
    state.press(KeyPress::Help, 10);
    state.press(KeyPress::Bottom, 10);
    let mut terminal = Terminal::new(TestBackend::new(40, 10)).unwrap();
    terminal.draw(|frame| state.scroll = draw(frame, &state, &PageContext::default(), true)).unwrap();
    assert!(state.scroll < 40);
    assert!(text(&state, 40, 10).contains("no verdict"), "{}", text(&state, 40, 10));
}

#[test]
fn the_labs_have_ends() {
    let mut state = graded();
    assert_eq!(state.press(KeyPress::Next, 10), Action::Turn(2));
    assert_eq!(state.press(KeyPress::Previous, 10), Action::Turn(0));
    state.turn(3, &starter::source().unwrap());
    assert_eq!(state.press(KeyPress::Next, 10), Action::Show);
    assert!(text(&state, 80, 24).contains("this is the last lab"));
    // Nothing is known about another lab yet.
    assert!(state.report.is_none() && state.before == BTreeMap::new());
    assert!(text(&state, 80, 100).contains("   starts                ..."), "{}", text(&state, 80, 100));
}
