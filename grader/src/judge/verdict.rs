//! From facts to verdicts. Nothing here reads the machine.

use crate::report::{Cause, Check, CheckKind, Verdict};
use crate::trial::works::Works;
use crate::trial::{Facts, SeenCall};
use attempts::Seen;
use attempts::works::Work;
use nix::libc;

/// The outcome of a check, with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The host saw the effect of an attempt.
    Escaped(String),
    /// The attempt made its decisive call; it was refused, or its effect stayed inside, and the host saw no effect.
    Blocked(String),
    /// A works check passes.
    Works,
    /// A works check does not pass.
    Fails(String),
    /// No verdict, and why.
    Inconclusive(Cause, String),
}

/// The reason for all other checks where the command does not start.
pub const NOT_STARTED: &str = "the command does not start";

/// Judges an attempt by its own facts and by its positive control: the same attempt on the bare decoy host.
pub fn attempt(control: &Facts, facts: &Facts) -> Outcome {
    use Cause::{Machine, Target};
    use Outcome::{Blocked, Escaped, Inconclusive};
    // An effect that the host saw needs no control.
    if let Seen::Effect(what) = &facts.seen {
        return Escaped(what.clone());
    }
    if let Some(why) = machine(control, facts) {
        return Inconclusive(Machine, why);
    }
    if let Some(why) = facts.not_started.as_ref().filter(|_| facts.refused) {
        return Blocked(format!("the program refused the image: {why}"));
    }
    if let Some(why) = facts.not_started.as_ref().or(facts.distrust.as_ref()) {
        return Inconclusive(Target, why.clone());
    }
    if facts.seen_call == SeenCall::Property {
        return property(&facts.seen);
    }
    let Some(tried) = &facts.tried else {
        let why = match (&facts.gave_up, facts.killed_by) {
            (Some(why), _) => format!("the attacker gave up before its decisive call: {why}"),
            (None, Some(signal)) => format!("signal {signal} ended the command before its decisive call"),
            (None, None) => "the command ended before its decisive call".into(),
        };
        return Inconclusive(Target, why);
    };
    // What the attacker reports about its call counts only if the kernel told the host the same.
    if facts.seen_call == SeenCall::None {
        return Inconclusive(Target, format!("the host did not see the call {tried}"));
    }
    if let Seen::Confined(what) = &facts.seen {
        return Blocked(what.clone());
    }
    if let Seen::Unclear(why) = &facts.seen {
        return Inconclusive(Target, why.clone());
    }
    if let Some(why) = &facts.unexplained {
        return Inconclusive(Target, format!("{tried}: {why}"));
    }
    match (&facts.got, facts.seen_call, facts.killed_by) {
        (Some((0, _)), SeenCall::Returned(0..), _) => {
            Blocked(format!("{tried} succeeded, and the host saw nothing of it"))
        }
        (Some((errno, text)), SeenCall::Returned(seen), _) if seen == -i64::from(*errno) => {
            Blocked(format!("{tried} was refused: {text}"))
        }
        (Some((_, text)), _, _) => {
            Inconclusive(Target, format!("for {tried} it reported {text:?}, but the host saw another result"))
        }
        (None, SeenCall::Begun, Some(libc::SIGSYS)) => {
            Blocked(format!("a system-call filter killed the attacker at {tried}"))
        }
        (None, _, Some(signal)) => Inconclusive(
            Target,
            format!("signal {signal} ended the attacker at {tried}: this is not a refusal"),
        ),
        (None, _, None) => Inconclusive(Target, format!("the attacker ended at {tried} without a result")),
    }
}

/// Why it can't be judged on this machine, or in this kind of decoy.
fn machine(control: &Facts, facts: &Facts) -> Option<String> {
    if let Some(why) = facts.no_decoy.as_ref().or(control.no_decoy.as_ref()) {
        return Some(format!("no decoy host can be made: {why}"));
    }
    if !landed(control) {
        return Some(why_not_landed(control));
    }
    facts.forbidden.clone()
}

/// What the host reads of the process decides.
fn property(seen: &Seen) -> Outcome {
    match seen {
        Seen::Confined(what) => Outcome::Blocked(what.clone()),
        Seen::Unclear(why) => Outcome::Inconclusive(Cause::Target, why.clone()),
        _ => {
            let why = "the host could not read this property of the process";
            Outcome::Inconclusive(Cause::Target, why.into())
        }
    }
}

/// Whether a positive control succeeded.
pub fn landed(control: &Facts) -> bool {
    matches!(control.seen, Seen::Effect(_))
}

