//! The fixes: commands to be pasted, each on one line.

use super::facts::MachineFacts;

/// A fix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mend {
    /// This command.
    Run(String),
    /// No command is known; advice, in words.
    Otherwise(String),
}

/// Sets a kernel setting, until the next boot.
pub(super) fn sysctl(facts: &MachineFacts, setting: &str) -> Mend {
    // A container without privileges sees /proc/sys read-only.
    let on_host = if facts.container.is_some() && !facts.sys_admin { " # on the host" } else { "" };
    Mend::Run(format!("{}sysctl -w {setting}{on_host}", sudo(facts)))
}

/// Runs the grader as root.
pub(super) fn as_root(facts: &MachineFacts) -> Mend {
    match facts.root {
        false => Mend::Run(format!("sudo {}", facts.program)),
        true => {
            Mend::Otherwise("start the grader as the machine's root, outside of this user namespace".into())
        }
    }
}

/// Starts the container around the grader again, with privileges: to be typed on its host.
pub(super) fn in_container(facts: &MachineFacts) -> Mend {
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

pub(super) fn sudo(facts: &MachineFacts) -> &'static str {
    if facts.root { "" } else { "sudo " }
}
