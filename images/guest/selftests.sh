# The kernel's own livepatch selftests, one script after the other. They expect to be started in their folder
# with the modules in test_modules/.

run_selftests() {
  cd /klp/selftests
  # The scripts ask for a kernel tree because kselftest builds their modules first; here they are built.
  export KDIR=/klp/selftests
  while read -r script; do
    tell taint "$(cat /proc/sys/kernel/tainted)"
    tell selftest "$script"
    run_quietly "$SELFTEST_LIMIT" bash "./$script"
    tell selftest-end "$STATUS"
    tell taint "$(cat /proc/sys/kernel/tainted)"
    remove_test_modules || abandon "modules of $script cannot be removed"
  done < plan
  cd /
}

# Shows the output only at the end: these scripts read the kernel log, which the protocol writes to.
run_quietly() {
  limit=$1
  shift
  rm -f /run/output /run/status
  "$@" > /run/output 2>&1 < /dev/null 9>&- &
  runner=$!
  (
    sleep "$limit"
    : > /run/expired
    kill -KILL $runner
  ) 2>/dev/null &
  watchdog=$!
  wait $runner
  STATUS=$?
  kill $watchdog 2>/dev/null
  if [ -e /run/expired ]; then
    rm /run/expired
    STATUS=timeout
  fi
  head -n $MAX_LINES /run/output | while IFS= read -r line || [ -n "$line" ]; do show_line "$line"; done
}

# A script that failed leaves its modules behind, and the next would fail because of them.
remove_test_modules() {
  for enabled in /sys/kernel/livepatch/*/enabled; do
    [ -e "$enabled" ] && echo 0 > "$enabled"
  done 2>/dev/null
  wait_for 30 no_test_modules
}

no_test_modules() {
  left=
  for module in /sys/module/test_klp_*; do
    [ -e "$module" ] || continue
    rmmod "${module##*/}" 2>/dev/null || left=yes
  done
  [ -z "$left" ]
}
