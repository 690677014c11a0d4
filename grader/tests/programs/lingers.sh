#!/bin/sh
# Leaves a process behind at each start, and says at the next one that it meets it.
met=$(cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ' | grep -c '[s]leep 4321')
[ "$met" = 0 ] || { echo "it met a process of an earlier start" >&2; exit 9; }
setsid sleep 4321 </dev/null >/dev/null 2>&1 &
exec chroot "$@"
