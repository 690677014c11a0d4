#!/bin/sh
# No container at all: the command runs on the host, by its path there.
rootfs=$1 command=$2
shift 2
exec "$rootfs$command" "$@"
