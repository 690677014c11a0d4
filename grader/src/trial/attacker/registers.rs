//! The registers of a system call, for each architecture: syscall(2), "Architecture calling conventions".

use nix::errno::Errno;
use nix::libc;
use nix::unistd::Pid;

/// Register sets of ptrace(2): include/uapi/linux/elf.h.
const NT_PRSTATUS: usize = 1;
const NT_ARM_SYSTEM_CALL: usize = 0x404;

/// As many words as the largest set has.
const WORDS: usize = 34;

/// Where in `struct user_regs_struct`, counted in words, a system call has its parts.
struct Layout {
    words: usize,
    /// What the instruction takes for the number.
    number: usize,
    /// What the kernel takes for it at the entry stop; none where that is a register set of its own.
    entered: Option<usize>,
    arguments: [usize; 6],
    stack: usize,
    instruction: usize,
    /// The length of the instruction, in bytes.
    length: u64,
}

/// arch/x86/include/uapi/asm/ptrace.h: `rax`, `orig_rax`; `rdi`, `rsi`, `rdx`, `r10`, `r8`, `r9`; `rsp`, `rip`.
#[cfg_attr(not(any(target_arch = "x86_64", test)), expect(dead_code))]
const X86_64: Layout = Layout {
    words: 27,
    number: 10,
    entered: Some(15),
    arguments: [14, 13, 12, 7, 9, 8],
    stack: 19,
    instruction: 16,
    length: 2,
};

/// arch/arm64/include/uapi/asm/ptrace.h: `x8`; `x0` to `x5`; `sp`, `pc`.
#[cfg_attr(not(any(target_arch = "aarch64", test)), expect(dead_code))]
const AARCH64: Layout = Layout {
    words: 34,
    number: 8,
    entered: None,
    arguments: [0, 1, 2, 3, 4, 5],
    stack: 31,
    instruction: 32,
    length: 4,
};

#[cfg(target_arch = "x86_64")]
const LAYOUT: &Layout = &X86_64;
#[cfg(target_arch = "aarch64")]
const LAYOUT: &Layout = &AARCH64;

/// The registers of a process that has stopped at the entry or exit of a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registers([u64; WORDS]);

impl Registers {
    /// Reads them.
    ///
    /// # Errors
    /// Those of PTRACE_GETREGSET; ENOEXEC where the process executes another architecture's code.
    pub fn read(pid: Pid) -> nix::Result<Registers> {
        let mut words = [0; WORDS];
        match set(libc::PTRACE_GETREGSET, pid, NT_PRSTATUS, &mut words)? {
            length if length == LAYOUT.words * 8 => Ok(Registers(words)),
            _ => Err(Errno::ENOEXEC),
        }
    }

    /// Writes them.
    ///
    /// # Errors
    /// Those of PTRACE_SETREGSET.
    pub fn write(mut self, pid: Pid) -> nix::Result<()> {
        set(libc::PTRACE_SETREGSET, pid, NT_PRSTATUS, &mut self.0[..LAYOUT.words])?;
        if LAYOUT.entered.is_none() {
            set(libc::PTRACE_SETREGSET, pid, NT_ARM_SYSTEM_CALL, &mut self.0[LAYOUT.number..][..1])?;
        }
        Ok(())
    }

    /// The same at the entry of another call.
    pub fn with_call(self, number: u64, arguments: [u64; 6]) -> Registers {
        self.called(LAYOUT, number, arguments)
    }

    /// The same just before the instruction of a call, so that the process makes it: call `number` with the arguments that
    /// it has.
    pub fn before_call(self, number: u64) -> Registers {
        self.before(LAYOUT, number)
    }

    /// The same just at the instruction of a call of i386 with one argument: `eax` and `ebx`.
    #[cfg(target_arch = "x86_64")]
    pub fn with_i386_call(mut self, number: u64, argument: u64) -> Registers {
        let [rbx, rax] = [5, LAYOUT.number];
        (self.0[rax], self.0[rbx]) = (number, argument);
        self
    }

