//! Derives findings from the results. Nothing here reads the machine.

mod decoys;

use super::facts::{Feature, Flavour, Libc, MachineFacts, Tried};
use super::hindrance::Hindrance;
use super::mend::{Mend, as_root, in_container, sudo, sysctl};
use super::{Area, Assessment, Finding};
use nix::errno::Errno;

/// The number of ids that a whole system needs.
const IDS: u32 = 65_536;

/// The findings, in the order of [`Area`].
pub fn findings(facts: &MachineFacts) -> Vec<Finding> {
    let mut found = kernel(facts);
    found.extend(container(facts));
    found.extend(user_namespaces(facts));
    found.extend([ids(facts), loop_devices(facts), cgroups(facts), tracing(facts), cache(facts)]);
    found.extend([temporary(facts), linking(facts), typing(facts)]);
    found.extend(decoys::decoys(facts));
    found
}

fn fine(area: Area, found: impl Into<String>) -> Finding {
    Finding { area, found: found.into(), state: Assessment::Fine }
}

fn note(area: Area, found: impl Into<String>) -> Finding {
    Finding { area, found: found.into(), state: Assessment::Note }
}

fn lack(area: Area, found: impl Into<String>, costs: impl Into<String>, mend: Mend) -> Finding {
    Finding { area, found: found.into(), state: Assessment::Lack { costs: costs.into(), mend } }
}

fn kernel(facts: &MachineFacts) -> Vec<Finding> {
    if facts.missing.is_empty() {
        return vec![fine(Area::Kernel, format!("{}: has what the grader needs", facts.release))];
    }
    facts.missing.iter().map(|(feature, errno)| missing(facts, feature, *errno)).collect()
}

/// A feature without which the grader finds its way, or something can't be judged. What is refused is not missing: a filter
/// around the grader answers EPERM, or another error of its choice.
fn missing(facts: &MachineFacts, feature: &Feature, errno: Errno) -> Finding {
    let release = &facts.release;
    let is_older = feature.since.is_some_and(|since| older(release, since));
    let is_missing = matches!(errno, Errno::ENOSYS | Errno::EINVAL);
    let found = match feature.since {
        _ if !is_missing => format!("{release}: {}: refused: {errno}", feature.name),
        Some((major, minor)) => {
            format!("{release}: no {} (since Linux {major}.{minor}): {errno}", feature.name)
        }
        None => format!("{release}: no {} here: the root is an initramfs", feature.name),
    };
    if feature.judged {
        return note(Area::Kernel, format!("{found}; {}", feature.without));
    }
    let mend = match (feature.since, &facts.container) {
        (Some((major, minor)), _) if is_missing && is_older => {
            Mend::Otherwise(format!("boot Linux {major}.{minor} or newer"))
        }
        (None, _) if is_missing => {
            Mend::Otherwise("boot from a disk, or move to a tmpfs: switch_root(8)".into())
        }
        (_, Some(_)) => in_container(facts),
        (_, None) if is_missing => {
            Mend::Otherwise("boot a kernel that has it built in, without a filter that hides it".into())
        }
        (_, None) => Mend::Otherwise("start the grader where no filter refuses this call".into()),
    };
    lack(Area::Kernel, found, feature.without, mend)
}

/// Whether a release such as `6.1.0-18-amd64` is older than a version; false where it can't be parsed.
fn older(release: &str, since: (u32, u32)) -> bool {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map_while(|it| it.parse().ok());
    match (numbers.next(), numbers.next()) {
        (Some(major), Some(minor)) => (major, minor) < since,
        _ => false,
    }
}

fn container(facts: &MachineFacts) -> Option<Finding> {
    let container = facts.container.as_ref()?;
    let engine = &container.engine;
    Some(if facts.sys_admin {
        note(Area::Container, format!("the grader runs in one ({engine}), with privileges"))
    } else {
        let found = format!("the grader runs in one ({engine}), without CAP_SYS_ADMIN");
        lack(Area::Container, found, "root can mount nothing: no decoy of the root kind", in_container(facts))
    })
}

