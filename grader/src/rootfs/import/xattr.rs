//! Extended attributes (xattr(7)): which are taken from an archive, and setting one.

use crate::beneath::Entry;
use nix::errno::Errno;
use nix::libc;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;

/// The attribute that holds a file's capabilities (capabilities(7), "File capabilities").
pub(super) const CAPABILITY: &[u8] = b"security.capability";

/// Whether an attribute is taken: capabilities, and what users may set themselves. Not what the kernel or a security
/// module reads (`trusted.`, `security.`, `system.`), nor what overlayfs does: a whiteout or a redirect of another tree.
pub(super) fn is_taken(name: &[u8]) -> bool {
    name == CAPABILITY || name.starts_with(b"user.") && !name.starts_with(b"user.overlay.")
}

/// setxattr(2) of an open file that is no link.
///
/// # Errors
/// What the system said; EINVAL for a name with a NUL byte.
pub(super) fn set(file: &Entry, name: &[u8], value: &[u8]) -> nix::Result<()> {
    let path = CString::new(file.path().as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)?;
    let name = CString::new(name).map_err(|_| Errno::EINVAL)?;
    // SAFETY: path and name end in NUL, the value has the length that is given, and all outlive the call.
    let answer =
        unsafe { libc::setxattr(path.as_ptr(), name.as_ptr(), value.as_ptr().cast(), value.len(), 0) };
    Errno::result(answer).map(drop)
}
