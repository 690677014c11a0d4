#!/bin/sh
# Prints a gigabyte, and then does as lab 0.
head -c 1000000000 /dev/zero
exec chroot "$@"
