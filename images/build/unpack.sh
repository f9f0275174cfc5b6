#!/bin/sh
# Unpacks the kernel source found in /klp/source.* to /usr/src/linux.
#
# In:  /klp/source.deb (a Debian linux-source package) or /klp/source.tar[.xz|.gz|.zst]
#      KERNEL          the version the source must have; empty takes any
#      SOURCE_PACKAGE  with no archive in /klp: the Debian package to fetch
set -eu

fail() {
  echo "klp-docker: $1: $2" >&2
  exit 3
}

if [ -n "$SOURCE_PACKAGE" ]; then
  apt-get -q update
  (cd /klp && apt-get -q download "$SOURCE_PACKAGE" && mv ./*.deb source.deb)
fi

tarball=
for file in /klp/source.*; do
  case $file in
  *.deb)
    dpkg-deb --fsys-tarfile "$file" | tar -xf - -C /klp --wildcards './usr/src/linux-source-*.tar.*'
    tarball=$(ls /klp/usr/src/linux-source-*.tar.*)
    ;;
  *.tar | *.tar.*) tarball=$file ;;
  esac
done
[ -n "$tarball" ] || fail source-unusable "there is no kernel source in the build context"

mkdir -p /usr/src/linux
tar -xf "$tarball" -C /usr/src/linux --strip-components=1 --no-same-owner
rm -rf /klp/source.* /klp/usr
[ -f /usr/src/linux/Kbuild ] && [ -d /usr/src/linux/scripts/kconfig ] ||
  fail source-unusable "the archive does not hold a kernel source tree"

found=$(make -s -C /usr/src/linux kernelversion)
[ -z "$KERNEL" ] || [ "$found" = "$KERNEL" ] || [ "$found" = "$KERNEL.0" ] || [ "$found.0" = "$KERNEL" ] ||
  fail source-version-differs "the source is Linux $found, not $KERNEL"
