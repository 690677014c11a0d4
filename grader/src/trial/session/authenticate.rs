//! Recognising the probe: whoever speaks is believed only if the kernel says that it is the probe.

use super::{KEPT, Session};
use crate::trial::observe;
use anyhow::{Context, Result};
use attempts::wire::Answer;
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, getsockopt, recv, sockopt::PeerCredentials};
use nix::unistd::Pid;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

/// A line of a probe is never longer.
const MAX_LINE: usize = 64 << 10;

/// Nor are all of its answers to one question together: the kernel's word reaches no further than [`KEPT`].
const MAX_ANSWERS: usize = 2 * KEPT;

/// The probe, once the host knows that it is the probe.
#[derive(Default)]
pub struct Probe {
    /// Its process, as the grader sees it. None where it speaks over standard output and the host could not
    /// find it.
    pub pid: Option<Pid>,
    /// Its socket; none where it speaks over the standard streams.
    pub(super) stream: Option<UnixStream>,
    unread: Vec<u8>,
    pub(super) ended: bool,
    pub(super) key: String,
    pub(super) answers: Vec<Answer>,
    /// How many bytes they were.
    pub(super) kept: usize,
}

impl Session<'_> {
    /// A probe that can't reach the socket says hello on standard output. Anybody can say that: the host looks
    /// for the process by its file, and takes its word only if it finds it.
    pub(super) fn hello_on_stdout(&mut self) {
        let hello = attempts::inside::hello(&format!("/socket-{}", self.decoy.secrets.name));
        let hello = hello.trim().as_bytes();
        let Some(at) = self.stdout.kept.windows(hello.len()).position(|window| window == hello) else {
            return;
        };
        let pid = observe::by_file(self.decoy, self.image);
        let pid = pid.filter(|pid| match self.trusted(*pid) {
            Ok(()) => true,
            Err(why) => {
                self.refused.note(&why);
                false
            }
        });
        let mut probe = Probe { pid, stream: None, ..Probe::default() };
        probe.hear(&self.stdout.kept[at + hello.len()..]);
        self.probe = Some(probe);
    }

    /// Takes a connection if it is the probe's.
    pub(super) fn accept(&mut self) -> Result<()> {
        let Ok((stream, _)) = self.decoy.listener.accept() else { return Ok(()) };
        let peer = getsockopt(&stream, PeerCredentials).context("SO_PEERCRED")?;
        let pid = Pid::from_raw(peer.pid());
        if self.probe.is_some() {
            self.refused.note("a second process connected as the probe");
            return Ok(());
        }
        match self.authenticate(pid) {
            Ok(()) => {
                stream.set_nonblocking(false)?;
                self.probe = Some(Probe { pid: Some(pid), stream: Some(stream), ..Probe::default() });
            }
            Err(why) => self.refused.note(&why),
        }
        Ok(())
    }

    /// Whether a process is the probe, by what the kernel says of it.
    fn authenticate(&self, pid: Pid) -> std::result::Result<(), String> {
        let it = observe::identity(pid);
        if pid.as_raw() <= 0 || it.exe.is_none() {
            return Err("a process that was gone at once spoke on the probe's socket".into());
        }
        if it.exe != Some(self.decoy.ready.probe) {
            return Err(format!("{} spoke on the probe's socket: it is not the probe", it.exe_name));
        }
        self.trusted(pid)
    }

    /// Whether nobody else holds the probe in hand, and it is where it may be.
    fn trusted(&self, pid: Pid) -> std::result::Result<(), String> {
        if observe::identity(pid).tracer != 0 && !self.watched {
            return Err("the probe was being traced".into());
        }
        // The last word on reboot(2): never in a PID namespace that is the grader's own or the machine's first.
        let theirs = observe::namespace(pid, "pid");
        if theirs.is_none()
            || theirs == observe::namespace(Pid::this(), "pid")
            || theirs == Some(observe::FIRST_PID_NAMESPACE)
        {
            return Err("the probe was outside of the decoy's PID namespace".into());
        }
        self.image.check(pid)
    }

    pub(super) fn read_probe(&mut self) {
        let Some(probe) = self.probe.as_mut().filter(|probe| !probe.ended) else { return };
        let Some(stream) = &probe.stream else { return };
        let descriptor = stream.as_raw_fd();
        let mut buffer = [0; 16 << 10];
        loop {
            match recv(descriptor, &mut buffer, MsgFlags::MSG_DONTWAIT) {
                Ok(length) if length > 0 => probe.hear(&buffer[..length]),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return,
                Ok(_) | Err(_) => probe.ended = true,
            }
            if probe.ended {
                return;
            }
        }
    }
}

impl Probe {
    /// Takes what came in, line by line. Lines that are no answer to the question are passed over.
    pub(super) fn hear(&mut self, bytes: &[u8]) {
        self.unread.extend(bytes);
        while let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.unread.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line[..end]);
            let answer = Answer::parse(&self.key, line.trim_end_matches('\r'));
            self.kept += answer.as_ref().map_or(0, |_| end);
            self.answers.extend(answer.filter(|_| self.kept <= MAX_ANSWERS));
        }
        self.ended |= self.unread.len() > MAX_LINE || self.kept > MAX_ANSWERS;
    }
}