fn user_namespaces(facts: &MachineFacts) -> Vec<Finding> {
    let area = Area::UserNamespaces;
    let why = match &facts.user_namespace {
        Tried::Works => return vec![fine(area, "one was made, with a map and a mount in it")],
        Tried::NotTried(why) => return vec![note(area, *why)],
        Tried::Refused { why, .. } => why,
    };
    let found = |hindrance: Hindrance| {
        let words = format!("{}: {why}", hindrance.words());
        lack(area, words, without_user_decoy(facts), hindrance.mend(facts))
    };
    Hindrance::all(facts).into_iter().map(found).collect()
}

/// What can't be judged without a decoy of the user kind.
fn without_user_decoy(facts: &MachineFacts) -> &'static str {
    match facts.root {
        true => "nothing but the reference labs can be judged, unless --decoy root is typed",
        false => "nothing can be judged without root",
    }
}

fn ids(facts: &MachineFacts) -> Finding {
    let costs = "attempts that need a second id can't be judged in a user decoy";
    match &facts.ids {
        Ok(ids) if ids.count >= IDS => fine(Area::Ids, format!("{} for each decoy host", ids.count)),
        Ok(ids) if !facts.root => lack(
            Area::Ids,
            format!("one, your own ({}): programs take turns", ids.first),
            costs,
            as_root(facts),
        ),
        Ok(_) if !facts.initial => {
            let found = format!("no {IDS} in a row within this user namespace's own map");
            lack(Area::Ids, found, costs, as_root(facts))
        }
        Ok(_) => {
            let found =
                format!("no {IDS} in a row that are outside of all subuid ranges and belong to no account");
            let way = "remove an unused range from /etc/subuid and /etc/subgid: usermod(8), --del-subuids";
            lack(Area::Ids, found, costs, Mend::Otherwise(way.into()))
        }
        Err(why) => lack(Area::Ids, why.clone(), costs, Mend::Otherwise("mount /proc".into())),
    }
}

fn loop_devices(facts: &MachineFacts) -> Finding {
    let costs = "`raw-disk` and the other attempts at the disk can't be judged";
    match &facts.loop_device {
        Tried::Works => fine(Area::LoopDevices, "one was attached, read-only, and detached again"),
        Tried::NotTried(why) => lack(Area::LoopDevices, *why, costs, as_root(facts)),
        Tried::Refused { why, errno } => {
            let mend = match errno {
                Errno::EPERM | Errno::EACCES if !facts.initial => as_root(facts),
                Errno::EPERM | Errno::EACCES if facts.container.is_some() => in_container(facts),
                // The device node exists, but its driver is not loaded (loop(4)).
                Errno::ENXIO | Errno::ENODEV | Errno::ENOENT => {
                    Mend::Run(format!("{}modprobe loop", sudo(facts)))
                }
                Errno::EINVAL | Errno::ENOTTY => Mend::Otherwise("boot Linux 5.8 or newer".into()),
                _ => Mend::Otherwise("see what uses them: losetup --list".into()),
            };
            lack(Area::LoopDevices, why.clone(), costs, mend)
        }
    }
}

