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

/// The path of a call that opens.
fn path(call: &Call) -> &[u8] {
    let text =
        call.arguments.iter().find_map(|it| if let Argument::Text(path) = it { Some(path) } else { None });
    text.unwrap_or_else(|| panic!("{call}")).as_bytes()
}

fn is_stake(call: &Call) -> bool {
    call.name.starts_with("open") && call.to_string().contains("canary")
}

#[test]
fn what_opens_a_stake_has_just_opened_something_of_its_own() {
    let missing = |call: &Call| is_stake(call).then_some(Errno::ENOENT);
    for stake in ["/canary", "canary", "../canary"] {
        for flags in [libc::O_RDONLY, libc::O_RDWR] {
            let (result, made) = opens(stake, flags, missing);
            assert_eq!(result, Err(Errno::ENOENT.into()));
            assert!(made.last().is_some_and(|last| last.name == "openat" && is_stake(last)));
            let numbers = |call: &Call| call.arguments.iter().map(Argument::number).collect::<Vec<_>>();
            for way in ["openat", "openat2", "open"] {
                let Some(first) = made.iter().position(|it| it.name == way && is_stake(it)) else {
                    assert!(way == "open" && cfg!(not(target_arch = "x86_64")));
                    continue;
                };
                let [own, close, stake] = &made[first - 2..=first] else { panic!("{made:?}") };
                assert_eq!((own.name, close.name, path(own).len()), (way, "close", path(stake).len()));
                assert_eq!(numbers(own), numbers(stake));
                assert!(!is_stake(own));
            }
        }
    }
}

#[test]
fn the_first_way_to_a_stake_is_enough() {
    let calls: &[&str] =
        if cfg!(target_arch = "x86_64") { &["openat", "openat2", "open"] } else { &["openat", "openat2"] };
    for open in calls {
        let (result, made) = opens("/canary", libc::O_RDONLY, |call| {
            (is_stake(call) && call.name != *open).then_some(Errno::EACCES)
        });
        assert_eq!(result, Ok(3));
        assert!(made.last().is_some_and(|last| last.name == *open));
    }
}

#[test]
fn a_refusal_of_every_second_call_opens_the_stake_or_counts_for_nothing() {
    for _ in 0..50 {
        let count = std::cell::Cell::new(0);
        let (result, _) = opens("/canary", libc::O_RDONLY, |call| {
            count.set(count.get() + u32::from(call.name.starts_with("open")));
            (call.name.starts_with("open") && count.get().is_multiple_of(2)).then_some(Errno::EACCES)
        });
        assert!(matches!(result, Ok(3) | Err(Failed::GaveUp(_))), "{result:?}");
    }
}

#[test]
fn who_can_open_nothing_gives_up() {
    let filtered = |call: &Call| call.name.starts_with("open").then_some(Errno::EACCES);
    for flags in [libc::O_RDONLY, libc::O_WRONLY] {
        assert!(matches!(opens("/canary", flags, filtered).0, Err(Failed::GaveUp(_))));
    }
}

#[test]
fn openat2_serves_where_openat_does_not() {
    let (result, made) =
        opens("/canary", libc::O_RDONLY, |call| (call.name == "openat").then_some(Errno::EPERM));
    assert_eq!(result, Ok(3));
    assert!(
        made.last().is_some_and(|last| last.name == "openat2" && path(last).len() == path(&made[1]).len())
    );
}

#[test]
fn a_padded_path_leads_where_it_did() {
    assert_eq!(padded("/canary", 9), "///canary");
    assert_eq!(padded("../canary", 12), ".//../canary");
    assert_eq!(padded("canary", 8), "./canary");
    assert_eq!(padded("/", 1), "/");
}
