//! The options of this lab, and of every lab after it.

use common::args::{Args, LabOption, Takes};

/// All of them.
pub const ALL: &[LabOption] = &[USERNS, SHARE];

/// A user namespace also for root. Without root there always is one: no other step works without it.
pub const USERNS: LabOption =
    LabOption { name: "--userns", takes: Takes::Nothing, help: "make a user namespace also as root" };

/// A namespace that is not made. Its names are those of the OCI runtime spec.
pub const SHARE: LabOption = LabOption {
    name: "--share",
    takes: Takes::OneOf { name: "NAME", words: &["cgroup", "ipc", "mount", "network", "pid", "time", "uts"] },
    help: "stay in the host's namespace NAME (may be repeated)",
};

/// Whether the container stays in the host's namespace of this name.
pub fn shares(args: &Args, namespace: &str) -> bool {
    args.values(&SHARE).any(|name| name == namespace)
}
