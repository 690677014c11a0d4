#!/bin/sh
# Never starts the command, and says that all went well.
exit 0
