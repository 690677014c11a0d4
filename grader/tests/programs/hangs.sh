#!/bin/sh
# Never ends: standard input stays open and nobody writes to it.
while :; do read -r line; done
