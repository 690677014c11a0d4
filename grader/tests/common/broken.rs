//! Programs that fall short of a works check.

/// What each does with the lab, which it is given as `"$@"`: the program, the directory, the command. Then the works
/// checks that fall short of it. That it executes another program, the lab, falls short in all of them.
pub const BROKEN: &[(&str, &str, &[&str])] = &[
    ("nothing", r#"exec "$@""#, &[]),
    ("output", r#"exec "$@" >/dev/null"#, &["output"]),
    ("errors", r#"exec "$@" 2>/dev/null"#, &["output"]),
    // Where there is no terminal, nothing is /dev/console.
    ("input", r#"exec "$@" </dev/null"#, &["input", "terminal", "console"]),
    ("terminal", r#"if [ -t 0 ]; then exec "$@" </dev/null; fi; exec "$@""#, &["terminal", "console"]),
    // A shell that waits for the lab dies of a signal, and the lab lives on.
    ("success", r#"trap '' INT TERM HUP; "$@"; exit 0"#, &["exit-status", "signal-status", "signals"]),
    ("one-or-none", r#""$@" || exit 1"#, &["exit-status", "signals"]),
    ("no-255", r#""$@"; status=$?; [ $status = 255 ] && exit 1; exit $status"#, &["exit-status", "signals"]),
    (
        "forgives-a-signal",
        r#""$@"; status=$?; [ $status -gt 128 ] && [ $status != 255 ] && exit 0; exit $status"#,
        &["signal-status", "signals"],
    ),
    (
        "waits-on",
        r#""$@"; status=$?; [ $status = 137 ] && exec sleep 60; exit $status"#,
        &["signal-status", "signals"],
    ),
    ("absolute", r#"case "$2" in /*) exec "$@";; esac; echo no >&2; exit 1"#, &["odd-path"]),
    ("splits", r#"exec $@"#, &["odd-path"]),
    ("slash", r#"case "$2" in */) exit 1;; esac; exec "$@""#, &["odd-path"]),
    (
        "one-at-a-time",
        r#"mkdir /tmp/one || exit 1; "$@"; status=$?; rmdir /tmp/one; exit $status"#,
        &["two-at-once", "signals"],
    ),
    (
        "read-only",
        r#"exec unshare --mount sh -c 'mount --bind "$2" "$2" && mount -o remount,bind,ro "$2" && exec "$@"' sh "$@""#,
        // mount(8) leaves a file.
        &["rootfs-writable", "nothing-left"],
    ),
    ("writes", r#"mkdir "$2/old" && rmdir "$2/old" && exec "$@""#, &["read-only-rootfs"]),
    ("deaf", r#"trap '' INT TERM HUP; "$@"; exit $?"#, &["signals"]),
    ("leaves", r#"touch /tmp/left; exec "$@""#, &["nothing-left"]),
    // Of what it relays with, the file is the command's.
    ("relays", r#"exec 3>&1; s=$( { { "$@" 3>&-; echo $? >&4; } | cat >&3; } 4>&1 ); exit $s"#, &["signals"]),
    // And puts it back: what ran meanwhile met another host.
    (
        "changes",
        r#"mode=$(stat -c %a /canary); chmod 640 /canary; "$@"; status=$?; chmod $mode /canary; exit $status"#,
        &["host-intact", "signals"],
    ),
    ("changes-for-good", r#"echo mine >>/etc/passwd; exec "$@""#, &["host-intact"]),
];

/// Programs by themselves, and what they fall short of.
pub const ALONE: [(&str, &str); 2] = [
    ("lab0-chroot {rootfs} {command}", "no-child-left"),
    ("unshare --user --map-user=7 --keep-caps chroot {rootfs} {command}", "root-inside"),
];
