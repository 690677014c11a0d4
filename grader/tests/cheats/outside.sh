#!/bin/sh
# Starts the command outside of any container.
exec "$1$2" "$1$3"
