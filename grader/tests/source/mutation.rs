//! What counts as an exact knock-out. `commands/knockout/score.rs` asks the command the same.

use grader::runner::knockout::Knockout;
use rstest::rstest;

#[rstest]
#[case::exact(&["mount"], &["mount"], false, true)]
#[case::nobody_misses_it(&[], &["mount"], false, false)]
#[case::nobody_misses_it_and_nothing_is_written_down(&[], &[], false, false)]
#[case::too_little(&["mount"], &["mount", "reboot"], false, false)]
#[case::too_much(&["mount", "reboot"], &["mount"], false, false)]
#[case::another(&["reboot"], &["mount"], false, false)]
#[case::what_is_lost_can_not_be_judged(&[], &[], true, true)]
#[case::something_else_is_lost_and_judged(&["mount"], &[], true, false)]
fn a_step_loses_what_is_written_down_for_it_and_something_at_all(
    #[case] lost: &[&str],
    #[case] expected: &[&str],
    #[case] beyond_judging: bool,
    #[case] exact: bool,
) {
    let names = |list: &[&str]| list.iter().map(|id| (*id).to_owned()).collect();
    let (lab, step) = ("lab1-namespaces".into(), "mount-namespace".into());
    let row = Knockout { lab, step, lost: names(lost), expected: names(expected), beyond_judging };
    assert_eq!(row.as_expected(), exact);
}
