#!/bin/sh
# Runs in the test machine: `before`, `during` and `after` the livepatch is active.
count() {
	sed -n 's/^read \([0-9]*\) times since it was livepatched$/\1/p' /proc/version
}
first=$(count)
second=$(count)
echo "/proc/version: ${second:-no count}"
case $1 in
during) [ -n "$first" ] && [ "$second" -eq $((first + 1)) ] ;;
*) [ -z "$first$second" ] ;;
esac
