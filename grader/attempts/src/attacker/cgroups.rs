//! Control groups (cgroups(7)), in a hierarchy that the attacker mounts anew: it need not take the mount that it finds.

use super::procfs::IGNORED;
use super::{Argument, Attacker, Failed};
use nix::libc::{self, c_int};
use nix::sys::statfs::{CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC};

/// nosuid, nodev, noexec: a user namespace may not leave out flags that its other mounts have (mount_namespaces(7)). As
/// mount(2) takes them, and as fsmount(2) does (include/uapi/linux/mount.h).
const CAREFUL: libc::c_ulong = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
const CAREFUL_ATTRIBUTES: c_int = 0xe;

impl Attacker<'_> {
    /// A new mount of a file system, in no place where others would see it; where that is refused, by mount(2) on a
    /// directory of its own. `options` are as mount(2) takes them. Returns a descriptor of its root directory.
    ///
    /// # Errors
    /// Here and below: see [`Hand::call`](super::Hand::call).
    pub fn new_mount(&mut self, kind: &str, options: &str) -> Result<c_int, Failed> {
        match self.new_detached_mount(kind, options) {
            Err(Failed::Refused(_)) => {}
            done => return done,
        }
        let place = self.directory()?;
        let flags = self.varied(&[CAREFUL as i32], &IGNORED);
        self.with_each(flags, |me, flags| {
            let [source, target, name] = [kind, &place, kind].map(Argument::text);
            let data = if options.is_empty() { Argument::NULL } else { Argument::text(options) };
            me.call("mount", libc::SYS_mount, [source, target, name, flags.into(), data])
        })?;
        self.open_stake(&place, libc::O_PATH | libc::O_DIRECTORY)
    }

    fn new_detached_mount(&mut self, kind: &str, options: &str) -> Result<c_int, Failed> {
        let context = self.fsopen(kind)?;
        for option in options.split(',').filter(|option| !option.is_empty()) {
            match option.split_once('=') {
                Some((key, value)) => self.fsconfig_set(context, key, value)?,
                // FSCONFIG_SET_FLAG is 0.
                None => {
                    let arguments = [context.into(), 0.into(), Argument::text(option), 0.into(), 0.into()];
                    self.call("fsconfig", libc::SYS_fsconfig, arguments)?;
                }
            }
        }
        self.fsconfig_create(context)?;
        self.fsmount_with(context, CAREFUL_ATTRIBUTES)
    }

    /// Makes a group.
    pub fn make_group(&mut self, directory: c_int, name: &str) -> Result<(), Failed> {
        let arguments = [directory.into(), Argument::text(name), 0o755.into()];
        self.call("mkdirat", libc::SYS_mkdirat, arguments).map(drop)
    }

    /// Writes to a file of a group. What is no such file, whatever its path, is neither opened nor written to.
    pub fn write_to_group(&mut self, directory: c_int, file: &str, text: &str) -> Result<(), Failed> {
        let seen = self.open_stake_at(directory, file, libc::O_PATH)?;
        let kind = self.file_system_type(seen)?;
        self.close(seen)?;
        if ![CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC].contains(&kind) {
            return self.gives_up(&format!("{file} is no file of a control group"));
        }
        let stake = self.open_stake_at(directory, file, libc::O_WRONLY)?;
        self.write_stake(stake, text.as_bytes())
    }
}
