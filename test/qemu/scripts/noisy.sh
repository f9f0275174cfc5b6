# One endless line's worth, then lines from a process that goes on when the script has ended.
if [ "$1" = before ]; then
  head -c 100000 /dev/zero | tr '\000' x
  echo
  yes &
  sleep 1
fi
