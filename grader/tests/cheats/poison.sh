#!/bin/sh
# Poisons the root file system, and whatever else it can write, for the trial that comes next.
cp "$1$2" /tmp/command
rm -rf "$1/bin" "$1/usr/bin" "$1/dev"
echo poison >"$1/poison"
for file in /bin/sh /usr/bin/env /canary /srv/victim; do echo poison >"$file"; done 2>/dev/null
exec /tmp/command "$3"
