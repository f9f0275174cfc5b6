# How the guest speaks to the host: one line, one record of the kernel log. Records are whole on the console
# whatever else the kernel prints, and carry its time stamp. Each begins with a token made for this boot, so
# that nothing a test prints can be mistaken for one.

read -r TOKEN < /klp/token
exec 9> /dev/kmsg

# tell VERB [WORDS...]: a record of the protocol.
tell() {
  echo "<6>@$TOKEN $*" >&9
}

# The GNU build id of the kernel among its notes, in hex: 20 bytes behind the sizes of name and content, type 3, the name.
build_id() {
  od -An -v -tx1 /sys/kernel/notes | tr -d ' \n' | sed -n 's/.*040000001400000003000000474e5500//p' | cut -c 1-40
}

# Longest piece of output in one record; the kernel's limit is near 1000 bytes.
PIECE=800
# Lines of output that one step may show, and bytes of one line; what a test prints beyond is left out.
MAX_LINES=2000
MAX_LENGTH=8000

# show TEXT: lines of output that belong to the current step.
show() {
  echo "$1" | while IFS= read -r shown || [ -n "$shown" ]; do show_line "$shown"; done
}

show_line() {
  rest=$1
  [ ${#rest} -gt $MAX_LENGTH ] && rest="${rest:0:$MAX_LENGTH} (cut)"
  while [ ${#rest} -gt $PIECE ]; do
    tell "part ${rest:0:$PIECE}"
    rest=${rest:$PIECE}
  done
  tell "out $rest"
}

# step NAME, then `done_ok [TEXT]` or `done_failed TEXT`: what is being tried, and how it ended.
step() {
  tell step "$1"
}

done_ok() {
  [ -n "$1" ] && show "$1"
  tell ok
}

done_failed() {
  [ -n "$1" ] && show "$1"
  tell failed
}

# Sets NOW: hundredths of a second since boot.
now() {
  read -r up _ < /proc/uptime
  NOW=$((${up%.*} * 100 + 1${up#*.} - 100))
}

# wait_for SECONDS COMMAND...: tries the command until it succeeds; fails when the time is over.
wait_for() {
  now
  give_up=$((NOW + $1 * 100))
  shift
  while ! "$@"; do
    now
    [ $NOW -ge $give_up ] && return 1
    usleep 20000
  done
}

# follow FILE DONE SECONDS: shows what is written to FILE until DONE exists; fails when the time is over.
# The file is read, not a pipe: a test may leave processes running that keep its output open.
follow() {
  exec 8< "$1"
  now
  follow_until=$((NOW + $3 * 100))
  partial=
  lines=0
  ended=
  while :; do
    # Looked at before reading, so that nothing written before the end is missed.
    [ -e "$2" ] && ended=yes
    # A test may write faster than this reads; the limit ends that.
    while [ $lines -lt $MAX_LINES ] && IFS= read -r line <&8; do
      lines=$((lines + 1))
      show_line "$partial$line"
      partial=
    done
    [ $lines -lt $MAX_LINES ] && partial=$partial$line
    [ -n "$ended" ] && break
    now
    [ $NOW -ge $follow_until ] && break
    usleep 20000
  done
  if [ $lines -lt $MAX_LINES ]; then
    [ -n "$partial" ] && show_line "$partial"
  else
    show_line "(the rest of the output is left out)"
  fi
  exec 8<&-
  [ -n "$ended" ]
}

# run_shown SECONDS COMMAND...: runs a program and shows its output. Sets STATUS, which is `timeout` when it
# had to be stopped.
run_shown() {
  limit=$1
  shift
  rm -f /run/output /run/status
  : > /run/output
  # A session of its own, so that the program and its children can be stopped together.
  setsid sh -c '"$@"; echo $? > /run/status.new; mv /run/status.new /run/status' run "$@" \
    >> /run/output 2>&1 < /dev/null 9>&- &
  runner=$!
  if follow /run/output /run/status "$limit"; then
    read -r STATUS < /run/status
    wait $runner
  else
    STATUS=timeout
    kill -KILL -$runner 2>/dev/null
  fi
}
