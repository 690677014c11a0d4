//! Submissions that lie in a home: the program comes with what it needs, and the home stays where it is.

use crate::caller::Caller;
use crate::common::stage::Who;
use crate::run::run;
use rstest::rstest;

/// Prints every file that it finds around itself, above all in directories whose names begin with a dot.
const LOOKS: &str = "#!/bin/sh
cd \"$(dirname \"$0\")\" || exit 1
for place in . .. ../.. /root \"$HOME\" /home/*; do
    cat \"$place\"/.ssh/* \"$place\"/*/.ssh/* \"$place\"/key >&2
done 2>/dev/null
find / -xdev -name 'id_canary*' -exec cat {} + >&2
exit 9
";

/// The program in the home itself, in a directory of it, behind a link, and beside a link to the keys.
#[rstest]
#[case::in_it("home/looks.sh", None)]
#[case::below("home/course/looks.sh", None)]
#[case::among_settings("home/.config/looks.sh", None)]
#[case::beside_the_keys("home/.ssh/looks.sh", None)]
#[case::with_a_link("home/course/looks.sh", Some("../.ssh/id_canary"))]
fn home(#[case] program: &str, #[case] link: Option<&str>, #[values(Who::Root, Who::User)] who: Who) {
    let Some(caller) = Caller::new(who) else { return };
    caller.stage.directory("home/course");
    let path = caller.file(program, LOOKS, 0o755);
    if let Some(to) = link {
        std::os::unix::fs::symlink(to, caller.stage.path("home/course/key")).unwrap();
    }
    let words = ["run", "--format", "json", "--decoy", "user", "--attempt", "hostname-read", "--output"];
    let mut grader = caller.grader(words);
    grader.arg(caller.report()).arg(path);
    let ran = run(&caller, grader);
    if program.contains("/.ssh/") {
        // Nothing is judged, and the reason is said.
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.code == Some(2) && said.contains("never copied into a decoy host"), "{said}");
        return ran.assert();
    }
    ran.must_have_ended().assert();
}
