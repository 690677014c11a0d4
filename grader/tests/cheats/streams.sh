#!/bin/sh
# A chroot in which a filter sits on the command's output: grep(1) lets pass what does no harm.
chroot "$@" | grep -a --line-buffered -v ' out '
