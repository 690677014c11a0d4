//! env-secret: read what the caller has in its environment.

use super::{Attempt, Measured};
use crate::attacker::Failed;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "env-secret",
    stake: "Passwords and tokens, which people and services keep in environment variables.",
    story: "The attacker prints its environment. execve(2) hands a program whatever environment its caller passes \
            on, and who passes on its own gives away every variable that was exported on the host: tokens, paths, \
            names of machines. The decoy host exports a random word, and reads from outside what environment the \
            command was executed with. The defence is to begin with an empty one and to add what a login sets.",
    by_hand: &["DECOY_TOKEN=secret lab3-pivot rootfs /bin/sh -c env    # on the host"],
    stopped_by: &["lab3-pivot/environment"],
    after: &[],
    man: &["environ(7)", "execve(2)"],
    letters: Measured { root: "E EEEBBBB", user: "E EEEBBBB", rootless: "E EEEBBBB" },
    needs: &[],
    // No call reads it: it lies in the process's memory.
    decisive: &[],
    attack,
    class: Refusal::Permission,
    witness,
};

fn attack(_: &mut Attacker) -> Result<(), Failed> {
    Ok(())
}

fn witness(host: &Host) -> Seen {
    let Some(environment) = &host.attacker_before.environment else { return Seen::Nothing };
    let word = host.secret("environment").as_bytes();
    if environment.windows(word.len()).any(|window| window == word) {
        return Seen::Effect("the command was executed with a variable of the caller's environment".into());
    }
    Seen::Confined("the environment that the command was executed with has nothing of the caller's".into())
}
