#!/bin/sh
# Fills the disk, file by file.
number=0
while number=$((number + 1)); do
    head -c 60000000 /dev/zero >"/tmp/fill-$number" || exit 1
done
