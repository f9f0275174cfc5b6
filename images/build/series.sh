#!/bin/sh
# Applies the project's own patches for this kernel to /usr/src/linux, exactly or not at all.
#
# In:  SERIES        patch files below /klp/series, in order, separated by blanks; empty applies none
#      SERIES_NAMES  what they are called together, separated by blanks
# Out: the patched tree, and .klp-series in it with the names, one on a line: the engine reads it
set -eu
cd /usr/src/linux
[ -n "$SERIES" ] || exit 0

for file in $SERIES; do
  if ! patch -p1 --fuzz=0 --batch --forward --no-backup-if-mismatch <"/klp/series/$file"; then
    echo "klp-docker: series-does-not-apply: $file does not apply to Linux $(make -s kernelversion)" >&2
    exit 3
  fi
done
# shellcheck disable=SC2086 # a list of words
printf '%s\n' $SERIES_NAMES >.klp-series
