//! Programs whose command the host's kernel can't tell of. Whatever they are worth, their attempts can't be judged.

use std::fmt;

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoWitness {
    /// Another process traces the command, as proot and a debugger do: nobody else can (ptrace(2)).
    Traced,
    /// No process of this kernel is the command, and it answers: a virtual machine, a kernel in user space.
    OwnKernel,
}

impl fmt::Display for NoWitness {
    fn fmt(&self, to: &mut fmt::Formatter) -> fmt::Result {
        to.write_str(match self {
            NoWitness::Traced => "it traces its command itself",
            NoWitness::OwnKernel => "its kernel is its own: the host's kernel can't be the witness",
        })
    }
}

impl std::error::Error for NoWitness {}
