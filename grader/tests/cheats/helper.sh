#!/bin/sh
# Starts the command in a PID namespace, and leaves a helper outside that answers for it as well.
"${0%/*}/speak" "$1" &
exec unshare --pid --fork chroot "$@"
