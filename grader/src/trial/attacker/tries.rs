//! Calls of a process that a system-call filter watches. What refuses one form of a call is no wall, so it is made in each,
//! until one is not refused ([`super::forms`]). One that kills is asked by a child, which dies in the attacker's place.

use super::forms::{FORMS, Forms, fill};
use super::hand::Hand;
use super::memory::{lay, read};
use crate::proc::{self, field};
use crate::trial::session::stops::Stop;
use attempts::attacker::{Argument, Call, Failed, Hand as _, Returned};
use nix::errno::Errno;
use nix::libc;
use std::time::{Duration, Instant};

/// A child that was killed has ended within this time.
const ENDS: Duration = Duration::from_secs(1);

impl Hand<'_, '_> {
    /// Whether a filter watches it, so that it needs forms.
    pub(super) fn has_forms(&mut self) -> bool {
        let pid = self.pid;
        let forms = || {
            let watched = field(&proc::read(pid, "status"), "Seccomp") == Some("2");
            watched.then(|| Forms::of(pid))
        };
        self.forms.get_or_insert_with(forms).is_some()
    }

    /// Makes a call in one form after another, until one is neither refused nor kills.
    pub(super) fn make_in_each_form(&mut self, call: &Call) -> Result<Returned, Failed> {
        let mut refused = None;
        // After the first death a child asks for each.
        let asks = self.session.filtered.may_kill(call);
        for form in self.session.filtered.forms(call)..FORMS {
            if asks && self.kills_in_form(call, form)? {
                continue;
            }
            if asks && form == 0 {
                self.session.filtered.lets_live(call);
            }
            match self.make_in_form(call, form) {
                Err(Failed::Refused(errno @ (Errno::EPERM | Errno::EACCES | Errno::ENOSYS))) => {
                    refused = refused.or(Some(errno));
                }
                // With other upper halves it may be another call to the kernel.
                Err(Failed::Refused(_)) if refused.is_some() => {}
                done => return done,
            }
        }
        let Some(errno) = refused else { return Err(self.leave_out()) };
        if let Some(made) = self.made.last_mut() {
            made.returned = Some(-i64::from(errno as i32));
        }
        Err(errno.into())
    }

    fn make_in_form(&mut self, call: &Call, form: usize) -> Result<Returned, Failed> {
        let forms = self.forms.iter().flatten().next();
        let instruction = forms.and_then(|forms| forms.instruction(call.number, form));
        let memory = forms.and_then(|forms| forms.memory(form));
        let mut laid = lay(&call.arguments, memory.unwrap_or(self.saved.stack()));
        fill(&mut laid, &call.arguments, form);
        let pid = self.pid;
        let before = memory.and_then(|_| read(pid, laid.at, laid.bytes.len()).ok());
        let program = self.saved;
        let done = self.make(&laid, call.number, instruction);
        // A program that it has executed since has other memory.
        if let Some(bytes) = before.filter(|_| self.saved == program) {
            laid.bytes = bytes;
            // Who is dead needs none.
            let _ = laid.write(pid);
        }
        done
    }

    /// Whether a filter kills for a call in this form. A child asks, with nothing behind the pointers, so that nothing comes of it:
    /// a filter reads registers. Where no child can be made, the attacker has to ask.
    fn kills_in_form(&mut self, call: &Call, form: usize) -> Result<bool, Failed> {
        let fork = Call::child(0);
        if self.parent.is_some() || *call == fork || self.session.filtered.forms(&fork) > 0 {
            return Ok(false);
        }
        let made = self.made.len();
        let child = match self.call(&fork) {
            Ok(child) => child.value,
            Err(Failed::Refused(_)) => {
                self.made.truncate(made);
                return Ok(false);
            }
            Err(other) => return Err(other),
        };
        self.follow(child as i32)?;
        self.made.push(self.made[made - 1].clone());
        // Of what it shares with its parent, an open file may change.
        for argument in &call.arguments {
            if let Argument::Int(descriptor @ 0..1024) = argument {
                let close =
                    Call { name: "close", number: libc::SYS_close, arguments: vec![(*descriptor).into()] };
                let _ = self.make_once(&close);
            }
        }
        let tried = self.make_in_form(&call.blank(), form);
        let child = self.pid;
        self.leave_child();
        // SAFETY: kill(2) with integers; it is traced, and so its number is no other's.
        unsafe { libc::kill(child.as_raw(), libc::SIGKILL) };
        let deadline = Instant::now() + ENDS;
        while !matches!(self.session.next_stop(child, deadline), None | Some(Stop::Ended { .. })) {}
        self.made.truncate(made);
        self.killed_for = None;
        Ok(tried == Err(Failed::Filtered))
    }
}
