//! What a host is called, and its clocks: settings of the kernel that have system calls of their own.

use super::{Argument, Attacker, Failed};
use nix::errno::Errno;
use nix::libc;
use std::mem::offset_of;

impl Attacker<'_> {
    /// sethostname(2).
    ///
    /// # Errors
    /// Here and below: see [`Hand::call`](super::Hand::call).
    pub fn sethostname(&mut self, name: &str) -> Result<(), Failed> {
        let arguments = [Argument::text(name), (name.len() as i32).into()];
        self.call("sethostname", libc::SYS_sethostname, arguments).map(drop)
    }

    /// uname(2): the host name.
    pub fn uname(&mut self) -> Result<Vec<u8>, Failed> {
        let room = Argument::room(size_of::<libc::utsname>());
        let mut name = self.call("uname", libc::SYS_uname, [room])?.rooms.remove(0);
        // `nodename` comes second of six fields of the same length.
        name = name.split_off(offset_of!(libc::utsname, nodename));
        name.truncate(name.iter().position(|byte| *byte == 0).unwrap_or(0));
        Ok(name)
    }

    /// clock_gettime(2) of the clock that counts from the machine's start, in seconds. Not by the vDSO: the host would see no
    /// call.
    pub fn boot_time(&mut self) -> Result<i64, Failed> {
        let arguments = [libc::CLOCK_BOOTTIME.into(), Argument::room(size_of::<libc::timespec>())];
        let time = self.call("clock_gettime", libc::SYS_clock_gettime, arguments)?.rooms.remove(0);
        Ok(first_number(&time))
    }

    /// sysinfo(2): the same clock.
    pub fn uptime(&mut self) -> Result<i64, Failed> {
        let room = Argument::room(size_of::<libc::sysinfo>());
        let told = self.call("sysinfo", libc::SYS_sysinfo, [room])?.rooms.remove(0);
        Ok(first_number(&told))
    }

    /// clock_adjtime(2), or adjtimex(2): what the clock that tells the date is set to. Changes nothing.
    pub fn read_clock(&mut self) -> Result<Vec<u8>, Failed> {
        let room = || Argument::room(size_of::<libc::timex>());
        let arguments = [libc::CLOCK_REALTIME.into(), room()];
        let told = match self.call("clock_adjtime", libc::SYS_clock_adjtime, arguments) {
            Err(Failed::Refused(_)) => self.call("adjtimex", libc::SYS_adjtimex, [room()])?,
            told => told?,
        };
        Ok(told.rooms.into_iter().next().unwrap_or_default())
    }

    /// Whether clock_settime(2) comes to the kernel: without a time it sets none, and fails for that (EFAULT) before it asks for
    /// the capability.
    pub fn clock_settime_passes(&mut self) -> Result<bool, Failed> {
        let arguments = [libc::CLOCK_REALTIME.into(), Argument::NULL];
        match self.call("clock_settime", libc::SYS_clock_settime, arguments) {
            Err(Failed::Refused(errno)) => Ok(errno == Errno::EFAULT),
            other => other.map(|_| false),
        }
    }

    /// Sets the clock's estimated error, a mere note for time servers, to what was read: so nothing changes. With
    /// clock_adjtime(2), or by its older name adjtimex(2); or else it sets nothing, with settimeofday(2).
    pub fn adjust_clock(&mut self, mut clock: Vec<u8>) -> Result<(), Failed> {
        let at = offset_of!(libc::timex, modes);
        clock[at..at + 4].copy_from_slice(&libc::ADJ_ESTERROR.to_ne_bytes());
        let clock = || Argument::Room(clock.clone());
        let arguments = [libc::CLOCK_REALTIME.into(), clock()];
        match self.call("clock_adjtime", libc::SYS_clock_adjtime, arguments) {
            Err(Failed::Refused(_)) => {}
            done => return done.map(drop),
        }
        match self.call("adjtimex", libc::SYS_adjtimex, [clock()]) {
            Err(Failed::Refused(_)) => {}
            done => return done.map(drop),
        }
        self.set_nothing()
    }

    /// settimeofday(2), which sets neither the time nor the time zone, and asks for the capability.
    pub fn set_nothing(&mut self) -> Result<(), Failed> {
        self.call("settimeofday", libc::SYS_settimeofday, [Argument::NULL, Argument::NULL]).map(drop)
    }
}

/// The first eight bytes of a structure.
fn first_number(bytes: &[u8]) -> i64 {
    bytes.first_chunk().map_or(0, |bytes| i64::from_ne_bytes(*bytes))
}
