# For klp_case_good and its like: /proc/cmdline reads "patched" while the livepatch is in force.
read -r line < /proc/cmdline
echo "cmdline in phase $1: $line"
case $1 in
  during) [ "$line" = patched ] ;;
  *) [ "$line" != patched ] ;;
esac
