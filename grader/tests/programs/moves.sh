#!/bin/sh
# Tries to move the host's PID 1, and itself, into a group of its own in every hierarchy, and tells how often it could.
groups=0 itself=0 host=0
for top in /sys/fs/cgroup /sys/fs/cgroup/*; do
    [ -e "$top/cgroup.procs" ] && mkdir "$top/mine" 2>/dev/null || continue
    groups=$((groups + 1))
    { echo 1 >"$top/mine/cgroup.procs"; } 2>/dev/null && host=$((host + 1))
    { echo 0 >"$top/mine/cgroup.procs"; } 2>/dev/null && itself=$((itself + 1))
done
echo "groups $groups itself $itself host $host" >&2
exit 9
