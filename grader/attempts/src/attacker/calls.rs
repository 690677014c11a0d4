//! System calls by their names. Each returns what the kernel returned to the attacker.

use super::{Argument, Attacker, Failed};
use nix::libc::{self, c_int, c_ulong};

/// `*at` calls from the working directory.
const HERE: i64 = libc::AT_FDCWD as i64;

/// Attributes of a mount that change nothing for who only reads: nosuid, nodev, noexec, nosymfollow
/// (include/uapi/linux/mount.h).
const ATTRIBUTES: [i32; 4] = [2, 4, 8, 0x20_0000];

impl Attacker<'_> {
    /// mount(2).
    ///
    /// # Errors
    /// Here and below: see [`Hand::call`](super::Hand::call).
    pub fn mount(&mut self, source: &str, target: &str, kind: &str, flags: c_ulong) -> Result<(), Failed> {
        let [source, target, kind] = [source, target, kind].map(Argument::text);
        let arguments = [source, target, kind, Argument::Number(flags as i64), Argument::Number(0)];
        self.call("mount", libc::SYS_mount, arguments).map(drop)
    }

    /// fsopen(2): a context for a new file system. Returns its descriptor.
    pub fn fsopen(&mut self, kind: &str) -> Result<c_int, Failed> {
        // FSOPEN_CLOEXEC is the one flag that there is.
        self.with_each([0, 1], |me, flags| {
            let arguments = [Argument::text(kind), flags.into()];
            Ok(me.call("fsopen", libc::SYS_fsopen, arguments)?.value as c_int)
        })
    }

    /// fsconfig(2) with FSCONFIG_SET_STRING: sets a parameter.
    pub fn fsconfig_set(&mut self, context: c_int, key: &str, value: &str) -> Result<(), Failed> {
        let (key, value) = (Argument::text(key), Argument::text(value));
        let arguments = [context.into(), 1.into(), key, value, 0.into()];
        self.call("fsconfig", libc::SYS_fsconfig, arguments).map(drop)
    }

    /// fsconfig(2) with FSCONFIG_CMD_CREATE: makes the file system.
    pub fn fsconfig_create(&mut self, context: c_int) -> Result<(), Failed> {
        let arguments = [context.into(), 6.into(), 0.into(), 0.into(), 0.into()];
        self.call("fsconfig", libc::SYS_fsconfig, arguments).map(drop)
    }

    /// fsmount(2). Returns a descriptor of the mount.
    pub fn fsmount(&mut self, context: c_int) -> Result<c_int, Failed> {
        self.fsmount_with(context, 0)
    }

    /// The same with attributes of the mount.
    pub fn fsmount_with(&mut self, context: c_int, attributes: c_int) -> Result<c_int, Failed> {
        let attributes = self.varied(&[attributes], &ATTRIBUTES);
        self.with_each(attributes, |me, attributes| {
            // FSMOUNT_CLOEXEC is the one flag that there is.
            me.with_each([0, 1], |me, flags| {
                let arguments = [context.into(), flags.into(), attributes.into()];
                Ok(me.call("fsmount", libc::SYS_fsmount, arguments)?.value as c_int)
            })
        })
    }

    /// move_mount(2) of the mount that a descriptor names, to a path.
    pub fn move_mount(&mut self, mount: c_int, target: &str) -> Result<(), Failed> {
        // MOVE_MOUNT_F_EMPTY_PATH; with it, what is done with links and automounts at either end.
        let flags = self.varied(&[4], &[1, 2, 0x10, 0x20]);
        self.with_each(flags, |me, flags| {
            let arguments =
                [mount.into(), Argument::text(""), HERE.into(), Argument::text(target), flags.into()];
            me.call("move_mount", libc::SYS_move_mount, arguments).map(drop)
        })
    }

    /// open_tree(2): a copy of a mount, at no place yet. Returns its descriptor.
    pub fn open_tree_clone(&mut self, path: &str) -> Result<c_int, Failed> {
        let harmless = [
            libc::O_CLOEXEC,
            libc::AT_EMPTY_PATH,
            libc::AT_NO_AUTOMOUNT,
            libc::AT_RECURSIVE,
            libc::AT_SYMLINK_NOFOLLOW,
        ];
        let flags = self.varied(&[libc::OPEN_TREE_CLONE as i32], &harmless);
        self.with_each(flags, |me, flags| {
            let arguments = [HERE.into(), Argument::text(path), flags.into()];
            Ok(me.call("open_tree", libc::SYS_open_tree, arguments)?.value as c_int)
        })
    }

    /// mkdirat(2) from the working directory.
    pub fn mkdir(&mut self, path: &str, mode: u32) -> Result<(), Failed> {
        self.call("mkdirat", libc::SYS_mkdirat, [HERE.into(), Argument::text(path), mode.into()]).map(drop)
    }

    /// close(2).
    pub fn close(&mut self, descriptor: c_int) -> Result<(), Failed> {
        self.call("close", libc::SYS_close, [descriptor.into()]).map(drop)
    }
}
