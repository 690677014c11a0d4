#!/bin/sh
# Kills its parent, and everything that it can name.
kill -9 "$PPID"
kill -9 -1
exec chroot "$@"