    /// The same just after an instruction that makes a call, at this address.
    pub fn after(self, instruction: u64) -> Registers {
        self.behind(LAYOUT, instruction)
    }

    /// Where the next instruction is.
    pub fn instruction(&self) -> u64 {
        self.0[LAYOUT.instruction]
    }

    /// The stack pointer.
    pub fn stack(&self) -> u64 {
        self.0[LAYOUT.stack]
    }

    fn called(mut self, layout: &Layout, number: u64, arguments: [u64; 6]) -> Registers {
        self.0[layout.entered.unwrap_or(layout.number)] = number;
        for (at, argument) in layout.arguments.into_iter().zip(arguments) {
            self.0[at] = argument;
        }
        self
    }

    fn behind(mut self, layout: &Layout, instruction: u64) -> Registers {
        self.0[layout.instruction] = instruction + layout.length;
        self
    }

    fn before(mut self, layout: &Layout, number: u64) -> Registers {
        self.0[layout.number] = number;
        self.0[layout.instruction] -= layout.length;
        self
    }
}

/// A register set, read or written. Returns its length in bytes.
fn set(request: libc::c_uint, pid: Pid, kind: usize, words: &mut [u64]) -> nix::Result<usize> {
    let mut room = libc::iovec { iov_base: words.as_mut_ptr().cast(), iov_len: size_of_val(words) };
    // SAFETY: the kernel reads or writes no more than `iov_len` bytes at `iov_base`, and writes the length to `room`.
    Errno::result(unsafe { libc::ptrace(request, pid.as_raw(), kind, &raw mut room) })?;
    Ok(room.iov_len)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered() -> Registers {
        Registers(std::array::from_fn(|at| at as u64 + 1000))
    }

    fn changed(before: Registers, after: Registers) -> Vec<(usize, u64)> {
        (0..WORDS).filter(|at| before.0[*at] != after.0[*at]).map(|at| (at, after.0[at])).collect()
    }

    #[test]
    fn a_call_of_x86_64_has_its_arguments_where_the_kernel_reads_them() {
        let call = numbered().called(&X86_64, 165, [1, 2, 3, 4, 5, 6]);
        // In the order of struct user_regs_struct: r10 is 7, r9 8, r8 9, rdx 12, rsi 13, rdi 14, orig_rax 15.
        assert_eq!(changed(numbered(), call), [(7, 4), (8, 6), (9, 5), (12, 3), (13, 2), (14, 1), (15, 165)]);
        // rax is 10, rip 16.
        assert_eq!(changed(numbered(), numbered().before(&X86_64, 0)), [(10, 0), (16, 1014)]);
    }

    #[test]
    fn a_call_of_aarch64_has_its_arguments_where_the_kernel_reads_them() {
        let call = numbered().called(&AARCH64, 40, [1, 2, 3, 4, 5, 6]);
        let expected = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6), (8, 40)];
        assert_eq!(changed(numbered(), call), expected);
        assert_eq!(changed(numbered(), numbered().before(&AARCH64, 63)), [(8, 63), (32, 1028)]);
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn the_layout_is_that_of_the_c_library() {
        use std::mem::offset_of;
        type Words = libc::user_regs_struct;
        assert_eq!(X86_64.words * 8, size_of::<Words>());
        let offsets = [
            offset_of!(Words, rax),
            offset_of!(Words, orig_rax),
            offset_of!(Words, rsp),
            offset_of!(Words, rip),
        ];
        assert_eq!(
            offsets,
            [X86_64.number * 8, X86_64.entered.unwrap() * 8, X86_64.stack * 8, X86_64.instruction * 8]
        );
        let arguments = [
            offset_of!(Words, rdi),
            offset_of!(Words, rsi),
            offset_of!(Words, rdx),
            offset_of!(Words, r10),
            offset_of!(Words, r8),
            offset_of!(Words, r9),
        ];
        assert_eq!(arguments, X86_64.arguments.map(|at| at * 8));
    }
}