fn cgroups(facts: &MachineFacts) -> Finding {
    let groups = &facts.cgroups;
    let flavour = match groups.flavour {
        Flavour::Absent => "none mounted",
        Flavour::V1 => "v1",
        Flavour::V2 => "v2",
        Flavour::Hybrid => "v1 and v2 (hybrid)",
    };
    let costs = "attempts at a limit can't be judged; the grader watches the memory of a trial, and ends the trial \
                 above 768 MiB";
    if !groups.lacking.is_empty() {
        let found = format!("{flavour}: no controller {}", groups.lacking.join(", no "));
        let way = match (&facts.container, groups.flavour) {
            (Some(_), _) => in_container(facts),
            (None, Flavour::Absent) => {
                Mend::Run(format!("{}mount -t cgroup2 none /sys/fs/cgroup", sudo(facts)))
            }
            (None, _) => {
                Mend::Otherwise("boot with cgroup_enable=memory on the kernel's command line".into())
            }
        };
        return lack(Area::Cgroups, found, costs, way);
    }
    match &groups.group {
        Tried::Works => fine(Area::Cgroups, format!("{flavour}, with memory and pids; a group was made")),
        Tried::NotTried(why) => {
            let scope = format!("systemd-run --user --scope -p Delegate=yes {}", facts.program);
            let mend = match groups.flavour == Flavour::V2 && groups.user_manager {
                true => Mend::Run(scope),
                false => as_root(facts),
            };
            lack(Area::Cgroups, format!("{flavour}: {why}"), costs, mend)
        }
        Tried::Refused { why, .. } => {
            let mend = match (&facts.container, &groups.unified) {
                (Some(_), _) => in_container(facts),
                (None, Some(top)) if groups.flavour == Flavour::V2 => {
                    let file = top.join("cgroup.subtree_control");
                    let tee = format!("{}tee {}", sudo(facts), file.display());
                    Mend::Run(format!("echo '+memory +pids' | {tee}"))
                }
                _ => as_root(facts),
            };
            lack(Area::Cgroups, format!("{flavour}: {why}"), costs, mend)
        }
    }
}

fn tracing(facts: &MachineFacts) -> Finding {
    let scope = facts.settings.ptrace_scope;
    let why = match &facts.ptrace {
        Tried::Works => return fine(Area::Tracing, "the grader can trace its own children"),
        Tried::NotTried(why) => return note(Area::Tracing, *why),
        Tried::Refused { why, .. } => why,
    };
    let mend = match scope {
        Some(3) => Mend::Otherwise(
            "remove kernel.yama.ptrace_scope=3 from /etc/sysctl.d and reboot: it can't be lowered before"
                .into(),
        ),
        Some(2) => sysctl(facts, "kernel.yama.ptrace_scope=1"),
        _ if facts.container.is_some() => in_container(facts),
        _ => Mend::Otherwise("start the grader where no filter blocks ptrace(2)".into()),
    };
    let found = match scope {
        Some(scope) if scope > 1 => format!("kernel.yama.ptrace_scope is {scope}: {why}"),
        _ => why.clone(),
    };
    lack(Area::Tracing, found, "nothing can be judged: the host can't read a container's exit status", mend)
}

fn cache(facts: &MachineFacts) -> Finding {
    match &facts.cache {
        Ok(path) => fine(Area::Cache, path.display().to_string()),
        Err(why) => {
            let mend = Mend::Run("export XDG_CACHE_HOME=$(mktemp -d)".into());
            lack(Area::Cache, why.clone(), "nothing can be judged without a --rootfs of your own", mend)
        }
    }
}

fn temporary(facts: &MachineFacts) -> Finding {
    match &facts.temporary {
        Tried::Works => fine(Area::Temporary, "can be made"),
        Tried::NotTried(why) => note(Area::Temporary, *why),
        Tried::Refused { why, .. } => {
            let mend = Mend::Run("export TMPDIR=$(mktemp -d -p \"$HOME\")".into());
            lack(Area::Temporary, why.clone(), "nothing can be judged", mend)
        }
    }
}

fn linking(facts: &MachineFacts) -> Finding {
    match facts.libc {
        Libc::Static => fine(Area::Linking, "libc.a is there: labs link statically"),
        Libc::Dynamic => note(Area::Linking, "no libc.a: labs link dynamically, and start slightly slower"),
        Libc::NoCompiler => {
            let way = "install a C compiler: the package gcc and the C library's development package";
            let costs = "labs can't be built; programs can be judged";
            lack(
                Area::Linking,
                "no C compiler (cc), which rustc links with",
                costs,
                Mend::Otherwise(way.into()),
            )
        }
    }
}

fn typing(facts: &MachineFacts) -> Finding {
    let found = match facts.settings.legacy_tiocsti {
        Some(0) => "dev.tty.legacy_tiocsti is 0: only CAP_SYS_ADMIN types into a terminal",
        Some(_) => "dev.tty.legacy_tiocsti is 1: any process types into its terminal",
        None => "this kernel has no setting for it: any process types into its terminal",
    };
    note(Area::Typing, found)
}

#[cfg(test)]
mod tests;
