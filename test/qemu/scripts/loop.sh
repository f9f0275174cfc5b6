# For klp_case_module: the offset of a loop device reads 4242 while the livepatch is in force.
set -e
[ -b /dev/loop0 ] || mknod /dev/loop0 b 7 0
dd if=/dev/zero of=image bs=1024 count=64 2> /dev/null
losetup /dev/loop0 image
offset=$(cat /sys/block/loop0/loop/offset)
losetup -d /dev/loop0
echo "offset in phase $1: $offset"
case $1 in
  during) [ "$offset" = 4242 ] ;;
  *) [ "$offset" = 0 ] ;;
esac
