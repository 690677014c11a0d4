//! What a container can do without: a feature of the kernel that is not there, or that is refused.

use nix::errno::Errno;
use std::fmt::Display;
use std::path::Path;

/// What a system call returned that asks for a feature without which there still is a container, a weaker one.
pub trait Optional {
    /// Whether the feature is there. Where the kernel does not know it (ENOSYS, or EINVAL for a flag), or something refuses
    /// it (EPERM), such as the system-call filter of a container around the lab, a line on standard error says what the
    /// container is without, and what comes of that.
    ///
    /// # Errors
    /// The call failed for another reason.
    fn or_without(self, feature: &str, then: &str) -> nix::Result<bool>;
}

impl<T> Optional for nix::Result<T> {
    fn or_without(self, feature: &str, then: &str) -> nix::Result<bool> {
        match self {
            Ok(_) => Ok(true),
            Err(reason @ (Errno::ENOSYS | Errno::EINVAL | Errno::EPERM)) => {
                say(&format_args!("without {feature}: {then} ({})", reason.desc()));
                Ok(false)
            }
            Err(other) => Err(other),
        }
    }
}

/// A line that begins with the lab's name, as its errors do.
fn say(line: &impl Display) {
    let program = std::env::args_os().next().unwrap_or_default();
    let lab = Path::new(&program).file_name().unwrap_or_default().display();
    crate::tell(&mut std::io::stderr(), &format_args!("{lab}: {line}"));
}