fn why_not_landed(control: &Facts) -> String {
    let lacks = control.lacks.clone();
    let failed = control.not_started.clone().or(control.distrust.clone()).or(control.gave_up.clone());
    let got = control.got.as_ref().map(|(_, text)| text.clone()).filter(|text| !text.is_empty());
    let unclear = match &control.seen {
        Seen::Unclear(why) => Some(why.clone()),
        _ => None,
    };
    let why = lacks.or(unclear).or(failed).or(got).unwrap_or_else(|| "the host saw no effect".into());
    format!("the positive control fails on the bare decoy host: {why}")
}

/// Judges the works checks of one target.
pub fn works(works: &Works, asked: &[&'static Work]) -> Vec<(&'static Work, Outcome)> {
    use Outcome::{Fails, Inconclusive};
    let judge = |work: &&'static Work| {
        if let Some(why) = &works.no_decoy {
            return Inconclusive(Cause::Machine, format!("no decoy host can be made: {why}"));
        }
        if let Some(why) = &works.lost {
            return Inconclusive(Cause::Target, why.clone());
        }
        if let Some(why) = &works.forbidden {
            return Inconclusive(Cause::Machine, why.clone());
        }
        if let Some(why) = &works.not_started {
            // The command does not start: `starts` fails, and nothing is known about the other checks.
            return match work.id {
                "starts" => Fails(why.clone()),
                _ => Inconclusive(Cause::Target, NOT_STARTED.into()),
            };
        }
        let Some(finding) = works.findings.iter().find(|finding| finding.id == work.id) else {
            let why = works.no_witness.clone();
            return Inconclusive(Cause::Target, why.unwrap_or_else(|| "the check was not run".into()));
        };
        match finding.holds {
            Some(true) => Outcome::Works,
            Some(false) => Fails(finding.why.clone()),
            None => Inconclusive(Cause::Target, finding.why.clone()),
        }
    };
    asked.iter().map(|work| (*work, judge(work))).collect()
}

impl Outcome {
    /// The outcome without its reason.
    pub fn verdict(&self) -> Verdict {
        match self {
            Outcome::Escaped(_) => Verdict::Escaped,
            Outcome::Blocked(_) => Verdict::Blocked,
            Outcome::Works => Verdict::Works,
            Outcome::Fails(_) => Verdict::Fails,
            Outcome::Inconclusive(..) => Verdict::Inconclusive,
        }
    }

    /// The reason.
    pub fn why(&self) -> &str {
        match self {
            Outcome::Escaped(why) | Outcome::Blocked(why) | Outcome::Fails(why) => why,
            Outcome::Inconclusive(_, why) => why,
            Outcome::Works => "",
        }
    }

