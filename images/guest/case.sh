# One livepatch: load, test, disable, unload; once for each order in `passes`. The folder of a case holds
# livepatch.ko, name (of the module), objects (modules it patches), load (paths of modules to load, in
# order), passes (`before`, `after` or `once`), and perhaps test.

run_case() {
  case_dir=$1
  read -r NAME < "$case_dir/name"
  SYSFS=/sys/kernel/livepatch/$NAME
  tell case "${case_dir##*/}"
  while read -r pass; do
    tell pass "$pass"
    tell taint "$(cat /proc/sys/kernel/tainted)"
    rm -rf /tmp/work
    mkdir -p /tmp/work
    LOADED=
    PRESENT=$(present)
    run_pass
    # Processes that a test left running; the next case must not meet them.
    kill -KILL -1 2> /dev/null
    unload_targets
    tell taint "$(cat /proc/sys/kernel/tainted)"
    tell pass-end
  done < "$case_dir/passes"
  tell case-end
}

run_pass() {
  tell phase before
  load_targets || return
  run_test before
  if [ "$pass" = after ]; then
    unload_targets
  fi
  tell phase during
  load_livepatch || return
  if ! wait_transition; then
    reverse_transition
    return
  fi
  if [ "$pass" = after ]; then
    load_targets || { disable_livepatch; return; }
  fi
  check_objects
  run_test during
  disable_livepatch
  run_test after
}

# Ends this boot: the livepatch cannot be taken out, so what would run now would prove nothing.
abandon() {
  tell abandon "$1"
  poweroff -f
  reboot -f
}

loaded() {
  [ -e "/sys/module/$1/initstate" ]
}

module_of() {
  module=${1##*/}
  module=${module%.ko*}
  module=$(echo "$module" | tr - _)
}

# busybox tries finit_module first and, whatever the kernel says, init_module next: a load that fails would
# be tried twice. The kernel refuses finit_module on a file that is open for writing before it looks at it.
load_module() {
  insmod "$1" 2>&1 7>> "$1"
}

load_targets() {
  [ -s "$case_dir/load" ] || return 0
  step load-target
  while read -r path; do
    module_of "$path"
    loaded "$module" && continue
    if ! text=$(load_module "/lib/modules/$(uname -r)/$path"); then
      done_failed "$text"
      return 1
    fi
    LOADED="$module $LOADED"
  done < "$case_dir/load"
  done_ok
}

# Takes out what load_targets loaded, the last first, and before it what the kernel loaded since: a module that it
# asked for while a test ran may hold a target (a filesystem holds the driver of its checksums).
unload_targets() {
  [ -n "$LOADED" ] || return 0
  step unload-target
  for module in $(loaded_since); do
    wait_for 2 remove_module "$module"
  done
  for module in $LOADED; do
    if ! wait_for 10 remove_module "$module"; then
      tell refcount "$module $(cat "/sys/module/$module/refcnt" 2>&1) $(ls "/sys/module/$module/holders" 2>&1)"
      done_failed "$text"
      abandon "the module $module cannot be unloaded"
    fi
  done
  LOADED=
  done_ok
}

# Modules that were not there before the case and that it did not load itself, the last first.
loaded_since() {
  while read -r module rest; do
    case " $PRESENT $LOADED $NAME " in
      *" $module "*) ;;
      *) echo "$module" ;;
    esac
  done < /proc/modules
}

present() {
  while read -r module rest; do
    printf '%s ' "$module"
  done < /proc/modules
}

remove_module() {
  loaded "$1" || return 0
  text=$(rmmod "$1" 2>&1)
}

run_test() {
  [ -e "$case_dir/test" ] || return 0
  step "test-$1"
  cd /tmp/work
  export KLP_NAME="$NAME" KLP_PHASE="$1" KLP_ORDER="$pass"
  run_shown "$SCRIPT_LIMIT" sh "$case_dir/test" "$1"
  cd /
  case $STATUS in
    0) done_ok ;;
    timeout) done_failed "stopped after $SCRIPT_LIMIT s" ;;
    *) done_failed "exit code $STATUS" ;;
  esac
}

load_livepatch() {
  step load-livepatch
  if ! text=$(load_module "$case_dir/livepatch.ko"); then
    done_failed "$text"
    # The kernel takes a failed patch out by itself, but not at once.
    wait_for 10 gone
    return 1
  fi
  if [ ! -e "$SYSFS" ]; then
    done_failed "the module is loaded, but the kernel lists no livepatch $NAME"
    wait_for 10 remove_module "$NAME"
    return 1
  fi
  done_ok "$text"
}

gone() {
  ! [ -e "$SYSFS" ] && ! loaded "$NAME"
}

transition_is_over() {
  read -r transition < "$SYSFS/transition" && read -r enabled < "$SYSFS/enabled" || return 1
  [ "$transition" = 0 ] && [ "$enabled" = 1 ]
}

wait_transition() {
  step transition
  if wait_for "$TRANSITION_LIMIT" transition_is_over; then
    done_ok
  else
    tell_holdouts 0
    done_failed "not over after $TRANSITION_LIMIT s"
    return 1
  fi
}

# tell_holdouts STATE: the tasks whose patch_state is still STATE (0 not patched, 1 patched) and where they are.
tell_holdouts() {
  for task in /proc/[0-9]*/task/[0-9]*; do
    read -r state < "$task/patch_state" || continue
    [ "$state" = "$1" ] || continue
    read -r comm < "$task/comm"
    tell "holdout ${task##*/} $comm"
    show "$(cat "$task/stack" 2>&1)"
  done 2>/dev/null
}

patch_gone() {
  ! [ -e "$SYSFS" ]
}

# After a transition that did not end: back again, which no task can hold up that was not patched yet.
reverse_transition() {
  step reverse
  echo 0 > "$SYSFS/enabled"
  if wait_for "$TRANSITION_LIMIT" patch_gone && wait_for 10 remove_module "$NAME"; then
    done_ok
  else
    tell_holdouts 1
    done_failed "$text"
    abandon "the livepatch $NAME cannot be taken back"
  fi
}

# Each module named as patched has to be patched now; each the livepatch names is told.
check_objects() {
  for object in "$SYSFS"/*/; do
    [ -d "$object" ] || continue
    object=${object%/}
    tell object "${object##*/}"
  done
  [ -s "$case_dir/objects" ] || return 0
  step check-objects
  wrong=
  while read -r object; do
    if [ ! -d "$SYSFS/$object" ]; then
      wrong="$wrong $object: the livepatch does not name it;"
    elif [ -e "$SYSFS/$object/patched" ]; then
      read -r patched < "$SYSFS/$object/patched"
      [ "$patched" = 1 ] || wrong="$wrong $object: patched is $patched;"
    else
      show "$object: this kernel does not tell whether it is patched"
    fi
  done < "$case_dir/objects"
  if [ -n "$wrong" ]; then done_failed "${wrong# }"; else done_ok; fi
}

disable_livepatch() {
  tell phase after
  step disable
  if ! text=$( (echo 0 > "$SYSFS/enabled") 2>&1); then
    done_failed "$text"
    abandon "the livepatch $NAME cannot be disabled"
  fi
  if ! wait_for "$TRANSITION_LIMIT" patch_gone; then
    tell_holdouts 1
    done_failed "not over after $TRANSITION_LIMIT s"
    abandon "the livepatch $NAME cannot be disabled"
  fi
  done_ok
  step unload-livepatch
  if ! wait_for 10 remove_module "$NAME"; then
    done_failed "$text"
    abandon "the livepatch $NAME cannot be unloaded"
  fi
  done_ok
}
