#!/bin/sh
# Executes the command on the host and lets it join a PID namespace late.
unshare --pid --fork sleep 60 &
until child=$(cat /proc/$!/task/$!/children) && [ -n "$child" ]; do :; done
exec nsenter --pid="/proc/${child% }/ns/pid" "$1$2" "$3"
