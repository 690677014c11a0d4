#!/bin/sh
# Puts a program of its own in the probe's place, under the same name.
cp "${0%/*}/speak" "$1/speak" && mv "$1/speak" "$1$2"
exec chroot "$@"
