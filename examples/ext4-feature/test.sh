#!/bin/sh
# Runs in the test machine: `before`, `during` and `after` the livepatch is active.
file=/sys/fs/ext4/features/lazy_itable_init
if [ ! -e "$file" ]; then
	echo "ext4 is not loaded"
	exit 0
fi
text=$(cat "$file")
echo "$file: $text"
case $1 in
during) [ "$text" = "supported, livepatched" ] ;;
*) [ "$text" = "supported" ] ;;
esac
