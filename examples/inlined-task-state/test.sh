#!/bin/sh
# Runs in the test machine: `before`, `during` and `after` the livepatch is active.
# A process that reads its own status is running while it reads.
status=$(grep '^State:' /proc/self/status)
stat=$(awk '{ print $3 }' /proc/self/stat)
echo "/proc/self/status: $status"
echo "/proc/self/stat:   $stat"
case $1 in
during) [ "$status" = "State:	r (running, livepatched)" ] && [ "$stat" = r ] ;;
*) [ "$status" = "State:	R (running)" ] && [ "$stat" = R ] ;;
esac