    /// The check with this outcome.
    pub fn check(&self, id: &str, kind: CheckKind, expected: Option<Verdict>) -> Check {
        let as_expected = match self {
            Outcome::Inconclusive(Cause::Machine, _) | Outcome::Works => true,
            Outcome::Inconclusive(..) | Outcome::Fails(_) => false,
            // Blocking an attempt that only a later lab must block is fine.
            Outcome::Blocked(_) => true,
            Outcome::Escaped(_) => expected == Some(Verdict::Escaped),
        };
        let cause = match self {
            Outcome::Inconclusive(cause, _) => Some(*cause),
            _ => None,
        };
        Check {
            id: id.into(),
            kind,
            verdict: self.verdict(),
            expected,
            as_expected,
            cause,
            waiting_for: Vec::new(),
            why: self.why().into(),
            evidence: Vec::new(),
            points: 0.0,
            max_points: 0.0,
            ms: 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control() -> Facts {
        Facts { seen: Seen::Effect("landed".into()), ..Facts::default() }
    }

    fn tried() -> Facts {
        Facts { tried: Some("call()".into()), seen_call: SeenCall::Begun, ..Facts::default() }
    }

    fn refused() -> Facts {
        Facts { got: Some((1, "EPERM".into())), seen_call: SeenCall::Returned(-1), ..tried() }
    }

    #[test]
    fn an_effect_needs_no_control() {
        assert!(matches!(attempt(&Facts::default(), &control()), Outcome::Escaped(_)));
    }

    #[test]
    fn without_a_control_nothing_is_blocked() {
        assert!(matches!(attempt(&Facts::default(), &refused()), Outcome::Inconclusive(Cause::Machine, _)));
        assert!(matches!(attempt(&control(), &refused()), Outcome::Blocked(_)));
    }

    #[test]
    fn a_refusal_counts_only_if_the_host_has_seen_it() {
        for seen_call in [SeenCall::None, SeenCall::Begun, SeenCall::Returned(0), SeenCall::Returned(-2)] {
            let facts = Facts { seen_call, ..refused() };
            assert!(
                matches!(attempt(&control(), &facts), Outcome::Inconclusive(Cause::Target, _)),
                "{facts:?}"
            );
        }
        let success = Facts { got: Some((0, String::new())), ..refused() };
        assert!(matches!(attempt(&control(), &success), Outcome::Inconclusive(Cause::Target, _)));
    }

    #[test]
    fn a_refusal_that_nothing_explains_is_not_blocked() {
        let unexplained = Facts { unexplained: Some("an accident".into()), ..refused() };
        let Outcome::Inconclusive(Cause::Target, why) = attempt(&control(), &unexplained) else { panic!() };
        assert_eq!(why, "call(): an accident");
        let confined = Facts { seen: Seen::Confined("inside".into()), ..unexplained };
        assert_eq!(attempt(&control(), &confined), Outcome::Blocked("inside".into()));
    }

    #[test]
    fn a_program_that_refuses_the_image_has_blocked_it() {
        let refused = Facts { not_started: Some("tmp: a link".into()), refused: true, ..Facts::default() };
        assert_eq!(
            attempt(&control(), &refused),
            Outcome::Blocked("the program refused the image: tmp: a link".into())
        );
        assert!(matches!(attempt(&Facts::default(), &refused), Outcome::Inconclusive(Cause::Machine, _)));
        let seen = Facts { seen: control().seen, ..refused };
        assert!(matches!(attempt(&control(), &seen), Outcome::Escaped(_)));
    }

    #[test]
    fn a_property_is_judged_by_what_the_host_read() {
        let property = Facts { seen_call: SeenCall::Property, ..Facts::default() };
        let held = Facts { seen: Seen::Confined("not there".into()), ..property.clone() };
        assert!(matches!(attempt(&control(), &held), Outcome::Blocked(_)));
        assert!(matches!(attempt(&Facts::default(), &held), Outcome::Inconclusive(Cause::Machine, _)));
        assert!(matches!(attempt(&control(), &property), Outcome::Inconclusive(Cause::Target, _)));
        let unclear = Facts { seen: Seen::Unclear("busy".into()), ..property.clone() };
        assert_eq!(attempt(&control(), &unclear), Outcome::Inconclusive(Cause::Target, "busy".into()));
        let distrusted = Facts { distrust: Some("traced".into()), ..held };
        assert!(matches!(attempt(&control(), &distrusted), Outcome::Inconclusive(Cause::Target, _)));
    }

    #[test]
    fn what_proves_neither_is_inconclusive() {
        let unclear = Facts { seen: Seen::Unclear("busy".into()), ..refused() };
        assert!(matches!(attempt(&control(), &unclear), Outcome::Inconclusive(Cause::Target, _)));
        let control = Facts { seen: Seen::Unclear("busy".into()), ..Facts::default() };
        let Outcome::Inconclusive(Cause::Machine, why) = attempt(&control, &refused()) else { panic!() };
        assert!(why.ends_with("busy"), "{why}");
    }

    #[test]
    fn a_payload_that_dies_for_another_reason_is_not_blocked() {
        for signal in [libc::SIGKILL, libc::SIGSEGV, libc::SIGHUP] {
            let facts = Facts { killed_by: Some(signal), ..tried() };
            assert!(
                matches!(attempt(&control(), &facts), Outcome::Inconclusive(Cause::Target, _)),
                "{signal}"
            );
        }
        let filtered = Facts { killed_by: Some(libc::SIGSYS), ..tried() };
        assert!(matches!(attempt(&control(), &filtered), Outcome::Blocked(_)));
        let too_early = Facts { killed_by: Some(libc::SIGSYS), ..Facts::default() };
        assert!(matches!(attempt(&control(), &too_early), Outcome::Inconclusive(Cause::Target, _)));
    }

    #[test]
    fn what_the_host_does_not_trust_is_not_blocked() {
        for facts in [
            Facts { distrust: Some("traced".into()), ..refused() },
            Facts { not_started: Some("it exited".into()), ..refused() },
            tried(),
            Facts { gave_up: Some("no".into()), ..Facts::default() },
        ] {
            assert!(
                matches!(attempt(&control(), &facts), Outcome::Inconclusive(Cause::Target, _)),
                "{facts:?}"
            );
        }
    }
}
