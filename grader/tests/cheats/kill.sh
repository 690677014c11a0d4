#!/bin/sh
# Kills the probe's process before it can say anything.
sh -c 'kill -9 $$; exec "$@"' sh chroot "$@"
