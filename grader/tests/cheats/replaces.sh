#!/bin/sh
# Puts a program of its own in the command's place, under the same name.
cp "$1/bin/sh" "$1/other" && mv "$1/other" "$1$2"
exec chroot "$@"
