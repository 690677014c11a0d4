//! A step that failed, and why: one line for a person.

use nix::errno::Errno;
use std::{fmt, io};

/// Why a container could not be made, or its command not be executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The step that failed, or the path that could not be used.
    pub what: String,
    /// What the system said.
    pub reason: Errno,
    /// The lab's exit code: 1, or 255 where only the command itself could not be executed.
    pub exit: u8,
}

/// What a step returns.
pub type Result<T> = std::result::Result<T, Error>;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.reason.desc())
    }
}

impl std::error::Error for Error {}

/// Names the step that a failed system call belongs to.
pub trait Step<T> {
    /// Turns the system's reason into an [`Error`] that carries the name of the step.
    fn step(self, name: &str) -> Result<T>;
}

impl<T> Step<T> for nix::Result<T> {
    fn step(self, name: &str) -> Result<T> {
        self.map_err(|reason| Error { what: name.to_owned(), reason, exit: 1 })
    }
}

impl<T> Step<T> for io::Result<T> {
    fn step(self, name: &str) -> Result<T> {
        self.map_err(|e| Errno::from_raw(e.raw_os_error().unwrap_or(0))).step(name)
    }
}

/// The child reports its error to the parent over a socket, in this form.
impl Error {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        [&[self.exit], (self.reason as i32).to_ne_bytes().as_slice(), self.what.as_bytes()].concat()
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Error> {
        let (&exit, rest) = bytes.split_first()?;
        let (reason, what) = rest.split_first_chunk()?;
        Some(Error {
            what: String::from_utf8_lossy(what).into_owned(),
            reason: Errno::from_raw(i32::from_ne_bytes(*reason)),
            exit,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_survives_the_way_from_child_to_parent() {
        let error = Error { what: "/bin/no such".into(), reason: Errno::ENOENT, exit: 255 };
        assert_eq!(Error::from_bytes(&error.to_bytes()), Some(error));
        assert_eq!(Error::from_bytes(b""), None);
    }
}
