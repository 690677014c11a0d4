//! What forbids user namespaces.

use super::facts::{MachineFacts, Tried};
use super::mend::{Mend, in_container, sysctl};

/// A reason why user namespaces are forbidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hindrance {
    /// `user.max_user_namespaces` is 0 (namespaces(7)), for root too.
    Limit,
    /// Debian's `kernel.unprivileged_userns_clone` is 0.
    Debian,
    /// AppArmor allows them only for programs with a profile: Ubuntu since 23.10.
    AppArmor,
    /// The container around the grader has no privileges.
    Container,
    /// A system-call filter.
    Filter,
    /// Another reason.
    Unknown,
}

impl Hindrance {
    /// All reasons that apply. Empty where a user namespace could be made, since then no setting matters.
    pub fn all(facts: &MachineFacts) -> Vec<Hindrance> {
        if !matches!(facts.user_namespace, Tried::Refused { .. }) {
            return Vec::new();
        }
        let settings = &facts.settings;
        let in_container = facts.container.is_some() && (facts.filtered || !facts.sys_admin);
        let candidates = [
            (Hindrance::Limit, settings.max_user_namespaces == Some(0)),
            // The next two do not apply to a process with CAP_SYS_ADMIN.
            (Hindrance::Debian, !facts.root && settings.unprivileged_userns_clone == Some(0)),
            (Hindrance::AppArmor, !facts.root && settings.apparmor_restrict.is_some_and(|value| value != 0)),
            (Hindrance::Container, in_container),
            (Hindrance::Filter, facts.filtered && !in_container),
        ];
        let mut found: Vec<_> = candidates.into_iter().filter(|it| it.1).map(|it| it.0).collect();
        if found.is_empty() {
            found.push(Hindrance::Unknown);
        }
        found
    }

    /// The reason, in words.
    pub fn words(self) -> &'static str {
        match self {
            Hindrance::Limit => "user.max_user_namespaces is 0",
            Hindrance::Debian => "kernel.unprivileged_userns_clone is 0",
            Hindrance::AppArmor => "AppArmor: kernel.apparmor_restrict_unprivileged_userns is 1",
            Hindrance::Container => "this container has no privileges",
            Hindrance::Filter => "a system-call filter is in force (Seccomp in /proc/self/status)",
            Hindrance::Unknown => "no known setting forbids it",
        }
    }

    /// The fix.
    pub fn mend(self, facts: &MachineFacts) -> Mend {
        match self {
            // The kernel's default is a quarter of its maximum of threads: thousands on any machine.
            Hindrance::Limit => sysctl(facts, "user.max_user_namespaces=15000"),
            Hindrance::Debian => sysctl(facts, "kernel.unprivileged_userns_clone=1"),
            Hindrance::AppArmor => sysctl(facts, "kernel.apparmor_restrict_unprivileged_userns=0"),
            Hindrance::Container => in_container(facts),
            Hindrance::Filter => Mend::Otherwise("start the grader without that filter".into()),
            Hindrance::Unknown => Mend::Otherwise(
                "start the grader outside of any chroot (user_namespaces(7), EPERM), or ask the administrator \
                 for the rules of the security module"
                    .into(),
            ),
        }
    }
}
