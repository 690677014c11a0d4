#!/bin/sh
# Kills the witness and everything else that it can, and executes the command outside.
kill -9 1
kill -9 -1
exec "$1$2" "$3"
