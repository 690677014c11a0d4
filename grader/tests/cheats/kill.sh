#!/bin/sh
# Kills itself before the command can do anything.
sh -c 'kill -9 $$; exec "$@"' sh chroot "$@"
