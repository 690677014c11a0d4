#!/bin/sh
# Deletes the directory that it lies in.
rm -rf "${0%/*}"
exit 5
