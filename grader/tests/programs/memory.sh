#!/bin/sh
# Fills memory.
word=0123456789abcdef
while :; do word=$word$word; done
