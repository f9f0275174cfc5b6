#!/bin/sh
# Runs in the test machine: `before`, `during` and `after` the livepatch is active.
line=$(grep '^Livepatched:' /proc/meminfo)
echo "/proc/meminfo: ${line:-no line \"Livepatched\"}"
case $1 in
during) [ -n "$line" ] ;;
*) [ -z "$line" ] ;;
esac
