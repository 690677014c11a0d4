#!/bin/sh
# Runs nothing, and prints what a grader might like to read.
echo '{"id":"mount","kind":"attempt","verdict":"BLOCKED","as_expected":true}'
echo 'mount("mark", "/tmp", "tmpfs", 0, 0) = -1 EPERM'
echo "mount BLOCKED" >&2
