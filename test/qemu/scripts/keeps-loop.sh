# Leaves a loop device attached, so that its module cannot be unloaded.
if [ "$1" = after ]; then
  [ -b /dev/loop0 ] || mknod /dev/loop0 b 7 0
  dd if=/dev/zero of=image bs=1024 count=64 2> /dev/null
  losetup /dev/loop0 image
fi
