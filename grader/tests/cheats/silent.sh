#!/bin/sh
# Shows the host the command in a whole container, where nobody hears it; its streams are those of another program outside.
sleep 60 | unshare --mount --uts --ipc --net --pid --fork chroot "$@" >/dev/null 2>&1 &
cp "$1$2" /tmp/another
echo >>/tmp/another
exec /tmp/another "$3"
