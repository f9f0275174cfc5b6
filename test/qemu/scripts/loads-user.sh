# Makes the kernel load modules that need mbcache, as a mount would.
if [ "$1" = during ]; then
  modprobe ext4
  [ -e /sys/module/mbcache/holders/ext4 ]
fi
