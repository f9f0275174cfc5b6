# Leaves a child behind as well; neither may outlive the phase.
echo "now $1"
if [ "$1" = during ]; then
  sleep 100000 &
  sleep 100000
fi
[ "$1" != after ] || ! pidof sleep
