//! Other processes, as the attacker reaches for them: by number, by pidfd, by ptrace(2).

use super::numbers::combined;
use super::{Argument, Attacker, Call, Failed};
use nix::libc::{self, c_int, c_uint, pid_t};
use std::fs::File;
use std::os::unix::fs::FileExt;

/// As many bytes of another process's memory are read at once.
const WORD: usize = size_of::<u64>();

/// `siginfo_t` of a signal that sigqueue(3) sends: its number, no errno, and SI_QUEUE.
fn queued(signal: c_int) -> Argument {
    let begin = [signal, 0, libc::SI_QUEUE].map(c_int::to_ne_bytes).concat();
    let mut about = vec![0; size_of::<libc::siginfo_t>()];
    about[..begin.len()].copy_from_slice(&begin);
    Argument::Bytes(about)
}

impl Attacker<'_> {
    /// The number of a process of the host. Never 0 or less, which would mean the attacker's own group, or everybody.
    ///
    /// # Errors
    /// Here and below: see [`Hand::call`](super::Hand::call).
    pub fn victim(&self) -> Result<pid_t, Failed> {
        match self.given("victim").parse() {
            Ok(number @ 2..) => Ok(number),
            _ => self.gives_up("the host has no process to attack"),
        }
    }

    /// kill(2).
    pub fn kill(&mut self, process: pid_t, signal: c_int) -> Result<(), Failed> {
        self.call("kill", libc::SYS_kill, [process.into(), signal.into()]).map(drop)
    }

    /// tgkill(2) to the first thread of a process.
    pub fn tgkill(&mut self, process: pid_t, signal: c_int) -> Result<(), Failed> {
        let arguments = [process.into(), process.into(), signal.into()];
        self.call("tgkill", libc::SYS_tgkill, arguments).map(drop)
    }

    /// tkill(2) to the same.
    pub fn tkill(&mut self, process: pid_t, signal: c_int) -> Result<(), Failed> {
        self.call("tkill", libc::SYS_tkill, [process.into(), signal.into()]).map(drop)
    }

    /// rt_sigqueueinfo(2), as by sigqueue(3).
    pub fn sigqueue(&mut self, process: pid_t, signal: c_int) -> Result<(), Failed> {
        let arguments = [process.into(), signal.into(), queued(signal)];
        self.call("rt_sigqueueinfo", libc::SYS_rt_sigqueueinfo, arguments).map(drop)
    }

    /// The same to the first thread of a process.
    pub fn sigqueue_to_thread(&mut self, process: pid_t, signal: c_int) -> Result<(), Failed> {
        let arguments = [process.into(), process.into(), signal.into(), queued(signal)];
        self.call("rt_tgsigqueueinfo", libc::SYS_rt_tgsigqueueinfo, arguments).map(drop)
    }

    /// Makes a process the owner of a pipe, and writes to it: the owner gets SIGIO (`F_SETOWN`, fcntl(2)).
    pub fn signal_by_pipe(&mut self, process: pid_t) -> Result<(), Failed> {
        let [reads, writes] = self.pipe()?;
        for (command, argument) in
            [(libc::F_SETOWN, process), (libc::F_SETFL, libc::O_ASYNC | libc::O_NONBLOCK)]
        {
            self.call("fcntl", libc::SYS_fcntl, [reads.into(), command.into(), argument.into()])?;
        }
        self.write(writes, b"!")
    }

    /// pidfd_open(2), with one set of flags after another: PIDFD_NONBLOCK (Linux 5.10), and PIDFD_THREAD, of a process's first
    /// thread (Linux 6.9).
    pub fn pidfd_of(&mut self, process: pid_t) -> Result<c_int, Failed> {
        let flags = combined(&[libc::O_NONBLOCK, libc::O_EXCL]);
        self.with_each(flags, |me, flags| me.pidfd_open_with(process, flags))
    }

    /// pidfd_open(2).
    pub fn pidfd_open(&mut self, process: pid_t) -> Result<c_int, Failed> {
        self.pidfd_open_with(process, 0)
    }

    /// The same with flags.
    pub fn pidfd_open_with(&mut self, process: pid_t, flags: c_int) -> Result<c_int, Failed> {
        Ok(self.call("pidfd_open", libc::SYS_pidfd_open, [process.into(), flags.into()])?.value as c_int)
    }

    /// pidfd_getfd(2): a descriptor of that process, among the attacker's own.
    pub fn pidfd_getfd(&mut self, process: c_int, descriptor: c_int) -> Result<c_int, Failed> {
        let arguments = [process.into(), descriptor.into(), 0.into()];
        Ok(self.call("pidfd_getfd", libc::SYS_pidfd_getfd, arguments)?.value as c_int)
    }

    /// pidfd_send_signal(2).
    pub fn pidfd_send_signal(&mut self, process: c_int, signal: c_int) -> Result<(), Failed> {
        let arguments = [process.into(), signal.into(), Argument::NULL, 0.into()];
        self.call("pidfd_send_signal", libc::SYS_pidfd_send_signal, arguments).map(drop)
    }

    /// A child that stands still (fork(2)), by any call. Returns its number.
    pub fn child(&mut self) -> Result<pid_t, Failed> {
        let Call { name, number, arguments } = Call::child(0);
        match self.call(name, number, arguments) {
            Err(Failed::Refused(_)) => self.fork(),
            made => Ok(made?.value as pid_t),
        }
    }

    /// Goes on as a child: see [`Hand::follow`](super::Hand::follow).
    pub fn follow(&mut self, child: pid_t) -> Result<(), Failed> {
        self.hand.follow(child)
    }

    /// setpgid(2).
    pub fn setpgid(&mut self, process: pid_t, group: pid_t) -> Result<(), Failed> {
        self.call("setpgid", libc::SYS_setpgid, [process.into(), group.into()]).map(drop)
    }

    /// setsid(2).
    pub fn setsid(&mut self) -> Result<(), Failed> {
        self.call("setsid", libc::SYS_setsid, []).map(drop)
    }

    /// ptrace(2) with PTRACE_ATTACH, and wait4(2) for the stop.
    pub fn attach(&mut self, process: pid_t) -> Result<(), Failed> {
        // The request has no address and no data, and a filter reads both.
        self.with_each([0, self.chosen(0) as i32 | 1], |me, unused| {
            me.ptrace(libc::PTRACE_ATTACH, process, unused as usize, unused.into())
        })?;
        let arguments = [process.into(), Argument::NULL, libc::__WALL.into(), Argument::NULL];
        self.call("wait4", libc::SYS_wait4, arguments).map(drop)
    }

    /// The same by PTRACE_SEIZE and PTRACE_INTERRUPT.
    pub fn seize(&mut self, process: pid_t) -> Result<(), Failed> {
        // Of what it is to be told.
        let options = self.varied(&[0], &[1, 2, 4, 8, 16, 32, 64]);
        self.with_each(options, |me, options| me.ptrace(libc::PTRACE_SEIZE, process, 0, options.into()))?;
        self.ptrace(libc::PTRACE_INTERRUPT, process, 0, 0.into())?;
        let arguments = [process.into(), Argument::NULL, libc::__WALL.into(), Argument::NULL];
        self.call("wait4", libc::SYS_wait4, arguments).map(drop)
    }

    /// Takes words from the memory of a process to which the attacker is attached (PTRACE_PEEKDATA).
    pub fn peek(&mut self, process: pid_t, address: usize, length: usize) -> Result<(), Failed> {
        for offset in (0..length).step_by(WORD) {
            // The system call writes the word to where its last argument points.
            let word = self.ptrace(libc::PTRACE_PEEKDATA, process, address + offset, Argument::room(WORD))?;
            self.taken.extend(word.concat());
        }
        Ok(())
    }

    /// Takes the memory of a process without attaching to it (process_vm_readv(2)).
    pub fn read_memory(&mut self, process: pid_t, address: usize, length: usize) -> Result<(), Failed> {
        let there = [address, length].map(usize::to_ne_bytes).concat();
        let here = Argument::Vector(vec![0; length]);
        let arguments = [process.into(), here, 1.into(), Argument::Bytes(there), 1.into(), 0.into()];
        let read = self.call("process_vm_readv", libc::SYS_process_vm_readv, arguments)?;
        self.taken.extend(read.rooms.concat());
        Ok(())
    }

    /// Writes to the memory of a process without attaching to it (process_vm_writev(2)).
    pub fn write_memory(&mut self, process: pid_t, address: usize, bytes: &[u8]) -> Result<(), Failed> {
        let there = [address, bytes.len()].map(usize::to_ne_bytes).concat();
        let here = Argument::Vector(bytes.to_vec());
        let arguments = [process.into(), here, 1.into(), Argument::Bytes(there), 1.into(), 0.into()];
        self.call("process_vm_writev", libc::SYS_process_vm_writev, arguments).map(drop)
    }

    /// Takes the memory of a process through a file of procfs (proc_pid_mem(5)): the host by a duplicate of the descriptor, and the attacker itself.
    pub fn take_memory_file(&mut self, path: &str, address: usize, length: usize) -> Result<(), Failed> {
        let memory = self.open_stake(path, libc::O_RDONLY)?;
        let file = File::from(self.show(memory)?);
        let mut bytes = vec![0; length];
        if let Ok(length) = file.read_at(&mut bytes, address as u64) {
            self.taken.extend(&bytes[..length]);
        }
        let arguments =
            [memory.into(), Argument::room(length), (length as i64).into(), (address as i64).into()];
        let read = self.call("pread64", libc::SYS_pread64, arguments)?;
        self.taken.extend(read.rooms.concat());
        Ok(())
    }

    /// Does something with a process's directory in procfs: in the one at `/proc`, else in one that the attacker mounts,
    /// which no other lies upon and which is of its own PID namespace.
    pub fn through_procfs(
        &mut self,
        process: pid_t,
        act: impl Fn(&mut Self, &str) -> Result<(), Failed>,
    ) -> Result<(), Failed> {
        match act(self, &format!("/proc/{process}")) {
            Err(Failed::Refused(_)) => {}
            done => return done,
        }
        let own = self.new_procfs()?;
        act(self, &format!("{own}/{process}"))
    }

    fn ptrace(
        &mut self,
        request: c_uint,
        process: pid_t,
        address: usize,
        data: Argument,
    ) -> Result<Vec<Vec<u8>>, Failed> {
        let arguments = [i64::from(request).into(), process.into(), (address as i64).into(), data];
        Ok(self.call("ptrace", libc::SYS_ptrace, arguments)?.rooms)
    }
}
