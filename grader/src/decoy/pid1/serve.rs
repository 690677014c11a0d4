//! What PID 1 does once its host stands: it starts programs, waits for what ends, and says what it sees.

use super::super::changes::{FileChanges, TreeState};
use super::super::later::mount_later;
use super::super::messages::{FromPid1, Snapshot, ToPid1};
use super::super::own_view;
use super::super::secrets::Secrets;
use super::super::services::Services;
use super::super::start::{self, Program};
use super::super::victim;
use crate::channel::Channel;
use anyhow::{Result, bail};
use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::time::ClockId;
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

/// So long a process may take to end by itself, and after it was killed.
const DYING: Duration = Duration::from_millis(200);
const ENDED: Duration = Duration::from_secs(5);

/// Until the grader is gone.
pub fn serve(channel: &Channel, secrets: &Secrets, made: (Services, Pid, TreeState)) -> Result<()> {
    let (mut services, victim, mut first) = made;
    let mut mask = SigSet::empty();
    mask.add(Signal::SIGCHLD);
    mask.thread_block()?;
    let ended = SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
    let mut children =
        Children { programs: Vec::new(), started: 0, victim, victim_status: None, datagrams: false };
    loop {
        let mut ready = [
            PollFd::new(channel.as_fd(), PollFlags::POLLIN),
            PollFd::new(ended.as_fd(), PollFlags::POLLIN),
            PollFd::new(services.abstract_socket.as_fd(), PollFlags::POLLIN),
            PollFd::new(services.loopback.as_fd(), PollFlags::POLLIN),
        ];
        let patience = if children.datagrams { PollTimeout::from(3u8) } else { PollTimeout::NONE };
        if let Err(errno) = poll(&mut ready, patience)
            && errno != Errno::EINTR
        {
            return Err(errno.into());
        }
        let [asked, dead] = [0, 1].map(|at| ready[at].any().unwrap_or(true));
        services.answer();
        if children.datagrams {
            services.send_datagram();
        }
        if dead {
            while let Ok(Some(_)) = ended.read_signal() {}
            children.reap(channel)?;
        }
        if asked {
            let Some((question, _)) = channel.receive()? else { return Ok(()) };
            answer(question, channel, (&mut services, secrets), &mut children, &mut first)?;
        }
    }
}

/// Does what the grader asks for, and says what came of it.
fn answer(
    question: ToPid1,
    channel: &Channel,
    (services, secrets): (&mut Services, &Secrets),
    children: &mut Children,
    first: &mut TreeState,
) -> Result<()> {
    let answer = match question {
        ToPid1::Begin => return Ok(()),
        ToPid1::Start(it) => match children.start(&it, channel, &services.proc) {
            Ok((pid, descriptors, strangers)) => {
                children.programs.push((children.started, pid));
                children.started += 1;
                children.datagrams = it.datagrams;
                let descriptors: Vec<_> = descriptors.iter().map(AsFd::as_fd).collect();
                return channel.send(&FromPid1::Started { strangers }, &descriptors);
            }
            Err(error) => FromPid1::failed(&error),
        },
        ToPid1::Snapshot { files } => {
            children.wait_for_victim(channel)?;
            let now = snapshot(services, first, files, (children.victim, children.victim_status));
            answer_with(now, |now| FromPid1::Snapshot(Box::new(now)))
        }
        ToPid1::Serve(words) => {
            let served = match words {
                Some(words) => services.renew(words),
                None => services.look(),
            };
            answer_with(served, |it| FromPid1::Served(it.clone()))
        }
        ToPid1::RenewVictim => {
            answer_with(children.renew_victim(secrets, &services.proc, first), FromPid1::Victim)
        }
        ToPid1::MountLater { name, there } => answer_with(mount_later(&name, there), |()| FromPid1::Mounted),
        ToPid1::Settle => {
            FromPid1::Settled { same: children.settle(channel, (services, secrets), first).unwrap_or(false) }
        }
    };
    channel.send(&answer, &[])
}

/// An answer, or why there is none.
fn answer_with<T>(done: Result<T>, answer: impl FnOnce(T) -> FromPid1) -> FromPid1 {
    match done {
        Ok(done) => answer(done),
        Err(error) => FromPid1::failed(&error),
    }
}

/// What PID 1 knows of its children.
struct Children {
    /// The programs that run, each with its number.
    programs: Vec<(usize, Pid)>,
    /// How many were started.
    started: usize,
    victim: Pid,
    victim_status: Option<i32>,
    datagrams: bool,
}

