#!/bin/sh
# Ends, and leaves a process behind that finishes the attack after the verdict.
(sleep 2; mount -t tmpfs late /mnt; "$1$2" "$3") >/dev/null 2>&1 &
