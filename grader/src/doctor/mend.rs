//! The commands that mend what is lacking: exact, on one line, to be pasted.

use super::State;
use super::facts::{Facts, Outcome};
use super::findings::findings;
use super::hindrance::Hindrance;

/// What mends a lack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mend {
    /// This command.
    Run(String),
    /// No command that could be named; this, in words.
    Otherwise(String),
}

/// A kernel setting, until the next boot.
pub(super) fn sysctl(facts: &Facts, setting: &str) -> Mend {
    // A container without privileges sees /proc/sys read-only.
    let on_host = if facts.container.is_some() && !facts.sys_admin { " # on the host" } else { "" };
    Mend::Run(format!("{}sysctl -w {setting}{on_host}", sudo(facts)))
}

/// The grader as root.
pub(super) fn as_root(facts: &Facts) -> Mend {
    match facts.root {
        false => Mend::Run(format!("sudo {}", facts.program)),
        true => Mend::Otherwise("start it as the machine's root, outside of this user namespace".into()),
    }
}

/// The container around us, started anew with privileges: to be typed on its host.
pub(super) fn in_container(facts: &Facts) -> Mend {
    match &facts.container {
        Some(container) if ["docker", "podman"].contains(&container.engine.as_str()) => {
            let engine = &container.engine;
            let image = match &container.id {
                Some(id) => format!("\"$({engine} inspect -f '{{{{.Config.Image}}}}' {id})\""),
                None => "IMAGE".into(),
            };
            Mend::Run(format!("{engine} run --privileged -it {image} # on the host"))
        }
        _ => Mend::Otherwise("start this container with all capabilities and without a filter".into()),
    }
}

pub(super) fn sudo(facts: &Facts) -> &'static str {
    if facts.root { "" } else { "sudo " }
}

/// Where nothing can be judged: the exact command after which, or with which, it can. `words`: what the grader
/// was called with. `root_decoy`: whether root would be given a decoy of the root kind for that, which needs no
/// user namespace. None where no command is known to help.
pub fn way_out(facts: &Facts, words: &[String], root_decoy: bool) -> Option<String> {
    // Yama's last level holds until the next boot, for root too.
    let untraceable =
        matches!(facts.ptrace, Outcome::Refused { .. }) && facts.settings.ptrace_scope == Some(3);
    let has_room = facts.cache.is_ok() && facts.temporary == Outcome::Works;
    // In a container without CAP_SYS_ADMIN, sudo gives none.
    let sudo_helps = facts.sys_admin && has_room && !untraceable;
    let limited = Hindrance::all(facts).contains(&Hindrance::Limit);
    if !facts.root && sudo_helps && (root_decoy || !limited) {
        let words = if words.is_empty() { String::new() } else { format!(" {}", shell_words::join(words)) };
        return Some(format!("sudo {}{words}", facts.program));
    }
    findings(facts).into_iter().filter(|finding| finding.area.can_stop_all()).find_map(|finding| {
        // What root can do is no help to root, nor where root can't.
        let own = |command: &String| !command.starts_with(&format!("sudo {}", facts.program));
        match finding.state {
            State::Lack { mend: Mend::Run(command), .. } if own(&command) => Some(command),
            _ => None,
        }
    })
}
