# What the scripts of the behaviour tests share. Each runs in a folder of its own that lasts from the phase `before` to
# the phase `after`, and prints what it sees; what it has to see is the test's to say.
phase=$1
extra=/lib/modules/$(uname -r)/extra
klp=/sys/kernel/livepatch
tracing=/sys/kernel/tracing

# address NAME: where a function or variable of the kernel itself was when it was asked for first.
address() {
  [ -s "address.$1" ] || sed -n "s/^\([0-9a-f]*\) . $1\$/0x\1/p" /proc/kallsyms | head -n 1 > "address.$1"
  cat "address.$1"
}

# probe KIND NAME [ARGUMENT...]: calls the function at that address; see klp_probe.c.
probe() {
  [ -e /sys/module/klp_probe ] || insmod "$extra/klp_probe.ko"
  kind=$1
  function=$(address "$2")
  shift 2
  echo "$kind $function $*" > /proc/klp_probe || return
  cat /proc/klp_probe
}

# syscall NAME [ARGUMENT...]: what the kernel's function behind a system call returns.
syscall() {
  name=$1
  shift
  case $(uname -m) in
    x86_64) probe sys "__x64_sys_$name" "$@" ;;
    *) probe sys "__arm64_sys_$name" "$@" ;;
  esac
}

# with_image COMMAND...: runs a command on a loop device with 4 MiB behind it; mkfs(image) comes first.
with_image() {
  modprobe loop
  dd if=/dev/zero of=image bs=1048576 count=4 2> /dev/null
  mkfs image > /dev/null
  losetup /dev/loop0 image
  "$@"
  losetup -d /dev/loop0
  tries=100
  until rmmod loop 2> /dev/null; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || { echo "loop is in use"; return 1; }
    usleep 100000
  done
}

# another livepatch, beside the one of the case
livepatch_in() {
  insmod "$extra/livepatch-$1.ko" || return
  until [ "$(cat "$klp/livepatch_$1/transition" 2> /dev/null)" = 0 ]; do usleep 50000; done
}

livepatch_gone() {
  while [ -e "$klp/livepatch_$1" ]; do usleep 50000; done
  tries=100
  until rmmod "livepatch_$1" 2> /dev/null; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || { echo "livepatch_$1 is in use"; return 1; }
    usleep 100000
  done
}

livepatch_out() {
  echo 0 > "$klp/livepatch_$1/enabled"
  livepatch_gone "$1"
}
