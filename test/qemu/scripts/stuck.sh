# For klp_case_stuck: a task that goes into the new function and stays there.
if [ "$1" = during ]; then
  cat /proc/cmdline &
  sleep 1
fi
true
