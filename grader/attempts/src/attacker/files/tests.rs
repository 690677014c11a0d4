//! Opening of stakes, by a hand that refuses some calls.

use super::*;
use crate::attacker::Call;
use crate::attacker::tests::Refuses;

/// How an attacker to whom `refuses` applies fares with a stake, and which calls it made.
fn opens(
    path: &str,
    flags: c_int,
    refuses: impl Fn(&Call) -> Option<Errno>,
) -> (Result<c_int, Failed>, Vec<Call>) {
    let mut hand = Refuses(refuses, Vec::new());
    let result = Attacker::new(&mut hand, "mark", &[]).open_stake(path, flags);
    (result, hand.1)
}

/// The length of the path of a call.
fn path(call: &Call) -> usize {
    let Argument::Text(path) = &call.arguments[1] else { panic!("{call}") };
    path.as_bytes().len()
}

#[test]
fn what_opens_a_stake_has_just_opened_something_of_its_own() {
    let missing = |call: &Call| call.to_string().contains("canary").then_some(Errno::ENOENT);
    for stake in ["/canary", "canary", "../canary"] {
        for flags in [libc::O_RDONLY, libc::O_RDWR] {
            let (result, made) = opens(stake, flags, missing);
            assert_eq!(result, Err(Errno::ENOENT.into()));
            let [.., own, close, last] = &made[..] else { panic!("{made:?}") };
            assert_eq!((own.name, close.name, path(own)), ("openat", "close", path(last)));
            let numbers = |call: &Call| call.arguments.iter().map(Argument::number).collect::<Vec<_>>();
            assert_eq!(numbers(own), numbers(last));
            assert!(last.to_string().contains("canary") && !own.to_string().contains("canary"));
        }
    }
}

#[test]
fn who_can_open_nothing_gives_up() {
    let filtered = |call: &Call| call.name.starts_with("openat").then_some(Errno::EACCES);
    for flags in [libc::O_RDONLY, libc::O_WRONLY] {
        assert!(matches!(opens("/canary", flags, filtered).0, Err(Failed::GaveUp(_))));
    }
}

#[test]
fn openat2_serves_where_openat_does_not() {
    let (result, made) =
        opens("/canary", libc::O_RDONLY, |call| (call.name == "openat").then_some(Errno::EPERM));
    assert_eq!(result, Ok(3));
    assert!(made.last().is_some_and(|last| last.name == "openat2" && path(last) == path(&made[1])));
}

#[test]
fn a_padded_path_leads_where_it_did() {
    assert_eq!(padded("/canary", 9), "///canary");
    assert_eq!(padded("../canary", 12), ".//../canary");
    assert_eq!(padded("canary", 8), "./canary");
    assert_eq!(padded("/", 1), "/");
}
