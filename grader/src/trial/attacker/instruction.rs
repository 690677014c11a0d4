//! Instructions that stand nowhere in the command: they are put in the place of the one at which it stands.

use super::hand::{Hand, lost};
use super::registers::Registers;
use crate::trial::observe;
use crate::trial::session::stops::Stop;
use attempts::attacker::{Call, Failed, Returned, SPIN_PATIENCE};
use nix::libc::{self, c_void};
use nix::sys::ptrace;
use std::time::{Duration, Instant};

/// While it runs, the host looks so often how much it has run.
const LOOK: Duration = Duration::from_millis(10);

/// `int $0x80`.
#[cfg(target_arch = "x86_64")]
const INT_0X80: [u8; 2] = [0xcd, 0x80];

/// A jump to itself.
#[cfg(target_arch = "x86_64")]
const JUMP_TO_ITSELF: &[u8] = &[0xeb, 0xfe];
#[cfg(target_arch = "aarch64")]
const JUMP_TO_ITSELF: &[u8] = &[0x00, 0x00, 0x00, 0x14];

impl Hand<'_, '_> {
    /// A call of i386 with one argument.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn by_int_0x80(&mut self, call: &Call) -> Result<Returned, Failed> {
        let argument = call.arguments.first().and_then(|argument| argument.number()).unwrap_or(0);
        let registers = self.saved.with_i386_call(call.number as u64, argument as u64);
        let value = self.with_instruction(&INT_0X80, registers, |hand| {
            hand.session.resume(hand.pid, libc::PTRACE_SYSCALL);
            match hand.stop()? {
                // The kernel tells by which table it reads the number.
                Stop::Entry { number, native: false } if number == call.number as u64 => {}
                stop => return Err(Failed::GaveUp(format!("no call of i386, but {stop:?}"))),
            }
            hand.session.resume(hand.pid, libc::PTRACE_SYSCALL);
            hand.exit()
        })?;
        // Of 32 bits.
        self.returned(i64::from(value.0 as i32), Ok(Vec::new()))
    }

    /// This architecture has none.
    #[cfg(not(target_arch = "x86_64"))]
    pub(super) fn by_int_0x80(&mut self, _: &Call) -> Result<Returned, Failed> {
        Err(Failed::GaveUp("this architecture has no calls of i386".into()))
    }

    /// Runs without a system call.
    pub(super) fn run_for(&mut self, time: Duration) -> Result<(), Failed> {
        let registers = self.saved;
        self.with_instruction(JUMP_TO_ITSELF, registers, |hand| {
            let deadline = Instant::now() + SPIN_PATIENCE * time;
            let used = |pid| observe::cpu(pid).map_or(0.0, |cpu| cpu.used);
            let enough = used(hand.pid) + time.as_secs_f64();
            hand.session.resume(hand.pid, libc::PTRACE_CONT);
            while used(hand.pid) < enough && Instant::now() < deadline {
                match hand.session.next_stop(hand.pid, (Instant::now() + LOOK).min(deadline)) {
                    None => {}
                    Some(Stop::Ended { .. }) => return Err(Failed::Ended),
                    // A signal on its way, of a timer perhaps that was set before.
                    Some(Stop::Other) => hand.session.resume(hand.pid, libc::PTRACE_CONT),
                    Some(stop) => return Err(Failed::GaveUp(format!("it did not run, but {stop:?}"))),
                }
            }
            ptrace::interrupt(hand.pid).map_err(lost)?;
            hand.stop()?;
            // Whoever changed its registers or its code has taken it elsewhere.
            match Registers::read(hand.pid).map_err(lost)?.instruction() == registers.instruction() {
                true => Ok(()),
                false => Err(Failed::GaveUp("it did not stay where it was to run".into())),
            }
        })
    }

    /// Puts an instruction in the place of the one at which it stands, and registers for it; runs `act`; and puts all back.
    fn with_instruction<T>(
        &mut self,
        code: &[u8],
        registers: Registers,
        act: impl FnOnce(&mut Self) -> Result<T, Failed>,
    ) -> Result<T, Failed> {
        self.leave_call()?;
        let at = registers.instruction();
        // Its code can't be written to; a tracer's write gives it a copy of the page (PTRACE_POKETEXT).
        let old = ptrace::read(self.pid, at as *mut c_void).map_err(lost)?;
        let mut word = old.to_ne_bytes();
        word[..code.len()].copy_from_slice(code);
        ptrace::write(self.pid, at as *mut c_void, i64::from_ne_bytes(word)).map_err(lost)?;
        registers.write(self.pid).map_err(lost)?;
        let done = act(self);
        ptrace::write(self.pid, at as *mut c_void, old).map_err(lost)?;
        self.go_back()?;
        done
    }
}