impl Children {
    /// Starts a program. What earlier ones have left is ended first, unless one of them still runs: nobody is to look
    /// at the next one, or to answer in its place. With it comes how many had to be ended.
    fn start(
        &mut self,
        program: &Program,
        channel: &Channel,
        proc: &OwnedFd,
    ) -> Result<(Pid, Vec<OwnedFd>, usize)> {
        self.reap(channel)?;
        let strangers = if self.programs.is_empty() { self.end_strangers(channel, proc)? } else { 0 };
        let (pid, descriptors) = start::prepare(program)?;
        Ok((pid, descriptors, strangers))
    }

    /// Kills every process but this one and the victim, and waits for their ends. What is dying already gets a moment.
    fn end_strangers(&mut self, channel: &Channel, proc: &OwnedFd) -> Result<usize> {
        let begun = Instant::now();
        let mut ended = BTreeSet::new();
        loop {
            self.reap(channel)?;
            let mut strangers = own_view::processes(proc)?;
            strangers.retain(|pid| *pid != 1 && *pid != self.victim.as_raw());
            if strangers.is_empty() {
                return Ok(ended.len());
            }
            if begun.elapsed() > DYING {
                // One after the other, as they are found: who makes new ones is killed with them.
                for pid in &strangers {
                    let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
                }
                ended.extend(strangers);
            }
            if begun.elapsed() > ENDED {
                bail!(
                    "{} processes that an earlier start left behind can't be ended",
                    own_view::processes(proc)?.len()
                );
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Puts another victim in the place of the one that there is. Returns its number.
    fn renew_victim(&mut self, secrets: &Secrets, proc: &OwnedFd, first: &mut TreeState) -> Result<i32> {
        let new = victim::renew(secrets, self.victim, proc)?;
        first.replace_process(self.victim, new);
        (self.victim, self.victim_status) = (new, None);
        Ok(new.as_raw())
    }

    /// Waits, for a second at most, until what was done to the victim has taken effect.
    fn wait_for_victim(&mut self, channel: &Channel) -> Result<()> {
        for _ in 0..500 {
            self.reap(channel)?;
            if self.victim_status.is_some() || victim::is_at_rest(self.victim) {
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    /// Whether the host is again as it was at `first`. What is dying gets a moment. The host gets its first name back: a
    /// container of the next trial may copy it, and the grader has to know which one that is.
    fn settle(
        &mut self,
        channel: &Channel,
        (services, secrets): (&mut Services, &Secrets),
        first: &TreeState,
    ) -> Result<bool> {
        let patience = Instant::now() + Duration::from_millis(200);
        loop {
            self.reap(channel)?;
            if self.programs.is_empty() && first.same_processes(&services.proc)? {
                let holds = self.victim_status.is_none()
                    && victim::is_at_rest(self.victim)
                    && first.holds(&services.proc, services.hostname())?;
                services.rename_host(secrets.at("hostname"))?;
                return Ok(holds);
            }
            if Instant::now() > patience {
                return Ok(false);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits for every child that has ended: the program, the victim, and what their processes left to us.
    fn reap(&mut self, channel: &Channel) -> Result<()> {
        loop {
            let mut status = 0;
            // SAFETY: waitpid(2) writes one int.
            let pid = unsafe { libc::waitpid(-1, &mut status, libc::WNOHANG) };
            if pid <= 0 {
                return Ok(());
            }
            let pid = Pid::from_raw(pid);
            if let Some(at) = self.programs.iter().position(|(_, program)| *program == pid) {
                let (nth, _) = self.programs.swap_remove(at);
                channel.send(&FromPid1::Ended { nth, status }, &[])?;
            } else if self.victim == pid {
                self.victim_status = Some(status);
            }
        }
    }
}

/// What the host looks like now. `victim`: its number, and its status if it has ended.
pub fn snapshot(
    services: &Services,
    first: &TreeState,
    files: bool,
    (victim, victim_status): (Pid, Option<i32>),
) -> Result<Snapshot> {
    // The host's own: what stands at `/proc` now may be another's.
    let proc = &services.proc;
    let mounts = first.mount_changes(proc)?;
    let mut found = FileChanges::default();
    if files {
        found = first.file_changes()?;
        found.changed.append(first.changed_belongings(services, victim)?);
    }
    let FileChanges { paths: files, empty, changed, setuid } = found;
    Ok(Snapshot {
        mountinfo: mounts.table,
        mounts: mounts.points,
        other_mounts: mounts.other,
        hostname: own_view::name()?,
        boottime: ClockId::CLOCK_BOOTTIME.now()?.tv_sec(),
        processes: own_view::processes(proc)?.into_iter().collect(),
        files,
        empty,
        changed,
        setuid,
        victim: victim_status,
    })
}
