#!/bin/busybox sh
# First process of the machine in which the hard cases of arm64 are tried (hard-cases.test.ts). Each case says
# on the kernel's log how it went: `HARD ok NAME`, or `HARD failed NAME: why`.

/bin/busybox mkdir -p /proc /sys /dev /run /bin /sbin
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs devtmpfs /dev
/bin/busybox --install -s /bin
export PATH=/bin:/sbin
mount -t debugfs debugfs /sys/kernel/debug
mount -t tracefs tracefs /sys/kernel/tracing
KLP=/sys/kernel/livepatch
TRACING=/sys/kernel/tracing

say() { echo "HARD $*" > /dev/kmsg; }
# The first thing that goes wrong in a case is what is told.
fail() { [ -n "$WHY" ] || WHY=$*; }

run() {
  WHY=
  say "begin $1"
  "$@"
  if [ -z "$WHY" ]; then say "ok $1"; else say "failed $1: $WHY"; fi
}

# Up to 120 s: a machine that emulates is slow. What never comes is what fails.
wait_until() {
  tries=1200
  until "$@"; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || { fail "never: $*"; return 1; }
    sleep 0.1
  done
}

is() { [ "$(cat "$1" 2>/dev/null)" = "$2" ]; }
gone() { [ ! -e "$1" ]; }
# busybox tries a second time whatever the kernel says, except when the file is open for writing.
load() { insmod "/m/$1.ko" 7>> "/m/$1.ko" || fail "$1 does not load"; }
unload() { rmmod "$1" || fail "$1 cannot be unloaded"; }
settled() { wait_until is "$KLP/$1/transition" 0; }
expect() { [ "$(cat "$1")" = "$2" ] || fail "$1 is $(cat "$1"), expected $2"; }
value() { expect /sys/module/klp_hard_target/parameters/value "$1"; }
text_of() { cat "/sys/module/$1/sections/.text"; }

livepatch_in() {
  load "$1"
  settled "$1"
}

livepatch_out() {
  echo 0 > "$KLP/$1/enabled" || fail "$1 cannot be disabled"
  wait_until gone "$KLP/$1"
  unload "$1"
}

target_before() {
  load klp_hard_target
  value 1
  livepatch_in klp_hard_target_patch
  value 1756
  livepatch_out klp_hard_target_patch
  value 1
  unload klp_hard_target
}

target_after() {
  livepatch_in klp_hard_target_patch
  load klp_hard_target
  value 1756
  unload klp_hard_target
  livepatch_out klp_hard_target_patch
}

# As much as the text of klp_hard_target takes, and so the place where it would come.
take_space() { echo "${1:-2}" > /sys/module/klp_hard_space/parameters/take || fail "no space"; }
give_space() { echo 0 > /sys/module/klp_hard_space/parameters/take; }

# More often than there are PLT entries (16), and by turns at another address.
reload() {
  : > /run/addresses
  for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    [ $((i % 2)) = 1 ] || take_space
    load klp_hard_target
    value 1756
    text_of klp_hard_target >> /run/addresses
    unload klp_hard_target
    [ $((i % 2)) = 1 ] || give_space
  done
  [ "$(sort -u /run/addresses | wc -l)" -gt 1 ] || fail "always at the same address"
}

reloaded() {
  livepatch_in klp_hard_target_patch
  load klp_hard_space
  reload
  unload klp_hard_space
  livepatch_out klp_hard_target_patch
}

