#!/bin/sh
# Fills a file system of its own, which is larger than the memory that it may have.
mkdir /tmp/own && mount -t tmpfs -o size=1g none /tmp/own
number=0
while head -c 60000000 /dev/zero >"/tmp/own/$number"; do number=$((number + 1)); done
