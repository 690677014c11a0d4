//! Capability sets, as the host reads them (capabilities(7), proc_pid_status(5)).

use crate::host::Process;

/// The fourteen that container engines leave to root by default, as bits by their numbers in capability.h: CHOWN,
/// DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, SETPCAP, NET_BIND_SERVICE, NET_RAW, SYS_CHROOT, MKNOD,
/// AUDIT_WRITE, SETFCAP.
pub const DEFAULT_CAPABILITIES: u64 = 0xa804_25fb;

/// How many others than the fourteen are in a set: `CapBnd`, `CapInh`, ... None where it could not be read.
pub fn beyond_the_fourteen(process: &Process, set: &str) -> Option<u32> {
    let set = u64::from_str_radix(process.status.get(set)?, 16).ok()?;
    Some((set & !DEFAULT_CAPABILITIES).count_ones())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fourteen_are_fourteen() {
        assert_eq!(DEFAULT_CAPABILITIES.count_ones(), 14);
    }

    #[test]
    fn what_is_beyond_them_is_counted() {
        let set = |text: &str| {
            let status = [("CapBnd".to_owned(), text.to_owned())].into();
            beyond_the_fourteen(&Process { status, ..Process::default() }, "CapBnd")
        };
        assert_eq!(set("00000000a80425fb"), Some(0));
        assert_eq!(set("00000000a82425fb"), Some(1));
        assert_eq!(set("000001ffffffffff"), Some(41 - 14));
        assert_eq!(set("?"), None);
    }
}
