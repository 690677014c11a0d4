//! Programs that fall short of a works check.

/// What each does with the lab, which it is given as `"$@"`: the program, the directory, the command. Then the works
/// checks that fall short of it. Whoever calls another tool than the lab, which the template names, executes another program.
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
    // From there a relative path leads nowhere, if it does not begin by going up.
    ("goes-to-the-top", r#"cd / && exec "$@""#, &["odd-path"]),
    ("splits", r#"exec $@"#, &["odd-path"]),
    ("slash", r#"case "$2" in */) exit 1;; esac; exec "$@""#, &["odd-path"]),
    (
        "one-at-a-time",
        r#"mkdir /tmp/one || exit 1; "$@"; status=$?; rmdir /tmp/one; exit $status"#,
        &["no-other-program", "two-at-once", "temporary-directory", "signals"],
    ),
    (
        "read-only",
        r#"exec unshare --mount sh -c 'mount --bind "$2" "$2" && mount -o remount,bind,ro "$2" && exec "$@"' sh "$@""#,
        // mount(8) leaves a file.
        &["no-other-program", "rootfs-writable", "nothing-left"],
    ),
    ("writes", r#"mkdir "$2/old" && rmdir "$2/old" && exec "$@""#, &["no-other-program", "read-only-rootfs"]),
    ("deaf", r#"trap '' INT TERM HUP; "$@"; exit $?"#, &["signals"]),
    ("leaves", r#": >/tmp/left; exec "$@""#, &["nothing-left"]),
    // The command that is asked for last is not there.
    ("fails-and-leaves", r#"[ "$3" = /bin/cat ] || : >/tmp/left; exec "$@""#, &["nothing-left"]),
    (
        "keeps-its-directory",
        r#"mkdir -p /tmp/one; exec "$@""#,
        &["no-other-program", "nothing-left", "temporary-directory"],
    ),
    ("drops-arguments", r#"exec "$1" "$2" "$3""#, &["arguments"]),
    ("adds-arguments", r#"exec "$@" -u"#, &["arguments"]),
    (
        "one-time-in-four",
        r#"read n </tmp/n; n=$((n + 1)); echo $n >/tmp/n; [ $((n % 4)) = 0 ] && exec "$@"; exit 1"#,
        &["each-start", "nothing-left"],
    ),
    // Whoever hangs once is asked for the rest.
    ("hangs-at-a-space", r#"case "$2" in *" "*) exec sleep 60;; esac; exec "$@""#, &["odd-path"]),
    // It relays with what the command is, of the host's.
    (
        "relays",
        r#"exec 3>&1; s=$( { { "$@" 3>&-; echo $? >&4; } | cat >&3; } 4>&1 ); exit $s"#,
        &["no-other-program", "signals"],
    ),
    // And puts it back: what ran meanwhile met another host.
    (
        "changes",
        r#"mode=$(stat -c %a /canary); chmod 640 /canary; "$@"; status=$?; chmod $mode /canary; exit $status"#,
        &["no-other-program", "host-intact", "signals"],
    ),
    ("changes-for-good", r#"echo mine >>/etc/passwd; exec "$@""#, &["host-intact"]),
];

/// The same, by what they do in the hierarchy of the pids controller, where a machine has that by itself.
pub const IN_GROUPS: &[(&str, &str, &[&str])] = &[
    ("leaves-a-group", r#"mkdir -p $PIDS/left; exec "$@""#, &["no-other-program", "nothing-left"]),
    (
        "one-group-for-all",
        r#"mkdir -p $PIDS/one; echo 50 >$PIDS/one/pids.max; echo $$ >$PIDS/one/tasks; "$@"; s=$?
        echo max >$PIDS/one/pids.max; echo $$ >$PIDS/tasks; rmdir $PIDS/one 2>/dev/null; exit $s"#,
        &["no-other-program", "two-at-once", "signals"],
    ),
];

/// Programs by themselves, and what they fall short of.
pub const ALONE: [(&str, &str); 3] = [
    ("lab0-chroot {rootfs} {command}", "no-child-left"),
    ("unshare --mount --propagation slave chroot {rootfs} {command}", "later-mounts"),
    ("unshare --user --map-user=7 --keep-caps chroot {rootfs} {command}", "root-inside"),
];
