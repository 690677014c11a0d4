//! What forbids user namespaces.

use super::facts::{MachineFacts, Outcome};
use super::mend::{Mend, in_container, sysctl};

/// Something that forbids them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hindrance {
    /// `user.max_user_namespaces` is 0 (namespaces(7)). It holds for root as well.
    Limit,
    /// Debian's `kernel.unprivileged_userns_clone` is 0.
    Debian,
    /// AppArmor lets only programs with a profile of their own have them: Ubuntu since 23.10.
    AppArmor,
    /// The container around the grader has no privileges.
    Container,
    /// A system-call filter.
    Filter,
    /// None of these; something else refuses.
    Unknown,
}

impl Hindrance {
    /// All that apply. None where a user namespace could be made: then no setting matters.
    pub fn all(facts: &MachineFacts) -> Vec<Hindrance> {
        if !matches!(facts.user_namespace, Outcome::Refused { .. }) {
            return Vec::new();
        }
        let settings = &facts.settings;
        let in_container = facts.container.is_some() && (facts.filtered || !facts.sys_admin);
        let candidates = [
            (Hindrance::Limit, settings.max_user_namespaces == Some(0)),
            // The next two spare who has CAP_SYS_ADMIN.
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

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Hindrance::Limit => "user.max_user_namespaces is 0",
            Hindrance::Debian => "kernel.unprivileged_userns_clone is 0",
            Hindrance::AppArmor => "AppArmor: kernel.apparmor_restrict_unprivileged_userns is 1",
            Hindrance::Container => "this container has no privileges",
            Hindrance::Filter => "a system-call filter is in force (Seccomp in /proc/self/status)",
            Hindrance::Unknown => "no setting that is known forbids it",
        }
    }

    /// What mends it.
    pub fn mend(self, facts: &MachineFacts) -> Mend {
        match self {
            // A kernel's own default is a quarter of the threads that it allows: thousands on any machine.
            Hindrance::Limit => sysctl(facts, "user.max_user_namespaces=15000"),
            Hindrance::Debian => sysctl(facts, "kernel.unprivileged_userns_clone=1"),
            Hindrance::AppArmor => sysctl(facts, "kernel.apparmor_restrict_unprivileged_userns=0"),
            Hindrance::Container => in_container(facts),
            Hindrance::Filter => Mend::Otherwise("start it outside of whatever set that filter".into()),
            Hindrance::Unknown => Mend::Otherwise(
                "start it outside of any chroot (user_namespaces(7), EPERM), or ask who runs this machine \
                 for its security module's rules"
                    .into(),
            ),
        }
    }
}
