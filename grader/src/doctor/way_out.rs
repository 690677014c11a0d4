//! The one command to run where nothing can be judged.

use super::Assessment;
use super::facts::{MachineFacts, Tried};
use super::findings::findings;
use super::hindrance::Hindrance;
use super::mend::Mend;

/// The command after which, or with which, something can be judged. `words`: the grader's arguments. `root_decoy`:
/// whether root would get a decoy of the root kind for them, which needs no user namespace. None where no command is
/// known to help.
pub fn way_out(facts: &MachineFacts, words: &[String], root_decoy: bool) -> Option<String> {
    // Yama's level 3 lasts until the next boot, for root too.
    let untraceable = matches!(facts.ptrace, Tried::Refused { .. }) && facts.settings.ptrace_scope == Some(3);
    let has_room = facts.temporary == Tried::Works;
    // In a container without CAP_SYS_ADMIN, sudo does not give it.
    let sudo_helps = facts.sys_admin && has_room && !untraceable;
    let limited = Hindrance::all(facts).contains(&Hindrance::Limit);
    if !facts.root && sudo_helps && (root_decoy || !limited) {
        let words = if words.is_empty() { String::new() } else { format!(" {}", shell_words::join(words)) };
        return Some(format!("sudo {}{words}", facts.program));
    }
    findings(facts).into_iter().filter(|finding| finding.area.can_stop_all()).find_map(|finding| {
        // Skip `sudo` where the caller is root already, and where root is refused too.
        let own = |command: &String| !command.starts_with(&format!("sudo {}", facts.program));
        match finding.state {
            Assessment::Lack { mend: Mend::Run(command), .. } if own(&command) => Some(command),
            _ => None,
        }
    })
}
