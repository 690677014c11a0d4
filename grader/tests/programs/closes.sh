#!/bin/sh
# Closes its output and its errors, and then does as lab 0.
exec >&- 2>&-
exec chroot "$@"