out_of_reach() {
  distance=$((($(text_of klp_hard_target) - $(text_of klp_hard_target_patch)) >> 20))
  [ ${distance#-} -gt 128 ]
}

# The livepatch first, then space is taken until the target is out of a branch's reach.
far_away() {
  livepatch_in klp_hard_target_patch
  load klp_hard_space
  for mib in 32 32 16 16 8 8 4 4; do take_space $mib; done
  load klp_hard_target
  until out_of_reach; do
    unload klp_hard_target
    take_space || break
    load klp_hard_target
  done
  say "note far_away: $distance MiB"
  value 1756
  unload klp_hard_target
  reload
  refuse_and_reload
  livepatch_out klp_hard_target_patch
  unload klp_hard_space
}

# A module that is refused has been relocated against; what that took must be there for the next attempt.
refuse_and_reload() {
  echo 1 > /sys/module/klp_hard_target_patch/parameters/refuse
  for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    [ $((i % 2)) = 1 ] || take_space
    insmod /m/klp_hard_target.ko 7>> /m/klp_hard_target.ko 2>/dev/null && fail "not refused"
    [ $((i % 2)) = 1 ] || give_space
  done
  echo 0 > /sys/module/klp_hard_target_patch/parameters/refuse
  load klp_hard_target
  value 1756
  unload klp_hard_target
}

refused() {
  livepatch_in klp_hard_target_patch
  load klp_hard_space
  refuse_and_reload
  unload klp_hard_space
  livepatch_out klp_hard_target_patch
}

threads_ran() { [ "$(cat $THREADS/steps)" -gt "$1" ]; }

# Back and forth while the threads run; both sides must be seen by all of them.
flip_threads() {
  THREADS=/sys/module/klp_hard_threads/parameters
  for i in $1; do
    wait_until threads_ran $(($(cat $THREADS/steps) + 30))
    livepatch_in klp_hard_threads_patch
    wait_until threads_ran $(($(cat $THREADS/steps) + 30))
    expect $THREADS/mismatches 0
    livepatch_out klp_hard_threads_patch
  done
  expect $THREADS/mismatches 0
}

preempted_threads() {
  load klp_hard_threads
  flip_threads "1 2 3"
  unload klp_hard_threads
}

# Before the livepatch, so that its handler comes first and the slow one after it.
slowly_traced() {
  load klp_hard_threads
  load klp_hard_slow
  flip_threads "1 2 3"
  unload klp_hard_slow
  unload klp_hard_threads
}

traced() {
  load klp_hard_threads
  for probe in klp_hard_step klp_hard_second vfs_read schedule_timeout; do
    echo "r:hard_$probe $probe" >> $TRACING/kprobe_events || fail "no kretprobe on $probe"
  done
  echo 1 > $TRACING/events/kprobes/enable
  for traced in 'klp_hard_*' 'schedule*' 'vfs_*' 'ksys_*' 'kthread*' '*poll*' '*wait*'; do
    echo "$traced" >> $TRACING/set_ftrace_filter || fail "cannot trace $traced"
  done
  echo function_graph > $TRACING/current_tracer || fail "no function_graph"
  flip_threads "1 2"
  grep -q klp_hard_step $TRACING/trace || fail "nothing traced"
  echo nop > $TRACING/current_tracer
  echo 0 > $TRACING/events/kprobes/enable
  echo > $TRACING/kprobe_events
  echo > $TRACING/set_ftrace_filter
  unload klp_hard_threads
}

# All tasks have changed sides, but for the one that sleeps.
all_but() {
  for task in /proc/[0-9]*/task/[0-9]*; do
    [ "${task##*/}" = "$1" ] || is "$task/patch_state" 1 || [ ! -e "$task" ] || return 1
  done
}

asleep() { grep -q klp_hard_sleep "/proc/$1/stack"; }

sleeping() {
  load klp_hard_threads
  cat /sys/kernel/debug/klp_hard_enter &
  sleeper=$!
  wait_until asleep $sleeper
  load klp_hard_sleep_patch
  wait_until all_but $sleeper
  expect $KLP/klp_hard_sleep_patch/transition 1
  expect /proc/$sleeper/patch_state 0
  asleep $sleeper || fail "the sleeper is not asleep"
  echo 1 > /sys/module/klp_hard_threads/parameters/woken
  settled klp_hard_sleep_patch
  wait $sleeper
  livepatch_out klp_hard_sleep_patch
  unload klp_hard_threads
}

say "kernel $(uname -r)"
for name in $(cat /run/cases); do run "$name"; done
say end
poweroff -f
