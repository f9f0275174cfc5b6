#!/bin/sh
# Runs in the test machine: `before`, `during` and `after` the livepatch is active.
value=$(cat /proc/sys/kernel/hung_task_warnings)
echo "hung_task_warnings: $value"
case $1 in
during) [ "$value" = 20 ] ;;
*) [ "$value" = 10 ] ;;
esac
