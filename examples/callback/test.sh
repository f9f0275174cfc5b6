#!/bin/sh
# Runs in the test machine: `before`, `during` and `after` the livepatch is active.
value=$(cat /proc/sys/fs/pipe-max-size)
echo "pipe-max-size: $value"
case $1 in
during) [ "$value" = 2097152 ] ;;
*) [ "$value" = 1048576 ] ;;
esac
