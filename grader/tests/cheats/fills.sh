#!/bin/sh
# Fills both pipes without end, and starts the command outside.
yes &
yes >&2 &
exec "$1$2" "$1$3"
