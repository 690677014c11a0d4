#!/bin/sh
# Sleeps through the time limit.
sleep 60
